"""Bounded inflating: pieces in, pieces out, no piece larger than ``PIECE``."""

from __future__ import annotations

import bz2
import zlib as stdlib_zlib
from typing import TYPE_CHECKING, Any, Protocol

from xnat_import_core.uploads.containers.windows import PIECE, DamagedError

try:
    from isal import isal_zlib as zlib
except ImportError:
    import zlib  # type: ignore[no-redef]  # the same functions, slower

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["bunzip", "crc32", "gunzip", "inflate", "inflate_whole", "inflated_head"]

_RAW, _GZIP = -15, 31
_STEP = 16 * 1024
_MAX_EMPTY = 1000
_ENGINE_ERROR: type[Exception] = zlib.error  # type: ignore[assignment]  # isal names its error otherwise
_FAULTS = (_ENGINE_ERROR, stdlib_zlib.error, OSError, EOFError, ValueError)


def crc32(data: bytes, value: int = 0) -> int:
    """The CRC-32 of zip and gzip."""
    checksum: int = zlib.crc32(data, value)
    return checksum


def inflate(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Raw deflate data, one stream that fills the pieces exactly.

    Raises:
        DamagedError: It ends early, late, or is not deflate data.
    """
    feed = _Feed(pieces, PIECE)
    yield from _one_stream(zlib.decompressobj(_RAW), feed)
    if feed.peek(1):
        raise DamagedError(clause="has bytes behind its compressed data")


def inflate_whole(compressed: bytes, size: int) -> bytes | None:
    """Raw deflate data in one go; ``None`` unless it is one stream that fills them and has ``size`` bytes."""
    decompressor = zlib.decompressobj(_RAW)
    try:
        data: bytes = decompressor.decompress(compressed, size + 1)
    except _FAULTS:
        return None
    return data if len(data) == size and decompressor.eof and not decompressor.unused_data else None


def gunzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Gzip data: its members one after another; zeros behind the last one are padding.

    Raises:
        DamagedError: It is cut short, damaged, has other bytes behind its end, or very many empty members in a row.
    """
    return _many_streams(pieces, lambda: zlib.decompressobj(_GZIP), b"\x1f\x8b")


def bunzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Bzip2 data, as ``gunzip``."""
    return _many_streams(pieces, _Bzip2, b"BZ")


def inflated_head(compressed: bytes, size: int, how: str = "deflate") -> bytes:
    """The first bytes of what a piece of compressed data inflates to; fewer where it has or tells no more."""
    make: dict[str, Callable[[], _Decompressor]] = {
        # for so few bytes the standard library's zlib starts faster
        "deflate": lambda: stdlib_zlib.decompressobj(_RAW),
        "gzip": lambda: stdlib_zlib.decompressobj(_GZIP),
        "bzip2": _Bzip2,
    }
    try:
        return make[how]().decompress(compressed, size)
    except _FAULTS:
        return b""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: Any, max_length: int, /) -> bytes: ...  # noqa: ANN401 - any buffer


class _Bzip2:
    """Python's decompressor under zlib's names; it keeps unconsumed input to itself."""

    unconsumed_tail = b""

    def __init__(self) -> None:
        self._inner = bz2.BZ2Decompressor()

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._inner.decompress(data, max_length)


class _Feed:
    """Compressed input in steps; what a decompressor did not use is given back."""

    __slots__ = ("_at", "_piece", "_pieces", "_step")

    def __init__(self, pieces: Iterator[bytes], step: int) -> None:
        self._pieces = pieces
        self._piece = b""
        self._at = 0
        self._step = step

    def take(self) -> memoryview:
        """The next step; empty at the end."""
        if self._at >= len(self._piece):
            self._piece, self._at = next(self._pieces, b""), 0
        taken = memoryview(self._piece)[self._at : self._at + self._step]
        self._at += len(taken)
        return taken

    def give_back(self, size: int) -> None:
        """The last bytes that were taken come again."""
        self._at -= size

    def peek(self, size: int) -> bytes:
        """The next bytes, fewer only at the end, without taking them."""
        while len(self._piece) - self._at < size and (piece := next(self._pieces, b"")):
            self._piece, self._at = self._piece[self._at :] + piece, 0
        return self._piece[self._at : self._at + size]

    def skip_zeros(self) -> None:
        """Take all zeros that come next."""
        while self.peek(1) == b"\0":
            self._piece, self._at = self._piece[self._at :].lstrip(b"\0"), 0


def _one_stream(decompressor: _Decompressor, feed: _Feed) -> Iterator[bytes]:
    full = False
    while not decompressor.eof:
        data = memoryview(b"") if full else feed.take()
        if not data and not full:
            raise DamagedError(clause="is cut short")
        try:
            piece = decompressor.decompress(data, PIECE)
        except _FAULTS as error:
            raise DamagedError(clause="has damaged compressed data") from error
        unused = decompressor.unused_data or decompressor.unconsumed_tail
        feed.give_back(len(unused))
        full = len(piece) == PIECE and not unused
        if piece:
            yield piece


def _many_streams(pieces: Iterator[bytes], make: Callable[[], _Decompressor], magic: bytes) -> Iterator[bytes]:
    feed = _Feed(pieces, _STEP)
    empty = 0
    while True:
        empty += 1
        for piece in _one_stream(make(), feed):
            empty = 0
            yield piece
        if empty > _MAX_EMPTY:
            raise DamagedError(clause=f"has more than {_MAX_EMPTY} empty compressed parts in a row")
        following = feed.peek(2)
        if following[:1] == b"\0":
            feed.skip_zeros()
            following = feed.peek(2)
        if not following:
            return
        if following != magic:
            raise DamagedError(clause="has other bytes behind its compressed data")
