"""Say what each member of an upload is: the ``extract`` of every handler that takes DICOM files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from xnat_import_core import Ignored, ImportedFile, Rejected, Scan
from xnat_import_dicom import sop_classes
from xnat_import_dicom.facts import FactsOfFiles, wanted_by
from xnat_import_dicom.naming import DEFAULT_TEMPLATE, template_name, template_tags
from xnat_import_dicom.reading import Header, HeaderError, HeaderReader

if TYPE_CHECKING:
    from xnat_import_core import ExtractContext, Member

__all__ = ["extract_members"]

_MEDIA_CLASS = 0x00020002
_SOP_CLASS = 0x00080016
_SOP_INSTANCE = 0x00080018
_STUDY = 0x0020000D
_SERIES = 0x0020000E
_SERIES_NUMBER = 0x00200011
_INSTANCE_NUMBER = 0x00200013
_REQUIRED = {"SOP Class UID": _SOP_CLASS, "SOP Instance UID": _SOP_INSTANCE, "Study Instance UID": _STUDY}
_DIRECTORY = "DICOMDIR: a list of files, no data"
_MAX_HEADER_BYTES = 64 * 1024 * 1024
_NUMBER_OF_INSTANCE = re.compile(r"[+-]?\d{1,9}", re.ASCII)


@frozen
class _Reading:
    """How one batch is read."""

    reader: HeaderReader
    facts: FactsOfFiles
    template: str
    separate: bool
    xnat: bool
    rename: bool
    by_uid: bool
    template_on_clash: bool


def extract_members(
    members: tuple[Member, ...], context: ExtractContext, *, template_on_clash: bool
) -> tuple[ImportedFile | Rejected | Ignored, ...]:
    """One record for each member, in their order.

    Args:
        members: A batch of an upload, or stored files that are read again.
        context: Wants, request and preferences.
        template_on_clash: Whether a sent name that is taken is replaced by the template's; else the core appends
            ``_1``, ``_2`` (spec ruling 8).

    Returns:
        ``ImportedFile`` for an instance; ``Ignored`` for a DICOMDIR; ``Rejected`` for what is no DICOM, or has no SOP
        Class, SOP Instance or Study Instance UID. The words ``unable to read DICOM object NAME`` and ``object NAME
        contains no ...`` are XNAT's, and clients look for them.
    """
    reading = _reading(context, template_on_clash=template_on_clash)
    return tuple(_extract(member, reading) for member in members)


def _reading(context: ExtractContext, *, template_on_clash: bool) -> _Reading:
    preferences = context.preferences
    template = str(preferences.get("dicomFileNameTemplate") or DEFAULT_TEMPLATE)
    limit = preferences.get("maxHeaderBytes")
    return _Reading(
        reader=HeaderReader(
            wanted_by(context.wants, template_tags(template)),
            max_header_bytes=limit if isinstance(limit, int) else _MAX_HEADER_BYTES,
        ),
        facts=FactsOfFiles(context.wants),
        template=template,
        separate=preferences.get("separateSecondaryDicomOnArchive") is not False,
        xnat=preferences.get("xnatFields") is True,
        rename=context.request.rename,
        by_uid=preferences.get("useSopInstanceUidToUniquelyIdentifyDicom") is not False,
        template_on_clash=template_on_clash,
    )


def _extract(member: Member, reading: _Reading) -> ImportedFile | Rejected | Ignored:
    name = _last_part(member.name)
    shown = name or "upload"
    try:
        with member.open() as stream:
            header = reading.reader.read(stream)
    except HeaderError as error:
        if _is_named_directory(name):
            return Ignored(member.index, _DIRECTORY)
        return Rejected(member.index, f"unable to read DICOM object {shown}: {error.reason}")
    if _is_directory(header, name):
        return Ignored(member.index, _DIRECTORY)
    missing = next((what for what, tag in _REQUIRED.items() if not header.value(tag)), None)
    if missing:
        return Rejected(member.index, f"object {shown} contains no {missing}")
    return _imported(member.index, name, header, reading)


def _imported(index: int, name: str, header: Header, reading: _Reading) -> ImportedFile:
    sop_class, instance = header.value(_SOP_CLASS), header.value(_SOP_INSTANCE)
    primary = not reading.separate or sop_classes.is_primary(sop_class, xnat=reading.xnat)
    wants_template = reading.rename or not name or reading.template_on_clash
    given = template_name(reading.template, header.value) if wants_template else ""
    return ImportedFile(
        member=index,
        session=header.value(_STUDY),
        place=Scan(header.value(_SERIES) or header.value(_SERIES_NUMBER) or "NA"),
        resource="DICOM" if primary else "secondary",
        name=given if reading.rename or not name else name,
        fallback_name=given if reading.template_on_clash else None,
        format="DICOM",
        content="RAW" if primary else "secondary",
        identity=f"{sop_class} {instance}" if reading.by_uid else None,
        uid=instance,
        instance_number=_instance_number(header),
        facts=reading.facts.of(header, sop_class),
    )


def _is_directory(header: Header, name: str) -> bool:
    named = _is_named_directory(name) and not header.value(_SOP_CLASS)
    return named or header.value(_MEDIA_CLASS) == sop_classes.MEDIA_DIRECTORY


def _is_named_directory(name: str) -> bool:
    return name.upper() == "DICOMDIR"


def _instance_number(header: Header) -> int | None:
    text = header.value(_INSTANCE_NUMBER)
    return int(text) if _NUMBER_OF_INSTANCE.fullmatch(text) else None


def _last_part(name: str) -> str:
    r"""The last part of a member's name; ``/`` and ``\`` both separate."""
    return re.split(r"[/\\]", name)[-1]
