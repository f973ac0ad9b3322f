"""The waiting room: its rows, its statuses, how an import's changes to it are committed, undone and recovered."""

from xnat_import_core.prearchive.listing import FileRow, Prearchive, PrearchiveRow, ResourceRow, ScanRow
from xnat_import_core.prearchive.statuses import BUSY, JOINABLE, Status

__all__ = ["BUSY", "JOINABLE", "FileRow", "Prearchive", "PrearchiveRow", "ResourceRow", "ScanRow", "Status"]
