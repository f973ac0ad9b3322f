"""A private folder for nested archives that cannot be read where they lie."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from xnat_import_core.errors import StorageError, StorageFullError
from xnat_import_core.uploads.containers.windows import SharedFile, Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SpoolFolder"]


class SpoolFolder:
    """Files under generated names, all removed by ``clear``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def keep(self, pieces: Iterator[bytes], name: str) -> Window:
        """Write pieces into a file of its own.

        Raises:
            StorageFullError: No room.
            StorageError: Another fault of the disk.
        """
        path = self._path(self._made)
        self._made += 1
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise _storage_error(error) from error
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            for piece in pieces:
                _write(file.fileno(), piece)
        shared = SharedFile(path, name)
        return Window(shared, 0, shared.size)

    def clear(self) -> None:
        """Remove everything that was kept."""
        for number in range(self._made):
            self._path(number).unlink(missing_ok=True)
        self._made = 0

    def _path(self, number: int) -> Path:
        return self._folder / f"nested-{number:06}"


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise _storage_error(error) from error


def _storage_error(error: OSError) -> StorageError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFullError("The disk is full: an archive in the upload could not be opened. Nothing was stored.")
    return StorageError(f"An archive inside the upload could not be opened: {error.strerror}. Nothing was stored.")
