"""Bytes as an iterator of pieces, and the layers that every member's pieces go through."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from xnat_import_core.errors import UnreadableUploadError, XnatImportError
from xnat_import_core.uploads.containers.inflate import crc32
from xnat_import_core.uploads.containers.names import quoted
from xnat_import_core.uploads.containers.windows import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xnat_import_core.uploads.budget import Tally

__all__ = ["Flow", "PieceStream", "checked", "counted"]


def checked(pieces: Iterator[bytes], size: int, crc: int) -> Iterator[bytes]:
    """The same pieces; the last one is only handed on if length and checksum are right.

    Raises:
        DamagedError: They are not.
    """
    length = actual = 0
    for piece in pieces:
        length += len(piece)
        actual = crc32(piece, actual)
        if length > size:
            raise DamagedError(clause="is longer than its archive states")
        if length == size and actual != crc:
            break
        yield piece
    if length < size:
        raise DamagedError(clause="is shorter than its archive states")
    if actual != crc:
        raise DamagedError(clause="does not have the checksum that its archive states")


def counted(pieces: Iterator[bytes], tally: Tally) -> Iterator[bytes]:
    """The same pieces, counted against the limits before they are handed on."""
    position = 0
    for piece in pieces:
        position += len(piece)
        tally.reach(position)
        yield piece


class Flow:
    """Pieces taken in amounts of the reader's choice. A failure stays one: it is raised again, never an end."""

    __slots__ = ("_at", "_failure", "_pieces", "_rest")

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""
        self._at = 0
        self._failure: Exception | None = None

    def some(self, limit: int) -> bytes:
        """From 1 to ``limit`` bytes; none at the end."""
        if self._at >= len(self._rest):
            self._rest, self._at = self._next(), 0
        part = self._rest[self._at : self._at + limit] if self._at or limit < len(self._rest) else self._rest
        self._at += len(part)
        return part

    def up_to(self, size: int) -> bytes:
        """``size`` bytes, fewer only at the end."""
        part = self.some(size)
        if len(part) in {0, size}:
            return part
        parts = [part]
        missing = size - len(part)
        while missing and (part := self.some(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Let go of what the pieces hold."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()

    def _next(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        try:
            return next(self._pieces, b"")
        except (XnatImportError, DamagedError) as error:
            self._failure = error
            raise


class PieceStream(io.BufferedIOBase, BinaryIO):
    """A member as a file: ``read(n)`` gives ``n`` bytes, fewer only at the end."""

    def __init__(self, pieces: Iterator[bytes], name: str) -> None:
        self._flow = Flow(pieces)
        self._name = name

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to ``size`` bytes, all if negative. Raises what ``Entry.open`` says."""
        self._check_open()
        try:
            if size is None or size < 0:
                return b"".join(iter(lambda: self._flow.some(1 << 30), b""))
            return self._flow.up_to(size) if size else b""
        except DamagedError as error:
            message = f"Member {quoted(self._name)} {error.clause}. Send it again."
            raise UnreadableUploadError(message, members=(self._name,)) from error

    def read1(self, size: int = -1, /) -> bytes:
        """As ``read``."""
        return self.read(size)

    def close(self) -> None:
        """Let go of the file."""
        if not self.closed:
            self._flow.close()
        super().close()

    def _check_open(self) -> None:
        if self.closed:
            message = "read of closed file"
            raise ValueError(message)
