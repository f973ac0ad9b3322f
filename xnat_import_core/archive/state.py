"""``.import/state.json`` of an archived session: all that files, catalogs and document could not tell otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from xnat_import_core.archive.given import AUTORUN
from xnat_import_core.database.tables import workflow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy import Connection

    from xnat_import_core.archive.given import Given
    from xnat_import_core.archive.planning import Blueprint
    from xnat_import_core.archive.requests import ArchiveRequest
    from xnat_import_core.models import SessionDocument

__all__ = ["read_state", "state_of", "write_state"]

_SESSION: Final = (
    "handler_key", "import_id", "user", "source", "visit", "protocol", "timezone", "prevent_anon",
    "prevent_auto_commit", "scan_date", "scan_time", "nameless",
)  # fmt: skip
_RECORD: Final = (
    "id", "name", "type", "user", "status", "justification", "comment", "deed", "launched_at", "finished_at",
)  # fmt: skip


def state_of(
    connection: Connection, blueprint: Blueprint, given: Given, request: ArchiveRequest, document: SessionDocument
) -> dict[str, Any]:
    """What is written when a session is archived."""
    side = blueprint.existing.side if blueprint.existing is not None else blueprint.incoming
    there = blueprint.existing.experiment if blueprint.existing is not None else None
    studies = dict.fromkeys((*side.studies, *blueprint.incoming.studies))
    return {
        "experiment": given.experiment,
        "project": blueprint.plan.project,
        "label": blueprint.label,
        "type": document.type,
        "status": "quarantine" if blueprint.quarantine else (there.status if there else "active"),
        "subject": {"id": given.subject.id, "label": given.subject.label},
        "created_at": (there.created_at if there else given.at).isoformat(),
        "created_by": there.created_by if there else given.user,
        "modified_at": given.at.isoformat(),
        "last_deed": given.deed,
        "uploaded": side.row.uploaded.isoformat(),
        "session": {name: getattr(side.row, name) for name in _SESSION},
        "studies": list(studies),
        "scans": {scan.id: scan.key for scan in document.scans},
        "workflows": [*_records(connection, there.id if there else ""), *_new_records(given, request, document.type)],
    }


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write it; the caller syncs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(state, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_state(path: Path) -> dict[str, Any]:
    """What ``write_state`` wrote."""
    state: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return state


def _records(connection: Connection, experiment: str) -> list[dict[str, Any]]:
    """The workflows of an experiment; what is told to extensions is none of its history."""
    query = select(workflow).where(workflow.c.experiment == experiment, workflow.c.name != AUTORUN)
    rows = connection.execute(query.order_by(workflow.c.id)).all() if experiment else ()
    return [{name: _plain(getattr(row, name)) for name in _RECORD} for row in rows]


def _new_records(given: Given, request: ArchiveRequest, xsi_type: str) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "name": name,
            "type": xsi_type,
            "user": given.user,
            "status": "Complete",
            "justification": request.event_reason or request.entry.justification,
            "comment": "",
            "deed": given.deed,
            "launched_at": given.at.isoformat(),
            "finished_at": given.at.isoformat(),
        }
        for name, number in given.workflows.items()
        if name != AUTORUN
    ]


def _plain(value: Any) -> Any:  # noqa: ANN401 - a column's value
    return value.isoformat() if hasattr(value, "isoformat") else value
