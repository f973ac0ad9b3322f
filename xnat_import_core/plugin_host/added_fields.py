"""Fields that extensions add to a session document: they never replace one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xnat_import_core.models import Fields, SessionDocument

__all__ = ["with_fields"]


def with_fields(document: SessionDocument, added: Iterable[Fields]) -> SessionDocument:
    """The document with what extensions add, in their order; what is there stays."""
    for fields in added:
        scans = tuple(evolve(scan, fields={**fields.scans.get(scan.key, {}), **scan.fields}) for scan in document.scans)
        document = evolve(document, fields={**fields.session, **document.fields}, scans=scans)
    return document
