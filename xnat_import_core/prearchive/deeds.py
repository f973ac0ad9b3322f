"""Deeds: the journal of everything but imports. A deed is undone or finished, whenever its process is killed.

=========  ==========================================================  =============
state      what is on disk                                             recovery
=========  ==========================================================  =============
begun      only its own staging folder                                 undoes it
forward    all is staged and synced, the redo list says what to do     finishes it
done       the new rows are shown                                      nothing
undone     as before it began                                          nothing
=========  ==========================================================  =============

The way of a deed::

    deed = start_deed(database, tree, "move", user=principal.name, session_id=row.id)
    try:
        ...                                        # begin, stage, write deed.staging.redo, sync
        def forward(connection):
            advance(connection, hold)
            go_forward(connection, deed.id, {...})
        once_forward(database, deed, forward)
    except BaseException:
        give_up(database, deed)
        raise
    finish(database, tree, deed, finisher)         # renames, then the finisher in the transaction that says done

The finisher of a kind works from the deed's row alone: recovery calls it as well.
"""

from __future__ import annotations

import fcntl
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlalchemy import Connection, Row, delete, insert, select, update

from xnat_import_core.database.tables import deed as deed_table
from xnat_import_core.database.tables import session
from xnat_import_core.prearchive.machine import UNLOCKED, HoldLostError
from xnat_import_core.prearchive.statuses import Status
from xnat_import_core.storage.redo import run_redo
from xnat_import_core.storage.staging import Staging, start_lock
from xnat_import_core.storage.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xnat_import_core.database import Database

__all__ = ["Deed", "Finisher", "finish", "give_up", "go_forward", "once_forward", "start_deed"]

Finisher = Callable[[Connection, Row[Any], Tree], None]
"""Shows the new rows of a deed (its row is given) and gives back what it holds, in the transaction that says done."""


@frozen
class Deed:
    """A deed that has begun; its staging folder is locked as long as its process lives."""

    id: str
    kind: str
    staging: Staging


def start_deed(  # noqa: PLR0913 - the columns of its row
    database: Database,
    tree: Tree,
    kind: str,
    *,
    user: str = "",
    project: str = "",
    session_id: int | None = None,
    experiment: str = "",
) -> Deed:
    """Enter a deed in the journal and make its staging folder: in this order, and not while somebody recovers."""
    deed_id = uuid.uuid4().hex
    values = {
        "id": deed_id,
        "kind": kind,
        "state": "begun",
        "user": user,
        "project": project,
        "session_id": session_id,
        "experiment": experiment,
        "started_at": datetime.now(UTC),
    }
    with start_lock(tree.start_lock, fcntl.LOCK_SH):
        with database.write() as connection:
            connection.execute(insert(deed_table).values(**values))
        return Deed(deed_id, kind, Staging(tree.staging / deed_id).make())


def go_forward(connection: Connection, deed_id: str, detail: Mapping[str, Any], **columns: object) -> None:
    """Say that all is staged and synced: from here on the deed is finished, if need be by recovery.

    Args:
        connection: The transaction that also advances its holds.
        deed_id: The deed.
        detail: All that the finisher needs, and an undo; JSON.
        columns: Of its row, where they are known only now: ``experiment``, ``undo_until``.

    Raises:
        HoldLostError: It was given up by recovery.
    """
    begun = update(deed_table).where(deed_table.c.id == deed_id, deed_table.c.state == "begun")
    changed = connection.execute(begun.values(state="forward", detail=json.dumps(detail), **columns))
    if not changed.rowcount:
        message = "The deed was given up while it was being prepared; nothing was changed. Try again."
        raise HoldLostError(message)


def once_forward(database: Database, deed: Deed, work: Callable[[Connection], None]) -> None:
    """Run the transaction that ends with ``go_forward``. That it did is known, even if the server went away with it.

    Raises:
        HoldLostError: As ``work``; nothing was changed.
    """
    state = select(deed_table.c.state).where(deed_table.c.id == deed.id)

    def forward(connection: Connection) -> None:
        if connection.execute(state).scalar() != "forward":
            work(connection)

    database.carry_out(forward)


def finish(database: Database, tree: Tree, deed: Deed, finisher: Finisher) -> None:
    """Do the renames, then show the new rows. Safe to run again, and beside another process that does the same.

    If the disk or the database fails meanwhile, its lock is let go: recovery finishes it.
    """
    try:
        run_redo(tree, deed.staging.redo)
        database.carry_out(lambda connection: _show(connection, tree, deed.id, finisher))
    except BaseException:
        deed.staging.release()
        raise
    deed.staging.discard()


def _show(connection: Connection, tree: Tree, deed_id: str, finisher: Finisher) -> None:
    forward = select(deed_table).where(deed_table.c.id == deed_id, deed_table.c.state == "forward")
    row = connection.execute(forward).first()
    if row is not None:
        finisher(connection, row, tree)
        done = {"state": "done", "finished_at": datetime.now(UTC)}
        connection.execute(update(deed_table).where(deed_table.c.id == deed_id).values(**done))


def give_up(database: Database, deed: Deed) -> bool:
    """Undo a deed that has not gone forward; its sessions are again what they were. False: it can only go forward."""
    begun = update(deed_table).where(deed_table.c.id == deed.id, deed_table.c.state == "begun")
    held = session.c.locked_by == deed.id

    def undo(connection: Connection) -> str | None:
        if connection.execute(begun.values(state="undone", finished_at=datetime.now(UTC))).rowcount:
            connection.execute(delete(session).where(held, session.c.status == Status.STAGING))
            back = {**UNLOCKED, "status": session.c.before}
            connection.execute(update(session).where(held, session.c.before != "").values(**back))
        state: str | None = connection.execute(select(deed_table.c.state).where(deed_table.c.id == deed.id)).scalar()
        return state

    if database.carry_out(undo) != "undone":
        deed.staging.release()
        return False
    deed.staging.discard()
    return True
