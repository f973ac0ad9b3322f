"""The end of a zip archive: where its directory lies (APPNOTE.TXT 4.3.14 to 4.3.16)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from attrs import frozen

from xnat_import_core.uploads.containers.windows import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xnat_import_core.uploads.containers.windows import Window

__all__ = ["Directory", "find_directory"]

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT = 0xFFFF
_SIZE_FIELD_ENDS = 12
_FULL = (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


@frozen
class Directory:
    """Where the central directory lies.

    Attributes:
        start: First byte, in the window.
        size: Bytes.
        count: Entries, as stated.
        shift: What to add to stated offsets: bytes in front of the archive that its writer did not know of.
        short_count: The count has 16 bits only, and some writers let it wrap.
    """

    start: int
    size: int
    count: int
    shift: int
    short_count: bool


def find_directory(window: Window) -> Directory:
    """Read the end records. Only inside ``with window.file``.

    Raises:
        DamagedError: There is no end record, more than one, or the records disagree with each other or the file.
    """
    position, fields = _end_record(window)
    zip64 = _zip64_record(window, position, fields)
    end, shift64 = position, None
    if zip64 is not None:
        end, shift64, fields = zip64
    disk, first_disk, here, count, size, offset = fields
    if disk or first_disk or here != count:
        raise DamagedError(clause="is one part of an archive that was split; join the parts first")
    start = end - size
    shift = start - offset
    if start < 0 or shift < 0 or shift64 not in {None, shift}:
        raise DamagedError(clause="has an end record that does not fit its size")
    if size and window.read(start, 4) != b"PK\x01\x02":
        raise DamagedError(clause="has no directory where its end record says")
    return Directory(start, size, count, shift, short_count=zip64 is None)


def _end_record(window: Window) -> tuple[int, tuple[int, ...]]:
    first = max(0, window.size - _END.size - _LONGEST_COMMENT)
    tail = window.read(first, window.size - first)
    found = list(_end_records(tail))
    if not found:
        raise DamagedError(clause="has no end record")
    if len(found) > 1:
        raise DamagedError(clause="has more than one end record")
    return first + found[0], _END.unpack_from(tail, found[0])[1:7]


def _end_records(tail: bytes) -> Iterator[int]:
    at = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - _END.size + 4))
    while at >= 0:
        if at + _END.size + _END.unpack_from(tail, at)[7] == len(tail):
            yield at
        at = tail.rfind(b"PK\x05\x06", 0, at + 3)


def _zip64_record(window: Window, position: int, short: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]] | None:
    """Position of the zip64 end record, the shift that its locator implies, and its fields; ``None``: no locator."""
    at = position - _LOCATOR.size
    locator = window.read(at, _LOCATOR.size) if at >= 0 else b""
    if not locator.startswith(b"PK\x06\x07"):
        return None
    _, disk, offset, disks = _LOCATOR.unpack(locator)
    if disk or disks > 1:
        raise DamagedError(clause="is one part of an archive that was split; join the parts first")
    for candidate in dict.fromkeys((offset, at - _END64.size)):
        record = window.read(candidate, _END64.size) if offset <= candidate <= at - _END64.size else b""
        if not record.startswith(b"PK\x06\x06"):
            continue
        values = _END64.unpack(record)
        fields = values[4:]
        if candidate + _SIZE_FIELD_ENDS + values[1] == at and _agree(short, fields):
            return candidate, candidate - offset, fields
    raise DamagedError(clause="has zip64 records that do not agree")


def _agree(short: tuple[int, ...], long: tuple[int, ...]) -> bool:
    return all(s in (full, value) for s, full, value in zip(short, _FULL, long, strict=True))
