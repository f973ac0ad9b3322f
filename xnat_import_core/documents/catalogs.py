"""Catalogs: the XML list of a resource's files, written as a stream and read."""

from __future__ import annotations

from itertools import filterfalse
from typing import TYPE_CHECKING, BinaryIO, Final

from attrs import field, frozen
from lxml import etree

from xnat_import_core.documents.entries import Audit, CatalogEntry, write_entries
from xnat_import_core.documents.flattening import flatten
from xnat_import_core.documents.names import CATALOG, XSI, qualified
from xnat_import_core.documents.parsing import elements_of, text_of
from xnat_import_core.documents.schema import catalog_type
from xnat_import_core.documents.tree import Node, attributes_of, fill, ordered
from xnat_import_core.errors import UnreadableUploadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lxml.etree._serializer import _IncrementalFileWriter

    from xnat_import_core.documents.paths import Step
    from xnat_import_core.models import FieldValue

__all__ = ["Audit", "Catalog", "CatalogEntry", "catalog_name", "read_catalog", "write_catalog"]

_LIMIT: Final = 256 << 20
_ROOTS: Final = (qualified(CATALOG, "Catalog"), qualified(CATALOG, "DCMCatalog"))
_ENTRY: Final = qualified(CATALOG, "entry")


@frozen
class Catalog:
    """A catalog as read: its entries, those of nested sets too, and what it says of the whole, by path."""

    dicom: bool
    entries: tuple[CatalogEntry, ...] = ()
    fields: Mapping[str, str] = field(factory=dict)


def catalog_name(scan_id: str | None, label: str, format: str = "") -> str:  # noqa: A002 - XNAT's word for it
    """The file name of a resource's catalog (ruling 7).

    ``scan_ID_catalog.xml`` for a scan's DICOM and ECAT, ``scan_ID_LABEL_catalog.xml`` for its other resources
    (``secondary`` among them), ``LABEL_catalog.xml`` where there is no scan.
    """
    if scan_id is None:
        return f"{label}_catalog.xml"
    primary = label in {"DICOM", "ECAT"} and format in {"", label}
    return f"scan_{scan_id}_catalog.xml" if primary else f"scan_{scan_id}_{label}_catalog.xml"


def write_catalog(
    stream: BinaryIO, entries: Iterable[CatalogEntry], *, dicom: bool, fields: Mapping[str, FieldValue]
) -> tuple[str, ...]:
    """Write a catalog, one entry at a time, in the order given.

    Args:
        stream: Gets UTF-8 bytes.
        entries: Files, sorted by the caller.
        dicom: ``cat:DCMCatalog`` with ``cat:dcmEntry``, else ``cat:Catalog``. For a ``secondary`` resource: true,
            without fields, and entries without instance number.
        fields: ``@UID``, ``dimensions/@x``, ``voxelRes/@units``, ``orientation``,
            ``metaFields/metaField[@name="PROJECT"]`` and the like; ``@type`` is passed over.

    Returns:
        Notes: fields that were left out or cut, by path, with the reason, without values.
    """
    node = Node(catalog_type(dicom=dicom))
    notes = fill(node, {path: value for path, value in fields.items() if path != "@type"})
    children = ordered(node)
    with etree.xmlfile(stream, encoding="UTF-8") as xml:
        xml.write_declaration()
        with xml.element(_ROOTS[dicom], attributes_of(node), nsmap={"cat": CATALOG, "xsi": XSI}):
            for _, child in filter(_before_entries, children):
                _write_node(xml, child)
            xml.write("\n  ")
            with xml.element(qualified(CATALOG, "entries")):
                write_entries(xml, stream, entries, dicom=dicom)
                xml.write("\n  ")
            for _, child in filterfalse(_before_entries, children):
                _write_node(xml, child)
            xml.write("\n")
    stream.write(b"\n")
    return tuple(notes)


def _before_entries(child: tuple[Step, Node]) -> bool:
    return child[0].name in {"metaFields", "tags"}


def _write_node(xml: _IncrementalFileWriter, node: Node, indent: str = "\n  ") -> None:
    xml.write(indent)
    with xml.element(qualified(CATALOG, node.element.name), attributes_of(node)):
        xml.write(node.text or "")
        for _, child in ordered(node):
            _write_node(xml, child, f"{indent}  ")
        xml.write(indent if node.children else "")


def read_catalog(path: Path, *, with_entries: bool = True) -> Catalog:
    """A catalog from disk, ours or XNAT's, whatever its name.

    Args:
        path: The file.
        with_entries: False where only what it says of the whole is asked for; it is read to its end all the same.

    Raises:
        NotFoundError: There is no such file.
        LimitExceededError: It has more than 256 MiB.
        UnreadableUploadError: It is no well-formed XML, has a DOCTYPE, or its root is no catalog.
        StorageError: The disk failed.
    """
    entries: list[CatalogEntry] = []
    root: etree._Element | None = None
    for root in elements_of(path, limit=_LIMIT):
        if root.tag == _ENTRY:
            if with_entries:
                entries.append(_entry(root))
            root.clear(keep_tail=True)
    if root is None or root.tag not in _ROOTS:
        message = f"{path.name} is no catalog: its root must be cat:Catalog or cat:DCMCatalog."
        raise UnreadableUploadError(message)
    dicom = root.tag == _ROOTS[True]
    return Catalog(dicom, tuple(entries), flatten(root, catalog_type(dicom=dicom), {"entries", "sets"}))


def _entry(xml: etree._Element) -> CatalogEntry:
    sizes = xml.iterfind("c:metaFields/c:metaField[@name='SIZE']", {"c": CATALOG})
    return CatalogEntry(
        uri=xml.get("URI", ""),
        uid=xml.get("UID", ""),
        instance_number=_number(xml.get("instanceNumber", "")),
        size=max(_number(next(map(text_of, sizes), "")) or 0, 0),
        format=xml.get("format", ""),
        content=xml.get("content", ""),
        digest=xml.get("digest", ""),
        created=_audit(xml, "created"),
        modified=_audit(xml, "modified"),
    )


def _audit(xml: etree._Element, what: str) -> Audit | None:
    by, time, event = (xml.get(f"{what}{each}") for each in ("By", "Time", "EventId"))
    return Audit(by or "", time or "", _number(event or "") or 0) if by or time or event else None


def _number(text: str) -> int | None:
    try:
        return int(text) if len(text) < 20 else None  # noqa: PLR2004 - a 64-bit number
    except ValueError:
        return None
