"""Durable writes: what is synced when, and what an operating system's error means here."""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from xnat_import_core.errors import StorageError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check_free", "rename", "storage_faults", "sync_filesystem", "sync_folder"]

_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def storage_faults() -> Iterator[None]:
    """Turn an ``OSError`` of the store into ``StorageFullError`` (507) or ``StorageError`` (500)."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            message = "The disk is full; nothing was stored. Free some space and send it again."
            raise StorageFullError(message) from error
        if error.errno in _FORBIDDEN:
            message = "The store cannot be written: it is read-only, or belongs to another user. Nothing was stored."
            raise StorageError(message) from error
        message = "The store's disk failed; nothing was stored."
        raise StorageError(message) from error


def check_free(folder: Path, needed: int) -> None:
    """Refuse with ``StorageFullError`` where less than ``needed`` bytes are free."""
    found = os.statvfs(folder)
    if found.f_bavail * found.f_frsize < needed:
        message = "The disk is full; nothing was stored. Free some space and send it again."
        raise StorageFullError(message)


def rename(source: Path, target: Path) -> None:
    """Rename within the store: atomic, visible at once, durable after ``sync_folder`` of both parents."""
    source.rename(target)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. A failure is final: never tried again on the same descriptor."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_filesystem(descriptor: int) -> None:
    """Make all that was written on a file system durable.

    ``descriptor`` is of a folder on it, opened before the first write: the kernel reports errors only to those.
    """
    if _libc().syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@cache
def _libc() -> Any:  # noqa: ANN401 - ctypes has no better type
    return ctypes.CDLL(None, use_errno=True)
