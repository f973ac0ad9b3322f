"""The session document, written: fields and scans of a ``SessionDocument``, and what the core knows, as XNAT's XML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import evolve, frozen
from lxml import etree

from xnat_import_core.documents.names import XNAT, XSI, qualified
from xnat_import_core.documents.paths import Step
from xnat_import_core.documents.schema import root_element, scan_types, session_types
from xnat_import_core.documents.schema.values import clean_text
from xnat_import_core.documents.tree import Node, append_child, attributes_of, fill, ordered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xnat_import_core.documents.schema import Element
    from xnat_import_core.models import ScanDocument, SessionDocument

__all__ = ["ResourceEntry", "SessionFacts", "session_xml"]

_OTHER_SESSION: Final = "xnat:otherDicomSessionData"
_OTHER_SCAN: Final = "xnat:otherDicomScanData"


@frozen
class ResourceEntry:
    """A resource as the session document names it; ``uri`` is its catalog, relative to the session folder."""

    label: str
    uri: str
    format: str
    content: str
    file_count: int
    file_size: int


@frozen
class SessionFacts:
    """What the core adds to a handler's description: where the session lies, whose it is, its own resources."""

    project: str | None
    label: str
    subject: str
    visit: str | None = None
    protocol: str | None = None
    id: str = ""
    resources: tuple[ResourceEntry, ...] = ()


def session_xml(
    document: SessionDocument, facts: SessionFacts, scan_resources: Mapping[str, tuple[ResourceEntry, ...]]
) -> tuple[bytes, tuple[str, ...]]:
    """A session document, valid against XNAT's schema, the same bytes for the same input.

    What is not valid is left out, never an error; a type that XNAT does not have becomes its ``otherDicom`` one. Each
    scan gets a ``type`` (its series description, without ``INVALID: `` in front, else ``unknown``) and a ``quality``
    (``usable``) where the handler gave none. There is no ``prearchivePath``.

    Args:
        document: What the handler's ``describe`` said; its scans keep their order.
        facts: What the core knows.
        scan_resources: Resources of each scan, by the scan's ``key``.

    Returns:
        UTF-8 bytes, and notes: fields that were left out or cut, by path, with the reason, without values.
    """
    name, element, notes = _known(document.type, session_types(), _OTHER_SESSION)
    node = Node(element)
    notes += fill(node, document.fields)
    node.attributes.update(_identity(facts))
    node.children[Step("subject_ID")] = Node(element.children["subject_ID"], clean_text(facts.subject))
    root = etree.Element(qualified(XNAT, root_element(name)), nsmap={"xnat": XNAT, "xsi": XSI})
    root.attrib.update(attributes_of(node))
    written = dict(ordered(node))
    for tag in element.children:
        if tag == "resources":
            _append_resources(root, facts.resources)
        elif tag == "scans":
            notes += _append_scans(root, document.scans, scan_resources)
        elif (step := Step(tag)) in written:
            append_child(root, XNAT, written[step])
    etree.indent(root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n", tuple(notes)


def _known(name: str, types: Mapping[str, Element], other: str) -> tuple[str, Element, list[str]]:
    if name in types:
        return name, types[name], []
    return other, types[other], [f"@xsi:type: XNAT has no type of the given name, written as {other}"]


def _identity(facts: SessionFacts) -> dict[str, str]:
    given = {"project": facts.project, "visit": facts.visit, "protocol": facts.protocol}
    known = {name: clean_text(value) for name, value in given.items() if value}
    return {"ID": clean_text(facts.id), "label": clean_text(facts.label), **known}


def _append_resources(root: etree._Element, resources: Iterable[ResourceEntry]) -> None:
    entries = tuple(resources)
    if entries:
        parent = etree.SubElement(root, qualified(XNAT, "resources"))
        for entry in entries:
            _append_resource(parent, "resource", entry)


def _append_resource(parent: etree._Element, tag: str, entry: ResourceEntry) -> None:
    xml = etree.SubElement(parent, qualified(XNAT, tag))
    xml.set(qualified(XSI, "type"), "xnat:resourceCatalog")
    texts = {"label": entry.label, "URI": entry.uri, "format": entry.format, "content": entry.content}
    for name, text in texts.items():
        if text:
            xml.set(name, clean_text(text))
    xml.set("file_count", str(entry.file_count))
    xml.set("file_size", str(entry.file_size))


def _append_scans(
    root: etree._Element, scans: Iterable[ScanDocument], resources: Mapping[str, tuple[ResourceEntry, ...]]
) -> list[str]:
    notes: list[str] = []
    parent: etree._Element | None = None
    for scan in scans:
        if parent is None:
            parent = etree.SubElement(root, qualified(XNAT, "scans"))
        notes += [f"scan {scan.id}: {note}" for note in _append_scan(parent, scan, resources.get(scan.key, ()))]
    return notes


def _append_scan(parent: etree._Element, scan: ScanDocument, resources: tuple[ResourceEntry, ...]) -> list[str]:
    name, element, notes = _known(scan.type, scan_types(), _OTHER_SCAN)
    node = Node(evolve(element, name="scan"))
    notes += fill(node, scan.fields)
    _complete_scan(node, clean_text(scan.id))
    xml = etree.SubElement(parent, qualified(XNAT, "scan"))
    xml.set(qualified(XSI, "type"), name)
    xml.attrib.update(attributes_of(node))
    children = ordered(node)
    for tag in element.children:
        for step, child in children:
            if step.name == tag:
                append_child(xml, XNAT, child)
        for entry in resources if tag == "file" else ():
            _append_resource(xml, "file", entry)
    return notes


def _complete_scan(node: Node, scan_id: str) -> None:
    node.attributes["ID"] = scan_id
    described = node.children.get(Step("series_description"))
    description = (described.text or "") if described else ""
    node.attributes.setdefault("type", description.removeprefix("INVALID: ") or "unknown")
    node.children.setdefault(Step("quality"), Node(node.element.children["quality"], "usable"))
