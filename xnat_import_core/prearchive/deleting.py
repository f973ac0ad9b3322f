"""Deleting a session: to the trash, in steps that recovery can finish."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from xnat_import_core.database.tables import operation, session
from xnat_import_core.errors import SessionConflictError
from xnat_import_core.prearchive.statuses import JOINABLE, Status
from xnat_import_core.storage.durable import rename, storage_faults, sync_folder

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import Row

    from xnat_import_core.database import Database
    from xnat_import_core.storage.tree import Tree

__all__ = ["delete_session", "finish_deletes"]

_KIND = "delete"


def delete_session(database: Database, tree: Tree, session_id: int) -> None:
    """Move folder and document of a session to the trash, then drop its rows.

    Raises:
        SessionConflictError: Somebody else changes it, or it is gone.
    """
    key = uuid.uuid4().hex
    free = (session.c.id == session_id) & session.c.locked_by.is_(None) & session.c.status.in_(JOINABLE)
    with database.write() as connection:
        changed = connection.execute(update(session).where(free).values(status=Status.DELETING, locked_by=key))
        if not changed.rowcount:
            message = "session document locked: another operation is changing this session; try again when it is done."
            raise SessionConflictError(message)
        connection.execute(
            insert(operation).values(import_id=key, kind=_KIND, session_id=session_id, created_at=datetime.now(UTC))
        )
    _finish(database, tree, session_id, key)


def finish_deletes(database: Database, tree: Tree) -> None:
    """Finish what a killed process began."""
    with database.read() as connection:
        begun = connection.execute(select(operation).where(operation.c.kind == _KIND)).all()
    for row in begun:
        _finish(database, tree, row.session_id, row.import_id)


def _finish(database: Database, tree: Tree, session_id: int, key: str) -> None:
    with database.read() as connection:
        row = connection.execute(select(session).where(session.c.id == session_id)).first()
    if row is not None:
        with storage_faults():
            _move(tree, row, key)
    with database.write() as connection:
        connection.execute(delete(operation).where(operation.c.import_id == key))
        connection.execute(delete(session).where(session.c.id == session_id))


def _move(tree: Tree, row: Row[Any], key: str) -> None:
    trash = tree.trash / key
    trash.mkdir(exist_ok=True)
    parent = tree.timestamp_folder(row.project, row.timestamp)
    for source in (
        tree.session_document(row.project, row.timestamp, row.folder),
        tree.session_folder(row.project, row.timestamp, row.folder),
    ):
        if source.exists():
            rename(source, trash / source.name)
    for folder in (trash, tree.trash, parent):
        if folder.exists():
            sync_folder(folder)
    if parent.exists() and not any(parent.iterdir()):
        parent.rmdir()
