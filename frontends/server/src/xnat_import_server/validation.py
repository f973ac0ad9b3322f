"""What stands against archiving a session, as the rows of XNAT's dry run (prearchive chapter 8.9)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from xnat_import_core.archive.conflicts import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xnat_import_core.models import ArchivePlan

__all__ = ["CODES", "VALIDATION_COLUMNS", "validation_rows"]

VALIDATION_COLUMNS: Final = ("code", "type", "message")
_RENUMBERED: Final = 17
_STRAY: Final = 20

CODES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "exists": 1,
        "label": 2,
        "project": 3,
        "subject": 4,
        "study": 5,
        "no_project": 6,
        "no_label": 8,
        "workflow": 10,
        "busy": 10,
        "no_subject": 11,
        "document": 13,
        "folder": 14,
        "file": 14,
        "identical": 14,
        "resource": 14,
        "name": 15,
        "locked": 15,
        "scan_number": 18,
        "modality": 19,
        "stray": _STRAY,
        "missing": 21,
        "no_catalog": 21,
        "changed": 21,
        "duplicate": 22,
    }
)
"""XNAT's code of each kind of conflict."""


def validation_rows(plan: ArchivePlan) -> Iterator[Mapping[str, object]]:
    """``CONFLICT`` can be lifted by ``overwrite``, ``FAIL`` cannot, ``WARN`` does not stand against it."""
    for each in plan.conflicts:
        kind = "CONFLICT" if KINDS[each.kind].lifted_by else "FAIL"
        yield {"code": CODES[each.kind], "type": kind, "message": _with_scan(each.detail, each.scan)}
    for number in plan.renamed_scans:
        words = f"Session already contains a scan ({number}) with the same number, but a different UID."
        yield {"code": _RENUMBERED, "type": "WARN", "message": f"{words} It becomes {plan.renamed_scans[number]}."}
    for note in plan.notes:
        yield {"code": _STRAY, "type": "WARN", "message": note}


def _with_scan(detail: str, scan: str | None) -> str:
    return detail if scan is None or scan in detail else f"{detail} (scan {scan})"
