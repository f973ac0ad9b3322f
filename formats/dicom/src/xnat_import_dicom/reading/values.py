"""From the bytes of an element to its text, by VR."""

from __future__ import annotations

from struct import calcsize, iter_unpack
from typing import TYPE_CHECKING, Final

from xnat_import_dicom.reading.charsets import codec_of, decode
from xnat_import_dicom.reading.dictionary import vr_of
from xnat_import_dicom.reading.elements import Elements, RawElement, tag_text
from xnat_import_dicom.reading.level import CHARACTER_SET
from xnat_import_dicom.reading.vrs import LONG_VRS, SHORT_VRS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["nested_texts", "top_texts"]

_PADDING: Final = " \0"
_CODE_VRS: Final = frozenset(b"AE AS CS DA DS DT IS TM UI".split())
_LIST_VRS: Final = frozenset(b"LO PN SH UC".split())
_PARAGRAPH_VRS: Final = frozenset(b"LT ST UR UT".split())
_NUMBERS: Final = {
    b"AT": "HH",
    b"FD": "d",
    b"FL": "f",
    b"SL": "i",
    b"SS": "h",
    b"SV": "q",
    b"UL": "I",
    b"US": "H",
    b"UV": "Q",
}
_UNDECODABLE: Final = "is not all text of its character set"
_WRONG_LENGTH: Final = "has a length that its numbers do not fit"


def top_texts(elements: Elements, warnings: list[str], only: frozenset[int] | None = None) -> dict[int, str]:
    """The texts of the top-level elements; what is wrong with them is added to ``warnings``.

    ``only`` some of them: those tags; ``None``: all.
    """
    codec = codec_of(elements.top.get(CHARACTER_SET, (b"", b""))[1])
    texts = {}
    for tag in elements.top if only is None else only:
        vr, raw = elements.top[tag]
        if vr in _CODE_VRS:
            texts[tag] = _code(raw)
        else:
            texts[tag] = _text((vr, raw), codec, tag, elements.little, warnings)
    return texts


def nested_texts(elements: Elements, warnings: list[str]) -> Mapping[tuple[int, ...], tuple[str, ...]]:
    """Distinct texts by path, in order of first appearance; empty ones do not count."""
    texts: dict[tuple[int, ...], dict[str, None]] = {}
    codecs = {character_set: codec_of(character_set) for *_, character_set in elements.nested}
    for path, vr, raw, character_set in elements.nested:
        codec = codecs[character_set]
        text = _text((vr, raw), codec, path[-1], elements.little, warnings)
        if text:
            texts.setdefault(path, {})[text] = None
    return {path: tuple(found) for path, found in texts.items()}


def _text(element: RawElement, codec: str, tag: int, little: bool, warnings: list[str]) -> str:  # noqa: FBT001 - hot path
    vr, raw = element
    if vr == b"UN" or not (vr in SHORT_VRS or vr in LONG_VRS):
        vr = vr_of(tag)
    if vr in _CODE_VRS:
        return _code(raw)
    if vr in _NUMBERS:
        numbers = _numbers(raw, vr, little=little)
        if numbers is None:
            _add(warnings, tag, _WRONG_LENGTH)
        return numbers or ""
    if vr in _LIST_VRS or vr in _PARAGRAPH_VRS:
        text, whole = decode(raw, codec)
        if not whole:
            _add(warnings, tag, _UNDECODABLE)
        return text.rstrip(_PADDING) if vr in _PARAGRAPH_VRS or "\\" not in text else _joined(text)
    return _if_printable(raw, codec) if vr == b"UN" else ""


def _code(raw: bytes) -> str:
    """Latin-1 breaks on nothing: these VRs know ASCII only, and their blanks mean nothing on either side."""
    text = raw.replace(b"\0", b" ").decode("latin-1").strip(" ")  # not every database can keep a NUL inside a UID
    return "\\".join([part.strip(" ") for part in text.split("\\")]) if "\\" in text else text


def _joined(text: str) -> str:
    return "\\".join([part.rstrip(_PADDING) for part in text.rstrip(_PADDING).split("\\")])


def _numbers(raw: bytes, vr: bytes, *, little: bool) -> str | None:
    layout = "<>"[not little] + _NUMBERS[vr]
    if len(raw) % calcsize(layout):
        return None
    values: Iterable[tuple[int, int]] = iter_unpack(layout, raw)
    if vr == b"AT":
        return "\\".join([tag_text(group << 16 | element) for group, element in values])
    return "\\".join([repr(value[0]) for value in values])


def _if_printable(raw: bytes, codec: str) -> str:
    """A private element whose VR nobody knows is text if it looks like it."""
    text, whole = decode(raw, codec)
    text = text.rstrip(_PADDING)
    return text if whole and text.isprintable() else ""


def _add(warnings: list[str], tag: int, problem: str) -> None:
    warning = f"{tag_text(tag)} {problem}"
    if warning not in warnings:
        warnings.append(warning)
