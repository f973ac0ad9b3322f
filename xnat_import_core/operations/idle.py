"""The rebuilder: sessions to which nothing came for a while are built, and archived if the policy says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import frozen
from sqlalchemy import and_, func, select

from xnat_import_core.archive.requests import ArchiveRequest, Entry
from xnat_import_core.database.tables import deed, session
from xnat_import_core.errors import SessionConflictError, XnatImportError
from xnat_import_core.logs import event_logger
from xnat_import_core.operations.building import IDLE
from xnat_import_core.operations.operations import CommitRequest
from xnat_import_core.prearchive.statuses import Status

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from xnat_import_core.models import Principal
    from xnat_import_core.operations.operations import Operations
    from xnat_import_core.prearchive import Prearchive, PrearchiveRow
    from xnat_import_core.store import Store

__all__ = ["Address", "Rebuilder", "due", "left_behind"]

Address: TypeAlias = tuple[str | None, str, str]
"""Project, timestamp and folder of a session."""

_UPLOADER: Final = "uploader"
_IDLE_STATUSES: Final = (Status.RECEIVING, Status.RECEIVING_INTERRUPT)
_ADDRESS: Final = (session.c.project, session.c.timestamp, session.c.folder)


@frozen
class Rebuilder:
    """Does what is due.

    Attributes:
        store: The store.
        operations, prearchive: Of the service.
        principal: Acts for the site: may do everything.
        minutes: How long a session must have been idle.
    """

    store: Store
    operations: Operations
    prearchive: Prearchive
    principal: Principal
    minutes: int

    def run(self, now: datetime) -> int:
        """Build what is idle, archive what the policy wants; how many sessions were seen to.

        One that fails keeps the reason, and keeps nobody else from being built.
        """
        built = due(self.store, now, self.minutes)
        behind = left_behind(self.store)
        for address in built:
            self._guarded(address, build=True)
        for address in behind:
            self._guarded(address, build=False)
        return len(built) + len(behind)

    def _guarded(self, address: Address, *, build: bool) -> None:
        try:
            self._see_to(address, build=build)
        except SessionConflictError:
            pass  # somebody else was faster, or it is CONFLICT now
        except XnatImportError as error:
            event_logger(task="rebuilder").warning("session not built", error=type(error).__name__)

    def _see_to(self, address: Address, *, build: bool) -> None:
        row = self.prearchive.find(*address)
        halves: tuple[PrearchiveRow, ...] = (row,)
        if build:
            self.operations.build(row, self.principal, idle=True)
            halves = self.operations.separate_if_due(row, self.principal, idle=True)
        request = CommitRequest(archive=ArchiveRequest(entry=Entry.REBUILDER))
        for half in halves:
            self.operations.archive_if_due(half, self.principal, request)


def due(store: Store, now: datetime, minutes: int) -> list[Address]:
    """Sessions that are receiving, but got nothing for so many minutes and nobody is sending to; oldest first."""
    idle = and_(session.c.status.in_(_IDLE_STATUSES), session.c.lastmod <= now - timedelta(minutes=minutes), _is_free())
    with store.database.read() as connection:
        return _addresses(connection, idle)


def left_behind(store: Store) -> list[Address]:
    """Sessions that the rebuilder has built but did not come to archive: the service stopped in between."""
    may_wait = and_(
        session.c.status == Status.READY,
        session.c.project != "",
        func.coalesce(session.c.autoarchive, "") != "Manual",
        _is_free(),
    )
    with store.database.read() as connection:
        waiting = connection.execute(select(session.c.id).where(may_wait)).scalars().all()
        deeds = select(deed.c.session_id, deed.c.kind).where(deed.c.session_id.in_(waiting)).order_by(deed.c.started_at)
        last = {session_id: kind for session_id, kind in connection.execute(deeds)}  # noqa: C416 - of each the last
        built = [session_id for session_id, kind in last.items() if kind == IDLE]
        return _addresses(connection, session.c.id.in_(built))


def _is_free() -> ColumnElement[bool]:
    """Nobody works on it or sends to it, and its sender does not see to it himself."""
    return and_(
        session.c.locked_by.is_(None),
        session.c.prevent_auto_commit.is_(False),
        func.lower(session.c.source) != _UPLOADER,
    )


def _addresses(connection: Connection, condition: ColumnElement[bool]) -> list[Address]:
    rows = connection.execute(select(*_ADDRESS).where(condition).order_by(session.c.lastmod))
    return [(project or None, timestamp, folder) for project, timestamp, folder in rows]
