"""A prearchive session as a row of text, under XNAT's keys (rest-api 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import datetime

    from xnat_import_core.prearchive import PrearchiveRow

__all__ = ["COLUMNS", "cells_of", "time_text"]

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


def cells_of(row: PrearchiveRow, zone: str) -> dict[str, object]:
    """The cells of a row; times are written in the site's zone."""
    return {
        "project": row.project or "Unassigned",
        "timestamp": row.timestamp,
        "lastmod": time_text(row.lastmod, zone),
        "uploaded": time_text(row.uploaded, zone),
        "scan_date": row.scan_date,
        "scan_time": row.scan_time,
        "subject": row.subject,
        "folderName": row.folder,
        "name": row.name,
        "tag": row.tag,
        "status": row.shown_status,
        "url": row.uri,
        "autoarchive": row.autoarchive,
        "prevent_anon": str(bool(row.prevent_anon)).lower(),
        "prevent_auto_commit": str(bool(row.prevent_auto_commit)).lower(),
        "SOURCE": row.source,
        "VISIT": row.visit,
        "PROTOCOL": row.protocol,
        "TIMEZONE": row.timezone,
    }


def time_text(moment: datetime, zone: str) -> str:
    """A time as XNAT writes it."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
