"""What a server does not need any more goes back to the system."""

from __future__ import annotations

import ctypes

__all__ = ["give_back_what_is_freed"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MIB = 1024 * 1024


def give_back_what_is_freed() -> None:
    """Fix the sizes from which glibc gives freed memory back; other C libraries are left as they are.

    By itself it raises them to the largest block ever freed, and then keeps the 9 MiB of every password's check.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 2 * _MIB)  # a piece of a body is smaller: it is taken and freed 1,000 times a GB
        mallopt(_M_TRIM_THRESHOLD, 4 * _MIB)
