"""What is archived as rows of text, under XNAT's keys (rest-api 3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xnat_import_server.addresses import data_uri
from xnat_import_server.prearchive_rows import time_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xnat_import_core.archive import ExperimentRow, SubjectRow
    from xnat_import_core.documents import ParsedSession
    from xnat_import_core.prearchive import FileRow
    from xnat_import_server.archived import Archived, Holding
    from xnat_import_server.listings import Row

__all__ = [
    "EXPERIMENT_COLUMNS",
    "FILE_COLUMNS",
    "RESOURCE_COLUMNS",
    "SCAN_COLUMNS",
    "SUBJECT_COLUMNS",
    "experiment_cells",
    "file_cells",
    "resource_cells",
    "scan_cells",
    "subject_cells",
]

SUBJECT_COLUMNS: Final = ("ID", "project", "label", "insert_date", "insert_user", "group", "URI")
EXPERIMENT_COLUMNS: Final = (
    "ID", "project", "date", "xsiType", "label", "insert_date", "subject_ID", "subject_label", "status", "URI",
)  # fmt: skip
SCAN_COLUMNS: Final = (
    "xnat_imagescandata_id", "ID", "type", "quality", "xsiType", "note", "series_description", "URI",
)  # fmt: skip
RESOURCE_COLUMNS: Final = (
    "xnat_abstractresource_id", "label", "element_name", "category", "cat_id", "cat_desc", "file_count", "file_size",
    "format", "content", "tags",
)  # fmt: skip
FILE_COLUMNS: Final = (
    "Name", "Size", "URI", "collection", "file_tags", "file_format", "file_content", "cat_ID", "digest",
)  # fmt: skip


def subject_cells(row: SubjectRow, zone: str) -> Row:
    """A row of the list of subjects; times are written in the site's zone."""
    return {
        "ID": row.id,
        "project": row.project,
        "label": row.label,
        "insert_date": time_text(row.created_at, zone),
        "insert_user": row.created_by,
        "URI": data_uri(f"/projects/{row.project}/subjects/{row.id}"),
    }


def experiment_cells(row: ExperimentRow, zone: str) -> Row:
    """A row of the list of experiments."""
    return {
        "ID": row.id,
        "project": row.project,
        "date": row.date,
        "xsiType": row.type,
        "label": row.label,
        "insert_date": time_text(row.created_at, zone),
        "subject_ID": row.subject_id,
        "subject_label": row.subject_label,
        "status": row.status,
        "URI": _uri(row),
    }


def scan_cells(asked: Archived) -> Iterator[Row]:
    """The scans of the experiment that is named."""
    row = asked.experiment()
    described = {scan.id: scan for scan in asked.document(row).scans}
    for scan in asked.archive.scans(row):
        fields = described[scan.id].fields if scan.id in described else {}
        yield {
            "ID": scan.id,
            "type": fields.get("@type", ""),
            "quality": fields.get("quality", ""),
            "xsiType": scan.xsi_type,
            "note": fields.get("note", ""),
            "series_description": scan.series_description,
            "URI": _uri(row, scan.id),
        }


def resource_cells(asked: Archived, *, of_all: bool) -> Iterator[Row]:
    """The resources of what is named; ``of_all``: of a session those of its scans too."""
    row = asked.experiment()
    described = _described(asked.document(row))
    for holding in asked.holdings(row, of_all=of_all):
        found = holding.resource
        form, content = described.get((holding.scan, found.label), ("", ""))
        yield {
            "label": found.label,
            "element_name": "xnat:resourceCatalog",
            "category": "resources" if holding.scan is None else "scans",
            "cat_id": holding.scan or "",
            "file_count": found.file_count,
            "file_size": found.file_size,
            "format": form,
            "content": content,
        }


def file_cells(asked: Archived) -> Iterator[Row]:
    """The files of what is named."""
    row = asked.experiment()
    described = _described(asked.document(row))
    for holding, file in asked.files(row):
        yield _file_cell(row, holding, file, described.get((holding.scan, holding.resource.label), ("", "")))


def _file_cell(row: ExperimentRow, holding: Holding, file: FileRow, described: tuple[str, str]) -> Row:
    label = holding.resource.label
    return {
        "Name": file.name,
        "Size": file.size,
        "URI": data_uri(f"{_uri(row, holding.scan)}/resources/{label}/files/{file.name}"),
        "collection": label,
        "file_format": described[0],
        "file_content": described[1],
        "digest": file.digest,
    }


def _described(document: ParsedSession) -> Mapping[tuple[str | None, str], tuple[str, str]]:
    """Format and content of resources, by scan and label."""
    places = [(None, document.resources), *((scan.id, scan.resources) for scan in document.scans)]
    return {(place, entry.label): (entry.format, entry.content) for place, found in places for entry in found}


def _uri(row: ExperimentRow, scan: str | None = None) -> str:
    return data_uri(f"/experiments/{row.id}{f'/scans/{scan}' if scan else ''}")
