"""A zip that is made while it is sent: no copy on disk, a piece at a time in memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from zipfile import ZipFile, ZipInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["zip_pieces"]

_PIECE = 256 * 1024


def zip_pieces(entries: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """The bytes of a zip of files under other names; stored as they are, for images hardly shrink."""
    stream = _Stream()
    with ZipFile(stream, "w") as archive:
        for name, path in entries:
            with (
                path.open("rb") as file,
                archive.open(ZipInfo.from_file(path, name, strict_timestamps=False), "w") as entry,
            ):
                while piece := file.read(_PIECE):
                    entry.write(piece)
                    yield stream.taken()
    yield stream.taken()


class _Stream(io.RawIOBase):
    """What was written since it was last taken; as it cannot seek, the zip has sizes behind each file."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile writes nothing but bytes
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
