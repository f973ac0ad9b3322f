"""The value representations of PS3.5, section 6.2, and how an explicit element writes their length."""

from __future__ import annotations

from string import ascii_letters
from typing import Final

__all__ = ["LONG_VRS", "SHORT_VRS", "looks_like_vr"]

LONG_VRS: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LETTERS: Final = frozenset(f"{ascii_letters}?".encode())


def looks_like_vr(vr: bytes) -> bool:
    """Could this be meant as a VR, though maybe of no standard: ``us``, ``??``; such an element has a short length."""
    return len(vr) == len(b"??") and vr[0] in _LETTERS and vr[1] in _LETTERS
