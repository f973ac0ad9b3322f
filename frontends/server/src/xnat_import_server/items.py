"""XNAT's *items*: one object as JSON, with what is in it (rest-api 1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xnat_import_core.archive import ExperimentRow, SubjectRow
    from xnat_import_core.documents import ParsedScan, ParsedSession, ResourceEntry

__all__ = ["Item", "document_of", "experiment_item", "scan_item", "subject_item"]

Item: TypeAlias = dict[str, Any]


def document_of(item: Item) -> Mapping[str, object]:
    """The document that has one item."""
    return {"items": [item]}


def subject_item(row: SubjectRow, experiments: Iterable[ExperimentRow]) -> Item:
    """A subject with its experiments."""
    found = [_item(each.type, _naming(each)) for each in experiments]
    fields = {"ID": row.id, "project": row.project, "label": row.label}
    return _item("xnat:subjectData", fields, {"experiments/experiment": found})


def experiment_item(row: ExperimentRow, document: ParsedSession) -> Item:
    """An experiment with its scans and resources, as its document has them."""
    fields = {**_plain(document.fields), **_naming(row)}
    scans = [scan_item(row, scan) for scan in document.scans]
    resources = [_resource_item(entry) for entry in document.resources]
    return _item(row.type, fields, {"scans/scan": scans, "resources/resource": resources})


def scan_item(row: ExperimentRow, scan: ParsedScan) -> Item:
    """A scan with its resources."""
    fields = {**_plain(scan.fields), "ID": scan.id, "UID": scan.uid, "image_session_ID": row.id}
    return _item(scan.type, fields, {"file": [_resource_item(entry) for entry in scan.resources]})


def _naming(row: ExperimentRow) -> dict[str, object]:
    """What the row knows better than any document."""
    return {"ID": row.id, "label": row.label, "project": row.project, "subject_ID": row.subject_id, "date": row.date}


def _resource_item(entry: ResourceEntry) -> Item:
    fields = {"label": entry.label, "format": entry.format, "content": entry.content}
    return _item("xnat:resourceCatalog", {**fields, "file_count": entry.file_count, "file_size": entry.file_size})


def _plain(fields: Mapping[str, str]) -> dict[str, object]:
    """Paths as JSON has them: an attribute is a field like any other."""
    return {path.replace("@", ""): value for path, value in fields.items()}


def _item(xsi_type: str, fields: Mapping[str, object], children: Mapping[str, list[Item]] | None = None) -> Item:
    below = [{"field": name, "items": items} for name, items in (children or {}).items() if items]
    return {"meta": {"xsi:type": xsi_type, "isHistory": False}, "data_fields": fields, "children": below}
