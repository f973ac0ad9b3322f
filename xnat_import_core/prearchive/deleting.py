"""Deleting a session: to the trash, as a deed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, delete, func, select

from xnat_import_core.database.tables import session
from xnat_import_core.prearchive.deeds import finish, give_up, go_forward, once_forward, start_deed
from xnat_import_core.prearchive.machine import Operation, advance, begin
from xnat_import_core.storage.durable import storage_faults, sync_filesystem
from xnat_import_core.storage.redo import RedoList

if TYPE_CHECKING:
    from xnat_import_core.database import Database
    from xnat_import_core.prearchive.deeds import Deed
    from xnat_import_core.storage.tree import Tree

__all__ = ["KIND", "delete_session", "finish_delete"]

KIND: Final = "delete"


def delete_session(database: Database, tree: Tree, session_id: int, user: str = "") -> None:
    """Move folder and document of a session to the trash, then drop its rows.

    Raises:
        SessionConflictError: Somebody else changes it.
        NotFoundError: It is gone.
    """
    with storage_faults():
        deed = start_deed(database, tree, KIND, user=user, session_id=session_id)
        try:
            _prepare(database, tree, deed, session_id)
        except BaseException:
            give_up(database, deed)
            raise
        finish(database, tree, deed, finish_delete)


def finish_delete(connection: Connection, deed: Row[Any], tree: Tree) -> None:
    """Drop the rows, and the timestamp folder if it was the last session in it."""
    row = connection.execute(select(session).where(session.c.id == deed.session_id)).first()
    if row is None:
        return
    connection.execute(delete(session).where(session.c.id == row.id))
    here = (session.c.project == row.project) & (session.c.timestamp == row.timestamp)
    folder = tree.timestamp_folder(row.project, row.timestamp)
    others = connection.execute(select(func.count()).where(here)).scalar()
    if not others and folder.exists() and not any(folder.iterdir()):
        folder.rmdir()


def _prepare(database: Database, tree: Tree, deed: Deed, session_id: int) -> None:
    with database.write() as connection:
        hold = begin(connection, session_id, Operation.DELETE, deed.id)
        row = connection.execute(select(session).where(session.c.id == session_id)).one()
    redo = RedoList(tree, deed.staging.redo)
    for source in (
        tree.session_document(row.project, row.timestamp, row.folder),
        tree.session_folder(row.project, row.timestamp, row.folder),
    ):
        redo.retire(source, tree.trash / deed.id / source.name)
    redo.write()
    sync_filesystem(deed.staging.descriptor)

    def forward(connection: Connection) -> None:
        advance(connection, hold)
        go_forward(connection, deed.id, {"project": row.project, "timestamp": row.timestamp, "folder": row.folder})

    once_forward(database, deed, forward)
