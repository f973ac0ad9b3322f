"""The state machine at work: guarded updates decide who may do what with a session.

A session's row carries its lock: ``locked_by`` (the id of a deed or import, whose staging folder's lock is held by the
living process), ``locked_at``, ``heartbeat_at`` and ``before``, the status that a dead lock goes back to. The way of an
operation is::

    hold = begin(connection, row.id, Operation.MOVE, deed_id)   # or 409
    ...                                                         # stage; nothing is changed yet
    advance(connection, hold)                                   # in the transaction that says forward
    ...                                                         # renames
    end(connection, hold, Status.READY)                         # in the transaction that shows the new rows

``advance`` empties ``before``: from there on nobody takes the lock away, recovery finishes the operation. Data that
arrive take the lock of a build that has not advanced (``join``): its ``advance`` then raises ``HoldLostError``, and it
begins again.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from attrs import asdict, evolve, frozen
from sqlalchemy import and_, case, delete, func, or_, select, update

from xnat_import_core.database.tables import session
from xnat_import_core.errors import ClientError, NotFoundError, SessionConflictError
from xnat_import_core.prearchive.statuses import (
    BUSY,
    HIDDEN,
    INTERRUPTIBLE,
    RESTING,
    RULES,
    WORKING,
    Operation,
    Status,
    shown_status,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Row

    from xnat_import_core.database import Database
    from xnat_import_core.models import Conflict

__all__ = [
    "UNLOCKED",
    "HoldLostError",
    "LockedSessionError",
    "Operation",
    "PrearchiveHold",
    "Status",
    "advance",
    "beat",
    "begin",
    "end",
    "join",
    "queue",
    "remove",
    "stale",
]

_DEAD_AFTER: Final = timedelta(minutes=1)

_GOES_BACK: Final = case((session.c.before != "", session.c.before), else_=session.c.status)
"""Where a lock that is taken now will go back to: taking one over changes nothing."""

UNLOCKED: Final[Mapping[str, Any]] = {"locked_by": None, "locked_at": None, "heartbeat_at": None, "before": ""}
"""Columns of a row that nobody holds."""


class LockedSessionError(SessionConflictError):
    """Somebody else works on the session (ruling 27).

    Attributes:
        shown: Its status on the wire.
        operation: What is being done with it.
        since: Since when.
    """

    def __init__(self, message: str, shown: str, operation: str, since: datetime | None) -> None:
        super().__init__(message)
        self.shown = shown
        self.operation = operation
        self.since = since

    @classmethod
    def of(cls, row: Row[Any], refused: str = "session document locked") -> LockedSessionError:
        """Of a busy row: what is refused, then what the session is doing."""
        shown, operation, since = _doing(row)
        when = f" since {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""
        message = f"{refused}: it is {shown}{when} ({operation}). Try again when that is done."
        return cls(message, shown, operation, since)


class HoldLostError(SessionConflictError):
    """The session's lock was taken away before the operation advanced: data arrived, or it seemed dead. Begin again."""


@frozen
class PrearchiveHold:
    """A session that an operation may change: nobody else does meanwhile.

    Attributes:
        session_id: The row.
        operation: What is done.
        owner: Whose lock it is.
        before: The status that it goes back to if the operation is given up.
        version: Of its data.
        since: When it began.
    """

    session_id: int
    operation: Operation
    owner: str
    before: Status
    version: int
    since: datetime


def begin(connection: Connection, session_id: int, operation: Operation, owner: str) -> PrearchiveHold:
    """Lock a session for an operation, by one guarded update.

    Args:
        connection: A transaction that writes.
        session_id: The row.
        operation: What will be done; with none that has a working status, ``end`` follows in this transaction.
        owner: At most 32 characters: the id of the deed whose staging folder is locked already.

    Raises:
        LockedSessionError: Somebody else works on it.
        SessionConflictError: The operation does not begin in its status.
        NotFoundError: There is no such session.
    """
    rule, now = RULES[operation], datetime.now(UTC)
    may = and_(session.c.locked_by.is_(None), session.c.status.in_(rule.begins))
    if rule.queued is not None:
        may = or_(may, and_(session.c.locked_by == owner, session.c.status == rule.queued))
    if operation is Operation.RESET:
        may = or_(may, and_(session.c.status.in_(WORKING), session.c.before != "", stale(now)))
    wanted = PrearchiveHold(session_id, operation, owner, Status.READY, 0, now)
    return _taken(connection, wanted, may, rule.working or _GOES_BACK)


def queue(connection: Connection, session_id: int, operation: Operation, owner: str) -> PrearchiveHold:
    """Have a session wait for its turn in a batch; ``begin`` by the same owner follows. Raises as ``begin``."""
    rule = RULES[operation]
    may = and_(session.c.locked_by.is_(None), session.c.status.in_(rule.begins))
    wanted = PrearchiveHold(session_id, operation, owner, Status.READY, 0, datetime.now(UTC))
    return _taken(connection, wanted, may, rule.queued)


def advance(connection: Connection, hold: PrearchiveHold) -> None:
    """Say that the operation can only go forward now: the last moment at which it may be interrupted is over.

    Raises:
        HoldLostError: It was interrupted; nothing may be changed.
    """
    _change(connection, hold, {"before": "", "heartbeat_at": datetime.now(UTC)})


def end(
    connection: Connection, hold: PrearchiveHold, status: Status, reason: str = "", conflicts: Sequence[Conflict] = ()
) -> None:
    """Give a session back with its new status; the reason why, where it is CONFLICT or ERROR.

    A build that ends well has built the version that it found when it began.

    Raises:
        HoldLostError: It was interrupted.
        ValueError: The operation cannot end so.
    """
    rule = RULES[hold.operation]
    if not rule.ends(status, hold.before):
        message = f"{hold.operation} cannot end in {status}"
        raise ValueError(message)
    values = {**UNLOCKED, "status": status, "lastmod": datetime.now(UTC)}
    if status != hold.before or reason:
        values |= {"reason": reason, "conflicts": json.dumps([asdict(each) for each in conflicts])}
    if rule.working is Status.BUILDING and status == Status.READY:
        values["built"] = hold.version
    _change(connection, hold, values)


def remove(connection: Connection, hold: PrearchiveHold) -> None:
    """Drop the rows of a session that is gone. Raises HoldLostError."""
    gone = connection.execute(delete(session).where(_held(hold)))
    if not gone.rowcount:
        raise HoldLostError(_LOST)


def beat(database: Database, owner: str) -> int:
    """Say that the owner of locks is alive; the number of sessions that it still holds."""
    held = update(session).where(session.c.locked_by == owner).values(heartbeat_at=datetime.now(UTC))
    with database.write(durable=False) as connection:
        return connection.execute(held).rowcount


def join(connection: Connection, session_id: int, import_id: str) -> bool:
    """Lock a session for data that arrive; false while somebody else holds it.

    A build that has not advanced is interrupted: the session is RECEIVING_INTERRUPT until the import has ended.
    """
    free = and_(session.c.locked_by.is_(None), session.c.status.in_(RESTING))
    build = and_(session.c.status.in_(INTERRUPTIBLE), session.c.before != "")
    interrupted = case((session.c.status.in_(INTERRUPTIBLE), Status.RECEIVING_INTERRUPT), else_=session.c.status)
    values = {"status": interrupted, "before": _GOES_BACK, **_lock(import_id, datetime.now(UTC))}
    taken = update(session).where(session.c.id == session_id, or_(free, build)).values(**values)
    return bool(connection.execute(taken).rowcount)


def stale(now: datetime) -> ColumnElement[bool]:
    """Rows whose lock has had no heartbeat for a minute; one from the future is as dead, for the clock was set back."""
    alive = func.coalesce(session.c.heartbeat_at, session.c.locked_at, type_=session.c.locked_at.type)
    return and_(session.c.locked_by.is_not(None), or_(alive < now - _DEAD_AFTER, alive > now + _DEAD_AFTER))


_LOST: Final = "Data arrived for the session, or its lock was given back, while it was being changed; try again."


def _taken(connection: Connection, wanted: PrearchiveHold, may: ColumnElement[bool], status: object) -> PrearchiveHold:
    values = {"status": status, "before": _GOES_BACK, "lastmod": wanted.since, **_lock(wanted.owner, wanted.since)}
    taken = update(session).where(session.c.id == wanted.session_id, may).values(**values)
    row = connection.execute(taken.returning(session.c.before, session.c.version)).first()
    if row is None:
        raise _refusal(connection, wanted.session_id, wanted.operation)
    return evolve(wanted, before=Status(row.before), version=row.version)


def _refusal(connection: Connection, session_id: int, operation: Operation) -> ClientError:
    row = connection.execute(select(session).where(session.c.id == session_id)).first()
    begins = RULES[operation].begins
    if row is None or (row.status in HIDDEN and row.status not in begins):
        return NotFoundError("Unknown prearchive session.")
    if row.locked_by is not None or row.status in BUSY:
        return LockedSessionError.of(row)
    return SessionConflictError(f"The session is {row.status}; {operation} begins when it is {' or '.join(begins)}.")


def _doing(row: Row[Any]) -> tuple[str, str, datetime | None]:
    shown = shown_status(row.status, locked=row.locked_by is not None)
    operation = next((each for each, rule in RULES.items() if row.status in {rule.working, rule.queued}), "import")
    return shown, str(operation), row.locked_at


def _change(connection: Connection, hold: PrearchiveHold, values: Mapping[str, Any]) -> None:
    if not connection.execute(update(session).where(_held(hold)).values(**values)).rowcount:
        raise HoldLostError(_LOST)


def _held(hold: PrearchiveHold) -> ColumnElement[bool]:
    return and_(session.c.id == hold.session_id, session.c.locked_by == hold.owner)


def _lock(owner: str, now: datetime) -> dict[str, Any]:
    return {"locked_by": owner, "locked_at": now, "heartbeat_at": now}
