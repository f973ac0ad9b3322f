"""The part of a file that is in memory while its header is scanned: it grows in steps, within a bound."""

from __future__ import annotations

from typing import BinaryIO, Final

from attrs import define, field

from xnat_import_dicom.reading.model import too_large

__all__ = ["CutShort", "Window"]

_STEP: Final = 16 * 1024


class CutShort(Exception):  # noqa: N818 - a signal inside the reader, which adds the tag
    """The file ends before the bytes that an element needs."""


@define
class Window:
    """Bytes of a stream from ``start`` on.

    Attributes:
        stream: Seekable.
        limit: No byte at or behind this position is read.
        start: Position in the stream of ``data[0]``.
        data: What was read so far.
    """

    stream: BinaryIO
    limit: int
    start: int = 0
    data: bytes = field(init=False, default=b"")

    def __attrs_post_init__(self) -> None:
        self.restart(self.start)

    def grow(self) -> bool:
        """Read on, doubling what is there; ``False`` at the end of the file.

        Raises:
            HeaderError: The bound is reached.
        """
        room = self.limit - self.start - len(self.data)
        if room <= 0 and self.stream.read(1):
            raise too_large(self.limit)
        more = self.stream.read(max(0, min(room, max(_STEP, len(self.data)))))
        self.data += more
        return bool(more)

    def require(self, end: int) -> None:
        """Have the bytes up to index ``end``.

        Raises:
            CutShort: The file ends before.
            HeaderError: They lie behind the bound.
        """
        if self.start + end > self.limit:
            raise too_large(self.limit)
        while len(self.data) < end:
            if not self.grow():
                raise CutShort

    def skip(self, end: int) -> int:
        """Drop the bytes before index ``end``, unread if they were not read yet; returns the index of that place now.

        Raises:
            CutShort: The file ends before.
            HeaderError: The place lies behind the bound.
        """
        if end <= len(self.data):
            return end
        if self.start + end > self.limit:
            raise too_large(self.limit)
        self.start += end - 1
        self.stream.seek(self.start)
        self.data = b""
        self.require(1)
        return 1

    def restart(self, position: int) -> None:
        """Begin anew at a position of the stream."""
        self.start, self.data = position, b""
        self.stream.seek(position)
        self.grow()
