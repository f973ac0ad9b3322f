"""The entries of a catalog: one a file, so their XML is put together from text wherever nothing needs to be escaped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final

from attrs import frozen

from xnat_import_core.documents.names import CATALOG, XSI, qualified
from xnat_import_core.documents.schema.values import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lxml.etree._serializer import _IncrementalFileWriter

__all__ = ["Audit", "CatalogEntry", "write_entries"]

_AT_ONCE: Final = 1000
_PLAIN: Final = re.compile(r"[ !#-%'-;=?-~]*")  # printable ASCII without the characters that XML escapes
_NAMES: Final = {"xsi:type": qualified(XSI, "type")}


@frozen
class Audit:
    """Who did something, when (``2024-01-31T14:25:01.123``), and the ID of its workflow record."""

    by: str
    time: str
    event: int


@frozen
class CatalogEntry:
    """A file of a resource: ``uri`` relative to the catalog's folder.

    Only when archived: ``digest`` (MD5), who ``created`` it there, and who ``modified`` it; then its name is written
    too, as XNAT does, as ``ID``, ``name`` and ``cachePath``.
    """

    uri: str
    uid: str = ""
    instance_number: int | None = None
    size: int = 0
    format: str = ""
    content: str = ""
    digest: str = ""
    created: Audit | None = None
    modified: Audit | None = None


def write_entries(
    xml: _IncrementalFileWriter, stream: BinaryIO, entries: Iterable[CatalogEntry], *, dicom: bool
) -> None:
    """Write entries, the next child of the element that is open in ``xml``, which writes to ``stream``."""
    plain: list[str] = []
    for entry in entries:
        attributes = _attributes(entry, dicom=dicom)
        if _PLAIN.fullmatch("".join(attributes.values())):
            plain.append(_as_text(attributes, entry.size))
        else:
            _write_plain(xml, stream, plain)
            _write_escaped(xml, attributes, entry.size)
        if len(plain) == _AT_ONCE:
            _write_plain(xml, stream, plain)
    _write_plain(xml, stream, plain)


def _attributes(entry: CatalogEntry, *, dicom: bool) -> dict[str, str]:
    """By name, in the order in which they are written."""
    is_dicom = dicom or bool(entry.uid) or entry.instance_number is not None
    archived = entry.created is not None
    texts = {
        "xsi:type": "cat:dcmEntry" if is_dicom else "",
        "URI": entry.uri,
        "ID": entry.uri if archived else "",
        "name": entry.uri.rpartition("/")[2] if archived else "",
        "cachePath": entry.uri if archived else "",
        "UID": entry.uid,
        "instanceNumber": "" if entry.instance_number is None else str(entry.instance_number),
        "format": entry.format,
        "content": entry.content,
        "digest": entry.digest,
        **_audit_attributes("created", entry.created),
        **_audit_attributes("modified", entry.modified),
    }
    return {name: text for name, text in texts.items() if text or name == "URI"}


def _audit_attributes(what: str, audit: Audit | None) -> dict[str, str]:
    if audit is None:
        return {}
    return {f"{what}By": audit.by, f"{what}Time": audit.time, f"{what}EventId": str(audit.event)}


def _as_text(attributes: Mapping[str, str], size: int) -> str:
    written = "".join([f' {name}="{text}"' for name, text in attributes.items()])
    return (
        f'\n    <cat:entry{written}><cat:metaFields><cat:metaField name="SIZE">{size}</cat:metaField></cat:metaFields>'
        "</cat:entry>"
    )


def _write_plain(xml: _IncrementalFileWriter, stream: BinaryIO, plain: list[str]) -> None:
    if plain:
        xml.flush()
        stream.write("".join(plain).encode())
        plain.clear()


def _write_escaped(xml: _IncrementalFileWriter, attributes: Mapping[str, str], size: int) -> None:
    named = {_NAMES.get(name, name): clean_text(text) for name, text in attributes.items()}
    xml.write("\n    ")
    with (
        xml.element(qualified(CATALOG, "entry"), named),
        xml.element(qualified(CATALOG, "metaFields")),
        xml.element(qualified(CATALOG, "metaField"), name="SIZE"),
    ):
        xml.write(str(size))
