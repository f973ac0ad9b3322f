"""A deflated data set as a stream: inflated only as far as it is read, and never beyond a bound."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO, Final

from xnat_import_dicom.reading.model import HeaderError

__all__ = ["DEFLATED", "InflatedStream"]

DEFLATED: Final = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
_CHUNK: Final = 16 * 1024


class InflatedStream(io.RawIOBase):
    """Seekable; reading behind the end of data that were cut short or damaged is a ``HeaderError``.

    Args:
        stream: Where the raw deflate data (RFC 1951, no zlib head: PS3.5, A.5) begin.
        limit: Never inflate more than this.
    """

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        super().__init__()
        self._stream = stream
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._limit = limit
        self._data = bytearray()
        self._at = 0
        self._damaged = False

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes, without inflating anything."""
        return True

    def tell(self) -> int:
        """Position in the inflated data."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a position; counting from the end would need all data, so it is refused."""
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation
        self._at = offset if whence == io.SEEK_SET else self._at + offset
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes from here; fewer only at the end or at the limit."""
        end = self._limit if size < 0 else min(self._at + size, self._limit)
        while len(self._data) < end and self._inflate_more(end):
            pass
        part = bytes(self._data[self._at : end])
        self._at += len(part)
        if size and not part and not self._inflate.eof and end > len(self._data):
            reason = "deflated header is cut short or damaged"
            raise HeaderError(reason)
        return part

    def _inflate_more(self, end: int) -> bool:
        """Inflate up to the position ``end`` from what is at hand or one more chunk; ``False`` if nothing comes."""
        if self._inflate.eof or self._damaged:
            return False
        packed = self._inflate.unconsumed_tail or self._stream.read(_CHUNK)
        try:
            self._data += self._inflate.decompress(packed, end - len(self._data))
        except zlib.error:
            self._damaged = True
        return bool(packed)
