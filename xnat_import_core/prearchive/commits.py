"""How an import's changes to the prearchive take effect: all of them, or none.

Before ``mark_placing`` an import can only be undone; after it, it can only be finished. Both are safe to run again.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen
from sqlalchemy import case, delete, insert, select, update

from xnat_import_core.database.tables import file, import_, operation, scan, session, study
from xnat_import_core.prearchive.machine import UNLOCKED, HoldLostError
from xnat_import_core.prearchive.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection

    from xnat_import_core.database import Database

__all__ = ["ScanValues", "SessionChange", "finish", "mark_placing", "retell", "undo"]


@frozen
class ScanValues:
    """A scan's row."""

    key: str
    label: str
    type: str
    series_description: str
    fold: str


@frozen
class SessionChange:
    """What a session's rows will be: columns of the session, its further studies, all its scans.

    ``scans`` is ``None`` where they stay as they are.
    """

    session_id: int
    values: Mapping[str, Any]
    studies: tuple[str, ...] = ()
    scans: tuple[ScanValues, ...] | None = None


def mark_placing(
    database: Database, import_id: str, changes: Collection[SessionChange], outcome: Mapping[str, Any]
) -> None:
    """Say that everything is staged and synced: from here on the import can only go forward.

    Raises:
        HoldLostError: A session is not its own any more: it seemed dead.
    """
    now = datetime.now(UTC)
    held = update(session).where(session.c.locked_by == import_id)

    def mark(connection: Connection) -> None:
        if _status(connection, import_id) == "placing":  # the server went away with its answer
            return
        if connection.execute(held.values(before="")).rowcount < len(changes):
            message = (
                "The import seemed dead, and its sessions were given back; nothing of it was stored. Send it again."
            )
            raise HoldLostError(message)
        for change in changes:
            connection.execute(
                insert(operation).values(
                    import_id=import_id,
                    kind="place",
                    session_id=change.session_id,
                    created_at=now,
                    detail=json.dumps(asdict(change)),
                )
            )
        connection.execute(
            update(session)
            .where(session.c.import_id == import_id, session.c.status == Status.STAGING)
            .values(status=Status.PLACING)
        )
        connection.execute(
            update(import_).where(import_.c.id == import_id).values(status="placing", outcome=json.dumps(outcome))
        )

    database.carry_out(mark)


def finish(database: Database, import_id: str) -> None:
    """Make the published changes visible: sessions, scans and files in one transaction."""
    now = datetime.now(UTC)

    def show(connection: Connection) -> None:
        for row in connection.execute(select(operation).where(operation.c.import_id == import_id)).all():
            _apply(connection, row.session_id, json.loads(row.detail), now)
        connection.execute(delete(file).where(file.c.replaced_by == import_id))
        connection.execute(
            update(file).where(file.c.import_id == import_id, file.c.pending.is_(True)).values(pending=False)
        )
        _unlock(connection, import_id)
        connection.execute(update(import_).where(import_.c.id == import_id).values(status="done", finished_at=now))

    database.carry_out(show)


def retell(database: Database, import_id: str, outcome: Mapping[str, Any]) -> None:
    """Keep another outcome of an import that is done: its sessions have gone on."""
    with database.write() as connection:
        told = update(import_).where(import_.c.id == import_id)
        connection.execute(told.values(outcome=json.dumps(outcome)))


def undo(
    database: Database, import_id: str, message: str, outcome: Mapping[str, Any], *, status: str = "failed"
) -> bool:
    """Take back every row of an import; false, and nothing done, if it is done or can only go forward by now."""

    def take_back(connection: Connection) -> bool:
        if _status(connection, import_id) in {"placing", "done"}:
            return False
        connection.execute(delete(file).where(file.c.import_id == import_id, file.c.pending.is_(True)))
        connection.execute(update(file).where(file.c.replaced_by == import_id).values(replaced_by=None))
        connection.execute(delete(session).where(session.c.import_id == import_id, session.c.status == Status.STAGING))
        _unlock(connection, import_id)
        connection.execute(
            update(import_)
            .where(import_.c.id == import_id)
            .values(status=status, finished_at=datetime.now(UTC), message=message, outcome=json.dumps(outcome))
        )
        return True

    return database.carry_out(take_back)


def _status(connection: Connection, import_id: str) -> str | None:
    status: str | None = connection.execute(select(import_.c.status).where(import_.c.id == import_id)).scalar()
    return status


def _apply(connection: Connection, session_id: int, change: Mapping[str, Any], now: datetime) -> None:
    connection.execute(update(session).where(session.c.id == session_id).values(**_arrived(change), lastmod=now))
    if change["scans"] is not None:
        connection.execute(delete(scan).where(scan.c.session_id == session_id))
    connection.execute(delete(study).where(study.c.session_id == session_id))
    scans = [{**values, "session_id": session_id, "position": n} for n, values in enumerate(change["scans"] or ())]
    studies = [{"session_id": session_id, "tag": tag, "position": n} for n, tag in enumerate(change["studies"])]
    for table, rows in ((scan, scans), (study, studies)):
        if rows:
            connection.execute(insert(table), rows)


def _arrived(change: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row's new values. Files that came are a new version of the data, which the document shows if it is READY."""
    values = dict(change["values"])
    version = session.c.version + int(change["scans"] is not None)
    if values["status"] == Status.READY:
        values["built"] = version
    if values["status"] not in {Status.CONFLICT, Status.ERROR}:
        values |= {"reason": "", "conflicts": "[]"}
    return {**values, "version": version}


def _unlock(connection: Connection, import_id: str) -> None:
    """Give its sessions back; a joined one that did not come to its changes is again what it was."""
    status = case((session.c.before != "", session.c.before), else_=session.c.status)
    held = update(session).where(session.c.locked_by == import_id)
    connection.execute(held.values(**UNLOCKED, status=status))
    connection.execute(delete(operation).where(operation.c.import_id == import_id))
