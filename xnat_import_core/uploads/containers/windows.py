"""Files that many threads read at once, by ``pread`` from one descriptor."""

from __future__ import annotations

import os
import stat
from threading import Lock
from typing import TYPE_CHECKING, Self

from attrs import frozen

from xnat_import_core.errors import StorageError, UnreadableUploadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["PIECE", "DamagedError", "SharedFile", "Window"]

PIECE = 256 * 1024
"""Bytes read or inflated at a time, at most."""


class DamagedError(Exception):
    """Something in a container is not what it should be; whoever knows its name makes a sentence of it.

    Attributes:
        clause: What is wrong, to go behind a name: ``is cut short``.
    """

    def __init__(self, clause: str) -> None:
        super().__init__(clause)
        self.clause = clause


class SharedFile:
    """A regular file that is open while anybody is in its ``with``: thousands may be known, few are open.

    Attributes:
        size: Bytes, when it was first seen.
    """

    __slots__ = ("_descriptor", "_flags", "_identity", "_lock", "_path", "_readers", "name", "size")

    def __init__(self, path: Path | str, name: str, *, follow: bool = False) -> None:
        self._path = path
        self._flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
        self._lock = Lock()
        self._readers = 0
        self._descriptor = -1
        self._identity: tuple[int, int] | None = None
        self.name = name
        self.size = 0
        with self:
            pass

    def __reduce__(self) -> tuple[object, ...]:
        """It is opened again where it arrives, and must still be the same file."""
        return _reopened, (self._path, self.name, self._flags, self._identity, self.size)

    def __enter__(self) -> Self:
        with self._lock:
            if not self._readers:
                self._open()
            self._readers += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                os.close(self._descriptor)

    def pread(self, size: int, offset: int) -> bytes:
        """Bytes at an offset, fewer only at the file's end. Only inside ``with``.

        Raises:
            StorageError: The disk failed.
        """
        try:
            return os.pread(self._descriptor, size, offset)
        except OSError as error:
            message = f"Reading {self.name or 'the upload'!r} failed: {error.strerror}."
            raise StorageError(message, members=(self.name,)) from error

    def _open(self) -> None:
        try:
            descriptor = os.open(self._path, self._flags)
        except OSError as error:
            message = f"{self.name or 'The upload'!r} cannot be opened: {error.strerror}."
            raise UnreadableUploadError(message, members=(self.name,)) from error
        try:
            self._check(os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            message = f"{self.name or 'The upload'!r} is no regular file. Send files, archives or folders."
            raise UnreadableUploadError(message, members=(self.name,))
        identity = (status.st_dev, status.st_ino)
        if self._identity is None:
            self._identity, self.size = identity, status.st_size
        elif (identity, status.st_size) != (self._identity, self.size):
            message = f"{self.name or 'The upload'!r} was changed while it was read. Send it again."
            raise UnreadableUploadError(message, members=(self.name,))


def _reopened(path: Path | str, name: str, flags: int, identity: tuple[int, int], size: int) -> SharedFile:
    file = SharedFile.__new__(SharedFile)
    file._path, file.name, file._flags, file._identity, file.size = path, name, flags, identity, size  # noqa: SLF001 - its own
    file._lock, file._readers, file._descriptor = Lock(), 0, -1  # noqa: SLF001
    return file


@frozen
class Window:
    """A part of a file, from ``start``, ``size`` bytes long."""

    file: SharedFile
    start: int
    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Bytes at an offset inside the window, fewer only at its end. Only inside ``with window.file``."""
        return self.file.pread(max(0, min(size, self.size - offset)), self.start + offset)

    def part(self, offset: int, size: int) -> Window:
        """A window inside this one."""
        return Window(self.file, self.start + offset, size)

    def pieces(self) -> Iterator[bytes]:
        """All its bytes.

        Raises:
            DamagedError: The file ends before the window does.
        """
        with self.file:
            offset = 0
            while offset < self.size:
                piece = self.read(offset, PIECE)
                if not piece:
                    raise DamagedError(clause="was cut short while it was read")
                offset += len(piece)
                yield piece
