"""A prearchive session as a row of text, under XNAT's keys (rest-api 3.3)."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import datetime

    from xnat_import_core.prearchive import PrearchiveRow

__all__ = ["COLUMNS", "cells_of", "media_type_of"]

COLUMNS = (
    "project",
    "timestamp",
    "lastmod",
    "uploaded",
    "scan_date",
    "scan_time",
    "subject",
    "folderName",
    "name",
    "tag",
    "status",
    "url",
    "autoarchive",
    "prevent_anon",
    "prevent_auto_commit",
    "SOURCE",
    "VISIT",
    "PROTOCOL",
    "TIMEZONE",
)
_DICOM_FOLDERS = {"DICOM", "secondary"}


def cells_of(row: PrearchiveRow, zone: str) -> dict[str, object]:
    """The cells of a row; times are written in the site's zone."""
    return {
        "project": row.project or "Unassigned",
        "timestamp": row.timestamp,
        "lastmod": _time(row.lastmod, zone),
        "uploaded": _time(row.uploaded, zone),
        "scan_date": row.scan_date,
        "scan_time": row.scan_time,
        "subject": row.subject,
        "folderName": row.folder,
        "name": row.name,
        "tag": row.tag,
        "status": row.status,
        "url": row.uri,
        "autoarchive": row.autoarchive,
        "prevent_anon": str(bool(row.prevent_anon)).lower(),
        "prevent_auto_commit": str(bool(row.prevent_auto_commit)).lower(),
        "SOURCE": row.source,
        "VISIT": row.visit,
        "PROTOCOL": row.protocol,
        "TIMEZONE": row.timezone,
    }


def media_type_of(name: str, resource: str) -> str:
    """Media type of a stored file, by its suffix; what has none in a DICOM folder is DICOM."""
    if name.lower().endswith((".dcm", ".ima")):
        return "application/dicom"
    guessed = mimetypes.guess_type(name)[0]
    return guessed or ("application/dicom" if resource in _DICOM_FOLDERS else "application/octet-stream")


def _time(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
