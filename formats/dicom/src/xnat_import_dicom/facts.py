"""From a header to a file's facts: small values that the core counts for each scan and session.

What belongs together is one fact with a tuple for a value; what differs in each file is no fact at all.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, cast

from attrs import frozen

from xnat_import_dicom import sop_classes
from xnat_import_dicom.conversions import integer
from xnat_import_dicom.reading import Header, Wanted
from xnat_import_dicom.tables import COMMON, NAMING, OF_SCAN_TYPE, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xnat_import_core import FactValue

__all__ = ["FactsOfFiles", "facts_of", "tag_of", "wanted_by"]

_MEDIA_STORAGE_CLASS: Final = 0x00020002


@frozen
class _Pair:
    name: str
    keywords: tuple[str, ...]
    required: tuple[str, ...] = ()
    primary_only: bool = False


_PAIRS: Final = (
    _Pair("Echo", ("EchoNumbers", "EchoTime"), required=("EchoTime",)),
    _Pair("ImageSize", ("Columns", "Rows"), required=("Columns", "Rows")),
    _Pair("FrameTime", ("FrameReferenceTime", "ActualFrameDuration"), required=("FrameReferenceTime",)),
    _Pair("TracerClock", ("SeriesDate", "RadiopharmaceuticalStartTime"), required=("RadiopharmaceuticalStartTime",)),
    _Pair("Equipment", ("Manufacturer", "ManufacturerModelName", "OperatorsName"), primary_only=True),
)
_ONLY_IN_PAIRS: Final = {
    "EchoNumbers", "EchoTime", "Columns", "Rows", "FrameReferenceTime", "ActualFrameDuration",
    "RadiopharmaceuticalStartTime",
}  # fmt: skip
_IN_EACH_FILE: Final = frozenset({0x00080018, 0x0020000D, 0x00200013})
"""SOP Instance UID, Study Instance UID, Instance Number: they are kept with the file, and no fact is made of them."""
_WANT: Final = "dicom:"
_HEX_DIGITS: Final = 8
_MOST_FRAMES: Final = 2**31 - 1


@cache
def wanted_by(wants: frozenset[str], naming_tags: frozenset[int]) -> Wanted:
    """What to read: the tables, the tags of a name template, and what extensions want (``dicom:ggggeeee``)."""
    sources = _all_sources()
    tags = {source.tag for source in sources if source.tag} | naming_tags | {_MEDIA_STORAGE_CLASS}
    paths = {path for source in sources for path in source.paths}
    return Wanted(frozenset(tags | set(_wanted_tags(wants).values())), frozenset(paths))


@cache
def tag_of(keyword: str) -> int | None:
    """The tag of a DICOM keyword; ``None`` if there is no such keyword."""
    known = next((source.tag for source in _all_sources() if source.tag and source.keyword == keyword), None)
    if known is not None:
        return known
    from pydicom.datadict import tag_for_keyword  # noqa: PLC0415 - slow to import, needed by unusual templates only

    return tag_for_keyword(keyword)


def facts_of(header: Header, sop_class: str, wants: frozenset[str] = frozenset()) -> dict[str, FactValue]:
    """The facts of one file.

    Args:
        header: Read with ``wanted_by``.
        sop_class: The file's SOP Class UID; its scan type decides which tables are asked.
        wants: Names that extensions ask for; a name that is no ``dicom:ggggeeee`` is not ours.

    Returns:
        Keyword to text, where there is one; tuples of what belongs together; ``Kind`` = SOP class and modality;
        ``Frames`` = SOP class and number of frames; ``HeaderWarning`` where a value could not be decoded.
    """
    sources = (*COMMON, *OF_SCAN_TYPE.get(sop_classes.scan_type([sop_class]), ()))
    texts = {source.keyword: found for source in sources if (found := _text_of(header, source))}
    facts: dict[str, FactValue] = {name: found for name, found in texts.items() if name not in _ONLY_IN_PAIRS}
    facts.update(_pairs(texts, primary=sop_classes.is_primary(sop_class)))
    facts["Kind"] = (sop_class, texts.get("Modality", ""))
    facts["Frames"] = (sop_class, _frames(header))
    for name, tag in _wanted_tags(wants).items():
        if found := header.value(tag):
            facts[name] = found
    if header.warnings:
        facts["HeaderWarning"] = "; ".join(header.warnings)
    return facts


class FactsOfFiles:
    """The facts of one file after another, read by one reader: made anew only where the header says other things."""

    def __init__(self, wants: frozenset[str]) -> None:
        self._wants = wants
        self._no_facts = _IN_EACH_FILE - frozenset(_wanted_tags(wants).values())
        self._before: Mapping[str, FactValue] | None = None

    def of(self, header: Header, sop_class: str) -> Mapping[str, FactValue]:
        """As ``facts_of``; files that say the same share one mapping."""
        same = self._before is not None and header.changed is not None and header.changed <= self._no_facts
        if not same or header.warnings:
            self._before = facts_of(header, sop_class, self._wants)
        return cast("Mapping[str, FactValue]", self._before)


def _pairs(texts: Mapping[str, str], *, primary: bool) -> Iterable[tuple[str, FactValue]]:
    for pair in _PAIRS:
        if all(keyword in texts for keyword in pair.required) and (primary or not pair.primary_only):
            yield pair.name, tuple(texts.get(keyword, "") for keyword in pair.keywords)


def _text_of(header: Header, source: Source) -> str:
    if source.item:
        return next(iter(header.nested(source.item)), "")
    found = header.value(source.tag)
    if found or not source.groups:
        return found
    values = next((values for path in source.paths if (values := header.nested(path))), ())
    return "" if source.single and len(values) > 1 else "\\".join(values)


def _frames(header: Header) -> int:
    """NumberOfFrames; 1 where it is missing or no whole number."""
    frames = integer(header.value(0x00280008)) or 0
    return frames if 0 < frames <= _MOST_FRAMES else 1


@cache
def _all_sources() -> tuple[Source, ...]:
    return (*NAMING, *COMMON, *(source for sources in OF_SCAN_TYPE.values() for source in sources))


@cache
def _wanted_tags(wants: frozenset[str]) -> Mapping[str, int]:
    digits = {name: name.removeprefix(_WANT) for name in wants if name.startswith(_WANT)}
    return {name: int(text, 16) for name, text in digits.items() if _is_tag(text)}


def _is_tag(text: str) -> bool:
    return len(text) == _HEX_DIGITS and all(digit in "0123456789abcdefABCDEF" for digit in text)
