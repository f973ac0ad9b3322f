"""The scanner for plain little-endian headers: the hot path, without pydicom.

It steps from element to element by their lengths, keeps the bytes of the wanted ones and descends into wanted
sequences only, so its depth is that of the paths. Whatever it does not know raises ``Unhandled``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from attrs import define, field

from xnat_import_dicom.reading.elements import Elements, Unhandled, tag_text
from xnat_import_dicom.reading.level import CHARACTER_SET
from xnat_import_dicom.reading.model import HeaderError
from xnat_import_dicom.reading.nested import (
    IMPLICIT_HEAD,
    LONG_LENGTH,
    SHORT_LENGTH,
    UNDEFINED,
    NeedsMore,
    Nested,
    Where,
    tag_of,
)
from xnat_import_dicom.reading.vrs import LONG_VRS, SHORT_VRS, looks_like_vr
from xnat_import_dicom.reading.window import CutShort, Window

if TYPE_CHECKING:
    from xnat_import_dicom.reading.level import Level

__all__ = ["scan"]

_EXPLICIT_HEAD: Final = struct.Struct("<I2sH").unpack_from


def scan(window: Window, at: int, level: Level, *, implicit: bool) -> Elements:
    """Read the wanted elements of the data set that begins at index ``at``; its end is an index of the window, too.

    Raises:
        Unhandled: Something that is not plain; another reader has to begin anew.
        HeaderError: The file ends inside an element, or the header is larger than the window's bound.
    """
    return _Scanner(window, at, level, implicit=implicit).run()


@define
class _Scanner:
    window: Window
    at: int
    level: Level
    implicit: bool = field(kw_only=True)
    found: Elements = field(factory=Elements)

    def run(self) -> Elements:
        while self._steps():
            pass
        self.found.end = self.at
        return self.found

    def _steps(self) -> bool:
        """Step over what lies in memory, keeping what is wanted, up to an element that needs more than that.

        It is the loop that every element of every file goes through, hence the local names and nothing called.
        """
        data, at, implicit, seen = self.window.data, self.at, self.implicit, self.found.seen
        wanted, inside, top, size = self.level.codes.get, self.level.inside, self.found.top, len(data)
        first_check = 0 if self.level.lowest else self.level.highest >> 16
        vr = b""
        try:
            while True:
                begin = at + 8
                if implicit:
                    code, length = IMPLICIT_HEAD(data, at)
                else:
                    code, vr, length = _EXPLICIT_HEAD(data, at)
                    if vr not in SHORT_VRS:
                        begin, length = self._rarer_head(data, at, code, vr)
                if code & 0xFFFF >= first_check and self.level.ends_before(tag_of(code)):
                    return False
                seen += 1
                end = begin + length
                if end > size:
                    break
                if tag := wanted(code):
                    if tag in inside and length:
                        break
                    top[tag] = (vr, data[begin:end])
                at = end
        except struct.error:
            return self._more_at(at)
        finally:
            self.at, self.found.seen = at, seen
        self._take(tag_of(code), vr, begin, length)
        return True

    def _rarer_head(self, data: bytes, at: int, code: int, vr: bytes) -> tuple[int, int]:
        """Where the value begins and its length, where the VR is none of the common ones."""
        if vr in LONG_VRS:
            return at + 12, LONG_LENGTH(data, at + 8)[0]
        if self.level.ends_before(tag_of(code)):
            return at + 8, 0
        if looks_like_vr(vr):
            return at + 8, SHORT_LENGTH(data, at + 6)[0]
        raise Unhandled

    def _more_at(self, at: int) -> bool:
        """Read on where the window ends inside the head of an element; ``False`` where the data set ends, too."""
        if self.window.grow():
            return True
        if self.window.data[at:].strip(b"\0"):
            reason = f"header is cut short after {self.found.seen} elements"
            raise HeaderError(reason)
        return False

    def _take(self, tag: int, vr: bytes, begin: int, length: int) -> None:
        """Keep, descend into or pass over one element, reading as much of the file as that needs."""
        try:
            if length == UNDEFINED or tag in self.level.inside:
                self.at = self._take_nested(tag, vr, begin, length)
            elif tag in self.level.leaves:
                self.window.require(begin + length)
                self.found.top[tag] = (vr, self.window.data[begin : begin + length])
                self.at = begin + length
            else:
                self.at = self.window.skip(begin + length)
        except CutShort:
            raise _cut_short(tag) from None

    def _take_nested(self, tag: int, vr: bytes, begin: int, length: int) -> int:
        """Go through a sequence; one of undefined length again from its start whenever the window had to grow."""
        if length != UNDEFINED:
            self.window.require(begin + length)
        character_set = self.found.top.get(CHARACTER_SET, (b"", b""))[1]
        where, before = Where(self.level, (), character_set, self.implicit), len(self.found.nested)
        while True:
            nested = Nested(self.window.data, self.found)
            try:
                return nested.element(where, tag, vr, begin, length)
            except (NeedsMore, struct.error):
                del self.found.nested[before:]
                if length != UNDEFINED:
                    raise Unhandled from None
                if not self.window.grow():
                    raise CutShort from None


def _cut_short(tag: int) -> HeaderError:
    return HeaderError(f"header is cut short at {tag_text(tag)}")
