"""The records of a zip archive: central directory, local headers, extra fields (APPNOTE.TXT 4.3.7, 4.3.12, 4.5.3)."""

from __future__ import annotations

import stat
import struct
from typing import TYPE_CHECKING

from attrs import define

from xnat_import_core.uploads.containers.windows import PIECE, DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xnat_import_core.uploads.containers.windows import Window
    from xnat_import_core.uploads.containers.zip_end import Directory

__all__ = ["DEFLATED", "LOCAL_HEADER", "STORED", "Record", "check_local_header", "read_records"]

STORED, DEFLATED = 0, 8
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_RECORD = struct.Struct("<4s6H3L5H2L")
_EXTRA = struct.Struct("<2H")
_ZIP64 = 1
_FULL = 0xFFFFFFFF
_FULL_DISK = 0xFFFF
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_DESCRIPTOR = 0x8
_UTF8 = 0x800
_UNIX, _MACOS = 3, 19


@define(eq=False)
class Record:
    """One record of the central directory; ``offset`` is the local header's, in the window."""

    name: bytes
    system: int
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    mode: int
    offset: int

    @property
    def is_folder(self) -> bool:
        """A name with a slash at the end, and no data that could be lost."""
        return self.name.endswith(b"/") and not self.size

    @property
    def text_fallback(self) -> str:
        """How to read a name that is no UTF-8."""
        return "utf-8" if self.flags & _UTF8 else "cp437"

    @property
    def problem(self) -> str | None:
        """Why it cannot be read at all."""
        kind = stat.S_IFMT(self.mode) if self.system in {_UNIX, _MACOS} else 0
        if kind == stat.S_IFLNK:
            return "is a link"
        if kind in {stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK}:
            return "is a device"
        if self.flags & _ENCRYPTED:
            return "is encrypted"
        if self.method not in {STORED, DEFLATED}:
            return f"uses compression method {self.method}, which is not supported; use deflate"
        return None


def read_records(window: Window, directory: Directory) -> Iterator[Record]:
    """The directory's records, in its order, read in pieces. Only inside ``with window.file``.

    Raises:
        DamagedError: It is cut short, or holds another number of records than the end record says.
    """
    count = at = 0
    chunk = b""
    position, end = directory.start, directory.start + directory.size
    while position + at < end:
        if len(chunk) - at < PIECE and position + len(chunk) < end:
            position += at
            chunk, at = window.read(position, min(4 * PIECE, end - position)), 0
        record, at = _parse(chunk, at, directory.shift)
        count += 1
        yield record
    stated = directory.count
    if count != stated and not (directory.short_count and count & 0xFFFF == stated):
        raise DamagedError(clause=f"says that it has {stated} entries, but its directory lists {count}")


def _parse(chunk: bytes, at: int, shift: int) -> tuple[Record, int]:
    if len(chunk) - at < _RECORD.size or chunk[at : at + 4] != b"PK\x01\x02":
        raise DamagedError(clause="has a broken directory")
    fields = _RECORD.unpack_from(chunk, at)
    (
        _,
        made,
        _,
        flags,
        method,
        _,
        _,
        crc,
        compressed,
        size,
        name_size,
        extra_size,
        comment_size,
        disk,
        _,
        attr,
        offset,
    ) = fields
    names = at + _RECORD.size
    extras = names + name_size
    after = extras + extra_size + comment_size
    if after > len(chunk):
        raise DamagedError(clause="has a broken directory")
    if _FULL in (size, compressed, offset) or disk == _FULL_DISK:
        wide = _wide_values(chunk[extras : extras + extra_size], (size, compressed, offset, disk))
        size, compressed, offset, disk = wide
    if disk:
        raise DamagedError(clause="is one part of an archive that was split; join the parts first")
    name = chunk[names:extras]
    return Record(name, made >> 8, flags, method, crc, compressed, size, attr >> 16, offset + shift), after


def _wide_values(extra: bytes, values: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Sizes, offset and disk, those that are full taken from the zip64 extra field."""
    data, at = _zip64_field(extra), 0
    wide = []
    for value, full, width in zip(values, (_FULL, _FULL, _FULL, _FULL_DISK), (8, 8, 8, 4), strict=True):
        if value != full:
            wide.append(value)
            continue
        if len(data) < at + width:
            raise DamagedError(clause="lacks a zip64 field that its directory announces")
        wide.append(int.from_bytes(data[at : at + width], "little"))
        at += width
    return wide[0], wide[1], wide[2], wide[3]


def _zip64_field(extra: bytes) -> bytes:
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, size = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == _ZIP64:
            return extra[at : at + size]
        at += size
    return b""


def check_local_header(record: Record, data: bytes) -> int:
    """Compare the local header with the directory; the number of bytes that it takes.

    Args:
        record: What the directory says.
        data: Bytes from the record's offset on, enough for header, name and extra fields.

    Raises:
        DamagedError: There is no header, or it says something else than the directory.
    """
    if len(data) < LOCAL_HEADER.size or data[:4] != b"PK\x03\x04":
        raise DamagedError(clause="has no header where its archive's directory says")
    _, _, flags, method, _, _, crc, compressed, size, name_size, extra_size = LOCAL_HEADER.unpack_from(data)
    names = LOCAL_HEADER.size
    extras = names + name_size
    if data[names:extras] != record.name:
        raise DamagedError(clause="has another name in its own header than in the archive's directory")
    if method != record.method:
        raise DamagedError(clause="has another compression method in its own header than in the archive's directory")
    if (flags ^ record.flags) & (_ENCRYPTED | _UTF8):
        raise DamagedError(clause="has other flags in its own header than in the archive's directory")
    if _FULL in (size, compressed):
        size, compressed, _, _ = _wide_values(data[extras : extras + extra_size], (size, compressed, 0, 0))
    known = (crc, compressed, size)
    if known != (record.crc, record.compressed, record.size) and not (flags & _DESCRIPTOR and not any(known)):
        raise DamagedError(clause="has another size or checksum in its own header than in the archive's directory")
    length: int = extras + extra_size
    return length
