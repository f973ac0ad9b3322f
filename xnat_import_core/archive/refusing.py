"""Refusing: nothing is changed but the session's status, with the reason why (chapter 3, 8.5; statement 28)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeGuard

from sqlalchemy import select

from xnat_import_core.database.tables import session
from xnat_import_core.errors import ArchiveConflictError, ServiceBusyError, SessionConflictError, XnatImportError
from xnat_import_core.logs import event_logger, frames_of
from xnat_import_core.prearchive.deeds import give_up
from xnat_import_core.prearchive.logbook import write_log
from xnat_import_core.prearchive.machine import HoldLostError, Operation, Status, begin, end

if TYPE_CHECKING:
    from xnat_import_core.models import Conflict
    from xnat_import_core.prearchive.deeds import Deed
    from xnat_import_core.prearchive.machine import PrearchiveHold
    from xnat_import_core.store import Store

__all__ = ["UNKNOWN", "refuse"]

_KEPT: Final = 200
UNKNOWN: Final = "The service failed; the session was not archived."


def refuse(store: Store, deed: Deed, hold: PrearchiveHold, error: BaseException) -> None:
    """Take back what was prepared; the session is CONFLICT or ERROR and says why.

    What is no fault of the session leaves it as it was: a program that is told to stop, a service that is busy. What
    can only go forward by now is left to recovery.
    """
    log = event_logger(deed=deed.id)
    try:
        undone = give_up(store.database, deed)
        if undone and _is_the_sessions(error):
            _tell(store, hold.session_id, deed.id, error)
    except (XnatImportError, OSError) as fault:
        log.error("refusal not written", error=type(fault).__name__)  # noqa: TRY400 - words may hold patient data
    if isinstance(error, Exception) and not isinstance(error, XnatImportError):
        log.error("unexpected fault", error=type(error).__name__, frames=frames_of(error))
    else:
        log.warning("session not archived", error=type(error).__name__)


def _is_the_sessions(error: BaseException) -> TypeGuard[Exception]:
    return isinstance(error, Exception) and not isinstance(error, (HoldLostError, ServiceBusyError))


def _tell(store: Store, session_id: int, deed: str, error: Exception) -> None:
    reason = error.message if isinstance(error, XnatImportError) else UNKNOWN
    conflicts: tuple[Conflict, ...] = error.conflicts if isinstance(error, ArchiveConflictError) else ()
    status = Status.CONFLICT if isinstance(error, SessionConflictError) else Status.ERROR
    with store.database.write() as connection:
        row = connection.execute(select(session).where(session.c.id == session_id)).one()
        with suppress(OSError):  # on a full disk the row alone can say it
            write_log(store.tree.session_folder(row.project, row.timestamp, row.folder), reason)
        end(connection, begin(connection, session_id, Operation.SET, deed), status, reason, conflicts[:_KEPT])
