"""``.import/state.json`` of a session: what files, catalogs and document could not tell if the database were lost."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from xnat_import_core.database.tables import scan, session, study
from xnat_import_core.errors import XnatImportError
from xnat_import_core.prearchive.statuses import HIDDEN
from xnat_import_core.storage.tree import CONTROL_FOLDER

if TYPE_CHECKING:
    from sqlalchemy import Row

    from xnat_import_core.database import Database
    from xnat_import_core.storage.tree import Tree

__all__ = ["STATE", "keep_state"]

STATE: Final = f"{CONTROL_FOLDER}/state.json"

_NOT_KEPT: Final = ("id", "project", "timestamp", "folder", "tag", "locked_by", "locked_at", "heartbeat_at", "before")
"""What the path says, what is among the studies, and what ends with the process."""


def keep_state(database: Database, tree: Tree, session_id: int) -> None:
    """Write a session's row aside and rename it into place; the row counts, so a failure is nobody's business."""
    with suppress(OSError, XnatImportError):
        with database.read() as connection:
            row = connection.execute(select(session).where(session.c.id == session_id)).first()
            studies = select(study.c.tag).where(study.c.session_id == session_id).order_by(study.c.position)
            scans = select(scan.c.label, scan.c.key).where(scan.c.session_id == session_id)
            further = list(connection.execute(studies).scalars())
            keys = {row.label: row.key for row in connection.execute(scans)}
        if row is None or row.status in HIDDEN:
            return
        path = tree.session_folder(row.project, row.timestamp, row.folder) / STATE
        path.parent.mkdir(exist_ok=True)
        aside = path.with_name(f"{path.name}~")
        aside.write_text(_text(row, further, keys), encoding="utf-8")
        aside.rename(path)


def _text(row: Row[Any], studies: list[str], scans: dict[str, str]) -> str:
    columns = {name: value for name, value in row._mapping.items() if name not in _NOT_KEPT}  # noqa: SLF001 - SQLAlchemy's public name for a row's columns
    columns["status"] = row.before or row.status
    state = {"session": columns, "studies": [row.tag, *studies], "scans": scans}
    return json.dumps(state, indent=1, sort_keys=True, default=datetime.isoformat) + "\n"
