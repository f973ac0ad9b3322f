"""The session document, read: for recovery and listings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import field, frozen

from xnat_import_core.documents.flattening import flatten
from xnat_import_core.documents.names import XNAT, XSI, qualified
from xnat_import_core.documents.parsing import elements_of
from xnat_import_core.documents.schema import root_element, scan_types, session_types
from xnat_import_core.documents.session_xml import ResourceEntry
from xnat_import_core.errors import UnreadableUploadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lxml import etree

__all__ = ["ParsedScan", "ParsedSession", "read_session_xml"]

_LIMIT: Final = 16 << 20


@frozen
class ParsedScan:
    """A scan of a document: ``type`` is its XNAT type, ``fields`` all its paths (``@type`` is the scan's type)."""

    id: str
    uid: str
    type: str
    series_description: str
    fields: Mapping[str, str] = field(factory=dict)
    resources: tuple[ResourceEntry, ...] = ()


@frozen
class ParsedSession:
    """A session document as read. What it lacks is empty."""

    type: str
    fields: Mapping[str, str] = field(factory=dict)
    scans: tuple[ParsedScan, ...] = ()
    resources: tuple[ResourceEntry, ...] = ()

    @property
    def id(self) -> str:
        """The experiment's ID, empty in the prearchive."""
        return self.fields.get("@ID", "")

    @property
    def project(self) -> str:
        """The project's ID."""
        return self.fields.get("@project", "")

    @property
    def label(self) -> str:
        """The session's label."""
        return self.fields.get("@label", "")

    @property
    def uid(self) -> str:
        """The Study Instance UID."""
        return self.fields.get("@UID", "")

    @property
    def subject(self) -> str:
        """The subject's label, or ID once archived."""
        return self.fields.get("subject_ID", "")


def read_session_xml(path: Path) -> ParsedSession:
    """A session document from disk, ours or XNAT's.

    Raises:
        NotFoundError: There is no such file.
        LimitExceededError: It has more than 16 MiB.
        UnreadableUploadError: It is no well-formed XML, has a DOCTYPE, or its root is no session of XNAT.
        StorageError: The disk failed.
    """
    *_, root = elements_of(path, limit=_LIMIT)
    types = {qualified(XNAT, root_element(name)): name for name in session_types()}
    name = types.get(str(root.tag))
    if name is None:
        message = f"{path.name} is no session document: its root must be a session of XNAT, such as xnat:MRSession."
        raise UnreadableUploadError(message)
    fields = flatten(root, session_types()[name], {"scans", "resources"})
    scans = tuple(_scan(xml) for xml in root.iterfind("x:scans/x:scan", {"x": XNAT}))
    return ParsedSession(name, fields, scans, _resources(root, "x:resources/x:resource"))


def _scan(xml: etree._Element) -> ParsedScan:
    name = xml.get(qualified(XSI, "type"), "")
    fields = flatten(xml, scan_types().get(name), {"file"})
    description = fields.get("series_description", "")
    return ParsedScan(xml.get("ID", ""), xml.get("UID", ""), name, description, fields, _resources(xml, "x:file"))


def _resources(xml: etree._Element, below: str) -> tuple[ResourceEntry, ...]:
    return tuple(
        ResourceEntry(
            label=found.get("label", ""),
            uri=found.get("URI", ""),
            format=found.get("format", ""),
            content=found.get("content", ""),
            file_count=_number(found.get("file_count", "")),
            file_size=_number(found.get("file_size", "")),
        )
        for found in xml.iterfind(below, {"x": XNAT})
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0  # noqa: PLR2004 - a 64-bit number
