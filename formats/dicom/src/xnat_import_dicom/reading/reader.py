"""From a file to its header: find the data set, its encoding, and the reader for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final, cast

from attrs import frozen

from xnat_import_dicom.reading.deflated import DEFLATED, InflatedStream
from xnat_import_dicom.reading.elements import Elements, Unhandled
from xnat_import_dicom.reading.fallback import read_with_pydicom
from xnat_import_dicom.reading.level import CHARACTER_SET, TRANSFER_SYNTAX, Level
from xnat_import_dicom.reading.model import Header, HeaderError, Wanted
from xnat_import_dicom.reading.scanner import scan
from xnat_import_dicom.reading.values import nested_texts, top_texts
from xnat_import_dicom.reading.vrs import LONG_VRS, SHORT_VRS, looks_like_vr
from xnat_import_dicom.reading.window import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HeaderReader", "read_header"]

_PREAMBLE: Final = 128
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_META_GROUP: Final = b"\x02\x00"
_FIRST_GROUPS: Final = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")
_HEAD: Final = 8
_PLAUSIBLE_LENGTH: Final = 0x10000


def read_header(stream: BinaryIO, wanted: Wanted, *, max_header_bytes: int) -> Header:
    """One file's header: ``HeaderReader.read`` of a reader that is not used again."""
    return HeaderReader(wanted, max_header_bytes=max_header_bytes).read(stream)


class HeaderReader:
    """Reads the headers of one file after another. What is the same as in the file before is not decoded again.

    Args:
        wanted: What to read.
        max_header_bytes: Nothing at or behind this position is read; of a deflated data set, inflated.
    """

    def __init__(self, wanted: Wanted, *, max_header_bytes: int) -> None:
        self._wanted = wanted
        self._limit = max_header_bytes
        self._before: tuple[_Found, Header] | None = None

    def read(self, stream: BinaryIO) -> Header:
        """Read the wanted elements of a DICOM file (PS3.10), or of a data set without preamble and file meta group.

        It stops behind the last wanted element and never reads pixel data; where the file ends behind that does not
        matter. ``stream`` is seekable, the whole file; its position does not matter.

        Raises:
            HeaderError: It is not DICOM, cut short or damaged before the last wanted element, or larger than the bound.
        """
        found = _find(stream, self._wanted, self._limit)
        header = self._like_before(found) or _decoded(found)
        self._before = found, header
        return header

    def _like_before(self, found: _Found) -> Header | None:
        """The header by what differs from the one before; ``None`` where too much does."""
        if self._before is None:
            return None
        before, header = self._before
        old, new = before.elements, found.elements
        if header.warnings or before.meta.top != found.meta.top or (old.little, old.nested) != (new.little, new.nested):
            return None
        changed = frozenset([tag for tag, raw in new.top.items() if old.top.get(tag) != raw])
        if CHARACTER_SET in changed or old.top.keys() != new.top.keys():
            return None
        warnings: list[str] = []
        texts = top_texts(new, warnings, changed)
        return header.with_texts(texts, changed, tuple(warnings))


@frozen
class _Found:
    """A header's raw elements."""

    transfer_syntax: str
    meta: Elements
    meta_texts: Mapping[int, str]
    elements: Elements


def _find(stream: BinaryIO, wanted: Wanted, limit: int) -> _Found:
    window = Window(stream, limit)
    at = _begin(window.data)
    meta = Elements(end=at)
    if window.data[at : at + 2] == _META_GROUP:
        meta = _read(window, at, wanted.meta, little=True)
    texts = top_texts(meta, [])
    transfer_syntax = texts.get(TRANSFER_SYNTAX, "")
    if transfer_syntax in DEFLATED:
        stream.seek(window.start + meta.end)
        window, meta.end = Window(cast("BinaryIO", InflatedStream(stream, limit + 1)), limit), 0
    at = meta.end
    little = _is_little(window.data[at : at + 2], transfer_syntax)
    elements = _read(window, at, wanted.level, little=little)
    if not elements.seen and not _is_plausible(window.data[elements.end :][:_HEAD], little=little):
        raise _not_dicom()
    return _Found(transfer_syntax, meta, texts, elements)


def _decoded(found: _Found) -> Header:
    warnings: list[str] = []
    texts = {**found.meta_texts, **top_texts(found.elements, warnings)}
    nested = nested_texts(found.elements, warnings)
    return Header(found.transfer_syntax, tuple(warnings), None, texts, nested)


def _begin(head: bytes) -> int:
    """Where the first element is, if this is DICOM at all."""
    if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        return _PREAMBLE + 4
    if head[:2] in _FIRST_GROUPS and _is_plausible(head, little=head[1] == 0):
        return 0
    raise _not_dicom()


def _is_plausible(head: bytes, *, little: bool) -> bool:
    """Could an element begin like this: with a VR that exists, or a short length where an implicit one is?"""
    vr = head[4:6]
    length = int.from_bytes(head[4:_HEAD], "little" if little else "big")
    return len(head) >= _HEAD and (vr in SHORT_VRS or vr in LONG_VRS or length < _PLAUSIBLE_LENGTH)


def _read(window: Window, at: int, level: Level, *, little: bool) -> Elements:
    """Scan; if that is not possible, let pydicom read."""
    if len(window.data) < at + _HEAD:
        window.grow()
    implicit = not looks_like_vr(window.data[at + 4 : at + 6])
    start = window.start + at
    if little:
        try:
            return scan(window, at, level, implicit=implicit)
        except Unhandled:
            pass
    elements = read_with_pydicom(window.stream, start, level, implicit=implicit, little=little, limit=window.limit)
    window.restart(elements.end)
    elements.end = 0
    return elements


def _is_little(group: bytes, transfer_syntax: str) -> bool:
    """The byte order: what the file says, unless its first group says otherwise."""
    if group in _FIRST_GROUPS:
        return group[1] == 0
    return transfer_syntax != _BIG_ENDIAN


def _not_dicom() -> HeaderError:
    return HeaderError("is not DICOM")
