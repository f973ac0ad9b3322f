"""Sequences, for the scanner: what lies below one element that is in memory, as far as it is."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from attrs import define, evolve, frozen

from xnat_import_dicom.reading.elements import Elements, Unhandled
from xnat_import_dicom.reading.level import CHARACTER_SET
from xnat_import_dicom.reading.vrs import LONG_VRS, SHORT_VRS, looks_like_vr

if TYPE_CHECKING:
    from xnat_import_dicom.reading.level import Level

__all__ = ["IMPLICIT_HEAD", "LONG_LENGTH", "SHORT_LENGTH", "UNDEFINED", "NeedsMore", "Nested", "Where", "tag_of"]

IMPLICIT_HEAD: Final = struct.Struct("<II").unpack_from
LONG_LENGTH: Final = struct.Struct("<I").unpack_from
SHORT_LENGTH: Final = struct.Struct("<H").unpack_from
UNDEFINED: Final = 0xFFFFFFFF
_DELIMITER_GROUP: Final = 0xFFFE
_ITEM: Final = 0xE000FFFE
_ITEM_END: Final = 0xE00DFFFE
_SEQUENCE_END: Final = 0xE0DDFFFE


class NeedsMore(Exception):  # noqa: N818 - a signal: the sequence goes on behind what is in memory
    """The sequence goes on behind what is in memory, or its lengths contradict each other."""


@frozen
class Where:
    """A place in the tree of items.

    Attributes:
        level: What is wanted here.
        path: The sequences around it.
        character_set: The one that holds here, its own or inherited.
        implicit: Without VRs; so is all below an element of VR UN (PS3.5, section 6.2.2).
    """

    level: Level
    path: tuple[int, ...]
    character_set: bytes
    implicit: bool


@define
class Nested:
    """Goes through one sequence and keeps what is wanted; its methods return the index behind what they took.

    They raise ``NeedsMore`` or ``struct.error`` where the data end, ``Unhandled`` where they make no sense.
    """

    data: bytes
    found: Elements

    def element(self, where: Where, tag: int, vr: bytes, begin: int, length: int) -> int:
        """Take one element, or go into it, if it is wanted; else pass over it."""
        implicit = where.implicit or vr == b"UN"
        below = where.level.inside.get(tag)
        if below is not None and length:
            return self._sequence(Where(below, (*where.path, tag), where.character_set, implicit), begin, length)
        if length == UNDEFINED:
            return self._skip_undefined(begin, implicit=implicit)
        end = begin + length
        if end > len(self.data):
            raise NeedsMore
        if tag in where.level.leaves:
            self.found.nested.append(((*where.path, tag), vr, self.data[begin:end], where.character_set))
        return end

    def _sequence(self, where: Where, at: int, length: int) -> int:
        end = self._end(at, length)
        while at < end:
            code, item_length = IMPLICIT_HEAD(self.data, at)
            at += 8
            if code == _SEQUENCE_END:
                return at
            if code != _ITEM:
                raise Unhandled
            at = self._item(where, at, item_length)
        return self._behind(at, end, length)

    def _item(self, where: Where, at: int, length: int) -> int:
        end = self._end(at, length)
        while at < end:
            code, vr, begin, element_length = _head(self.data, at, implicit=where.implicit)
            if code == _ITEM_END:
                return begin
            tag = tag_of(code)
            at = self.element(where, tag, vr, begin, element_length)
            if tag == CHARACTER_SET:
                where = evolve(where, character_set=self.data[begin:at])
        return self._behind(at, end, length)

    def _end(self, at: int, length: int) -> int:
        end = len(self.data) if length == UNDEFINED else at + length
        if end > len(self.data):
            raise NeedsMore
        return end

    @staticmethod
    def _behind(at: int, end: int, length: int) -> int:
        if length == UNDEFINED:
            raise NeedsMore
        if at != end:
            raise Unhandled
        return at

    def _skip_undefined(self, at: int, *, implicit: bool) -> int:
        """Pass over a sequence, or fragments, of undefined length, however deep it is."""
        open_levels = [implicit]
        while open_levels:
            code, vr, at, length = _head(self.data, at, implicit=open_levels[-1])
            if code == _SEQUENCE_END:
                open_levels.pop()
            elif length != UNDEFINED:
                at += length
            elif code != _ITEM:
                open_levels.append(open_levels[-1] or vr == b"UN")
        if at > len(self.data):
            raise NeedsMore
        return at


def _head(data: bytes, at: int, *, implicit: bool) -> tuple[int, bytes, int, int]:
    """Code, VR, where the value begins, and its length, of an element of an item, or of a delimiter."""
    code, length = IMPLICIT_HEAD(data, at)
    if implicit or code & 0xFFFF == _DELIMITER_GROUP:
        return code, b"", at + 8, length
    vr = data[at + 4 : at + 6]
    if vr in LONG_VRS:
        return code, vr, at + 12, LONG_LENGTH(data, at + 8)[0]
    if vr not in SHORT_VRS and not looks_like_vr(vr):
        raise Unhandled
    return code, vr, at + 8, length >> 16


def tag_of(code: int) -> int:
    """The tag of the 32-bit number that its four bytes make in a little-endian file."""
    return (code & 0xFFFF) << 16 | code >> 16
