"""The document of a session that goes into another project: the last good one, with the project's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from xnat_import_core.documents.parsing import elements_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["with_project"]

_LIMIT: Final = 16 << 20


def with_project(document: Path, project: str) -> bytes:
    """The document with this project, everything else as it is.

    Raises:
        UnreadableUploadError: It is no XML.
        LimitExceededError: It is too large for a document.
    """
    *_, root = elements_of(document, limit=_LIMIT)
    root.set("project", project)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"
