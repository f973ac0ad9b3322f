"""Headers of a tar archive: one block of 512 bytes, and the records of pax (POSIX.1-2001, GNU tar's manual)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from xnat_import_core.uploads.containers.windows import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BLOCK", "Header", "is_tar_header", "parse_header", "pax_records"]

BLOCK = 512
_CHECKSUM = slice(148, 156)
_SIZE = slice(124, 136)
_MODES = (slice(100, 108), slice(108, 116), slice(116, 124), slice(136, 148))
_MAGIC = slice(257, 263)
_TYPE = slice(156, 157)
_POSITIVE, _NEGATIVE = 0x80, 0xFF
_SPARSE_MORE = 482
_OLD_TYPES = b"\x0001234567"
_OCTAL = re.compile(rb"[ \0]*([0-7]+)[ \0]*")


@frozen
class Header:
    """What one block says; ``more_sparse``: blocks with a map of holes follow (old GNU sparse)."""

    name: bytes
    type: bytes
    size: int
    more_sparse: bool


def is_tar_header(block: bytes) -> bool:
    """Whether these first bytes begin a tar archive: a right checksum, and ``ustar`` or a header that makes sense."""
    if len(block) < BLOCK or not _checksum_fits(block):
        return False
    if block[_MAGIC][:5] == b"ustar":
        return True
    return block[0] != 0 and block[_TYPE] in _OLD_TYPES and all(_is_octal(block[field]) for field in (*_MODES, _SIZE))


def parse_header(block: bytes) -> Header:
    """Read one block.

    Raises:
        DamagedError: Its checksum or size is wrong, or the size negative.
    """
    if not _checksum_fits(block):
        raise DamagedError(clause="has a broken header")
    name = _text(block[:100])
    if block[_MAGIC] == b"ustar\0" and (prefix := _text(block[345:500])):
        name = prefix + b"/" + name
    return Header(name, block[_TYPE], _number(block[_SIZE]), bool(block[_SPARSE_MORE]))


def pax_records(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and values of an extended header.

    Raises:
        DamagedError: A record's length is wrong.
    """
    at = 0
    while at < len(data) and data[at]:
        length, blank, _ = data[at : at + 20].partition(b" ")
        end = at + int(length) if blank and length.isdigit() else 0
        name, equals, value = data[at + len(length) + 1 : end].partition(b"=")
        if not at < end <= len(data) or not equals or not value.endswith(b"\n"):
            raise DamagedError(clause="has a broken extended header")
        yield name.decode("utf-8", "replace"), value[:-1]
        at = end


def _checksum_fits(block: bytes) -> bool:
    field = block[_CHECKSUM]
    stated = _OCTAL.fullmatch(field)
    if stated is None:
        return False
    unsigned = sum(block) - sum(field) + 8 * ord(" ")
    outside = block[:148] + block[156:]
    signed = unsigned - 256 * sum(byte > 127 for byte in outside)  # noqa: PLR2004 - old writers summed signed bytes
    return int(stated[1], 8) in {unsigned, signed}


def _is_octal(field: bytes) -> bool:
    return field[:1] in {b"\x80", b"\xff"} or not field.strip(b" \0").strip(b"01234567")


def _number(field: bytes) -> int:
    """Octal text, or GNU's base 256 where the first bit is set."""
    if field[0] == _NEGATIVE:
        raise DamagedError(clause="has an entry of negative size")
    if field[0] & _POSITIVE:
        return int.from_bytes(bytes([field[0] & ~_POSITIVE]) + field[1:], "big")
    text = field.split(b"\0", 1)[0].strip(b" ")
    if text.startswith(b"-"):
        raise DamagedError(clause="has an entry of negative size")
    if text.strip(b"01234567"):
        raise DamagedError(clause="has an entry without a size")
    return int(text or b"0", 8)


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]
