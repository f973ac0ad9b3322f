"""Reserving: each placement gets its row, new or the one that it joins, and nobody else may change it meanwhile."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from attrs import frozen
from sqlalchemy import Connection, Row, and_, insert, or_, select

from xnat_import_core.database.tables import project, session, study
from xnat_import_core.errors import InvalidRequestError, ServiceBusyError, SessionConflictError
from xnat_import_core.prearchive.machine import LockedSessionError, join
from xnat_import_core.prearchive.policy import arrival_policy
from xnat_import_core.prearchive.statuses import BUSY, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xnat_import_core.models import Handler
    from xnat_import_core.parameters import ImportRequest
    from xnat_import_core.placing.placements import Placement
    from xnat_import_core.store import Store

__all__ = ["Reservations"]


class _LockedError(Exception):
    """Another import is changing a row that this one needs."""


@frozen
class Reservations:
    """Finds or makes the rows of one import's placements.

    Attributes:
        planned: Look only; lock and make nothing.
    """

    store: Store
    request: ImportRequest
    handler: Handler
    handler_key: str
    import_id: str
    user: str
    planned: bool

    def reserve(self, placements: Sequence[Placement]) -> list[Placement]:
        """Fill in the rows of all placements in one transaction, waiting for those that another import is changing.

        Returns the placements, those that turned out to be one session joined.

        Raises:
            SessionConflictError: A session that the request names is busy, or taken by another label.
            InvalidRequestError: It holds another study, and the handler keeps studies apart.
            ServiceBusyError: It did not come free in time.
        """
        give_up = time.monotonic() + self.store.settings.busy_timeout
        pause = 0.005
        while True:
            try:
                with self.store.database.read() if self.planned else self.store.database.write() as connection:
                    claimed: set[tuple[str, str]] = set()
                    for placement in placements:
                        self._reserve_one(connection, placement, claimed)
                return _joined(placements)
            except _LockedError:
                if time.monotonic() > give_up:
                    message = "Another import is changing the same session for a long time; try again."
                    raise ServiceBusyError(message) from None
                time.sleep(pause)
                pause = min(pause * 2, 0.25)

    def _reserve_one(self, connection: Connection, placement: Placement, claimed: set[tuple[str, str]]) -> None:
        placement.notes.clear()
        placement.project = placement.destination.project or ""
        row = self._named(connection, placement) if self.request.folder else self._same_key(connection, placement)
        if row is None:
            self._make(connection, placement, claimed)
        else:
            self._join(connection, placement, row)

    def _named(self, connection: Connection, placement: Placement) -> Row[Any] | None:
        named = select(session).where(
            session.c.project == placement.project,
            session.c.timestamp == self.request.timestamp,
            session.c.folder == self.request.folder,
        )
        found = connection.execute(named).first()
        if found is None:
            return None
        if found.status in BUSY:
            raise LockedSessionError.of(found, "Prearc destination is locked")
        tags = {found.tag, *_further(connection, found.id)}
        if self.handler.second_study == "refuse" and not tags.issuperset(placement.keys):
            message = (
                f"The prearchive session {self.request.timestamp}/{self.request.folder} holds another study, which is "
                "left as it is. Send this one to a session of its own."
            )
            raise InvalidRequestError(message)
        return found

    def _same_key(self, connection: Connection, placement: Placement) -> Row[Any] | None:
        key = placement.keys[0]
        further = select(study.c.session_id).where(study.c.tag == key)
        name = session.c.nameless if placement.nameless else session.c.label == placement.destination.label
        same = select(session).where(
            session.c.project == placement.project,
            or_(session.c.tag == key, session.c.id.in_(further)),
            name,
            session.c.status != Status.ARCHIVED,
        )
        rows = connection.execute(same.order_by(session.c.id)).all()
        found = next((row for row in rows if row.status not in BUSY), None)
        if found is None and rows:
            placement.notes.append(
                f"The study is in the prearchive already, at {rows[0].timestamp}, but that session is "
                f"{rows[0].status}: these files are kept in a session beside it."
            )
        if found is not None and self.request.timestamp not in {None, found.timestamp}:
            placement.notes.append(
                f"The study is in the prearchive already, at {found.timestamp}: it was added there, "
                f"not to {self.request.timestamp}."
            )
        return found

    def _join(self, connection: Connection, placement: Placement, row: Row[Any]) -> None:
        if not self.planned and row.locked_by != self.import_id and not join(connection, row.id, self.import_id):
            raise _LockedError
        columns = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row's columns
        placement.existing = {**columns, "status": row.before or row.status}  # a build that it interrupts is no status
        if self.request.auto_archive is not None or (placement.destination.auto_archive is not None and not row.wish):
            placement.policy = self._policy(connection, placement)
        placement.session_id = row.id
        placement.timestamp, placement.folder = row.timestamp, row.folder
        placement.label, placement.subject = row.label, row.subject or placement.destination.subject
        known = (row.tag, *_further(connection, row.id))
        placement.tags = (*known, *(key for key in placement.keys if key not in known))
        if row.subject and placement.destination.subject not in {"", row.subject}:
            placement.notes.append("The session keeps the subject that it has; these files name another.")
        if self.request.session not in {None, row.label}:
            placement.notes.append("The session keeps the label that it has; the request names another.")

    def _make(self, connection: Connection, placement: Placement, claimed: set[tuple[str, str]]) -> None:
        now = datetime.now(UTC)
        placement.label = self._free_label(connection, placement, claimed)
        placement.subject = placement.destination.subject
        placement.folder = self.request.folder or placement.label
        placement.timestamp = self._timestamp(connection, placement, now, claimed)
        claimed |= {(placement.project, placement.label), (placement.project, placement.timestamp)}
        placement.tags = placement.keys
        if not self.planned:
            values = self._values(connection, placement, now)
            made = connection.execute(insert(session).values(**values)).inserted_primary_key
            placement.session_id = made[0] if made else 0

    def _free_label(self, connection: Connection, placement: Placement, claimed: set[tuple[str, str]]) -> str:
        if not placement.nameless:
            return placement.destination.label
        stem = self.handler.nameless_label
        same_project = and_(session.c.project == placement.project, session.c.label.startswith(stem, autoescape=True))
        taken = set(connection.execute(select(session.c.label).where(same_project)).scalars())
        label, number = stem, 1
        while label in taken or (placement.project, label) in claimed:
            number += 1
            label = f"{stem}_{number}"
        return label

    def _timestamp(
        self, connection: Connection, placement: Placement, now: datetime, claimed: set[tuple[str, str]]
    ) -> str:
        named = self.request.timestamp
        if named is not None:
            self._refuse_taken(connection, placement, named)
            return named
        moment = now.astimezone(ZoneInfo(self.store.settings.timezone))
        while True:
            timestamp = moment.strftime("%Y%m%d_%H%M%S") + f"{moment.microsecond // 1000:03d}"
            same = and_(session.c.project == placement.project, session.c.timestamp == timestamp)
            taken = connection.execute(select(session.c.id).where(same)).first() is not None
            taken = taken or (placement.project, timestamp) in claimed
            if not taken and not self.store.tree.timestamp_folder(placement.project, timestamp).exists():
                return timestamp
            moment += timedelta(milliseconds=1)

    def _refuse_taken(self, connection: Connection, placement: Placement, timestamp: str) -> None:
        here = and_(
            session.c.project == placement.project,
            session.c.timestamp == timestamp,
            session.c.folder == placement.folder,
        )
        found = connection.execute(select(session.c.tag).where(here)).first()
        if found is not None:
            message = (
                f"{timestamp} has a session of this label with study {found.tag} already; "
                f"study {placement.keys[0]} cannot share the folder. Leave the timestamp out of dest."
            )
            raise SessionConflictError(message)
        if self.store.tree.session_folder(placement.project, timestamp, placement.folder).exists():
            message = (
                f"{timestamp} has a folder of this name that belongs to no known session; it is left as it is. "
                "Leave the timestamp out of dest, or name another."
            )
            raise SessionConflictError(message)

    def _values(self, connection: Connection, placement: Placement, now: datetime) -> dict[str, Any]:
        request = self.request
        return {
            "project": placement.project,
            "timestamp": placement.timestamp,
            "folder": placement.folder,
            "label": placement.label,
            "subject": placement.subject,
            "tag": placement.keys[0],
            "status": Status.STAGING,
            "uploaded": now,
            "lastmod": now,
            **self._policy(connection, placement),
            "prevent_anon": request.prevent_anon,
            "prevent_auto_commit": request.prevent_auto_commit,
            "source": request.source or "",
            "visit": request.visit or "",
            "protocol": request.protocol or "",
            "timezone": request.timezone or "",
            "user": self.user,
            "handler_key": self.handler_key,
            "nameless": placement.nameless,
            "import_id": self.import_id,
            "locked_by": self.import_id,
            "locked_at": now,
        }

    def _policy(self, connection: Connection, placement: Placement) -> Mapping[str, str | None]:
        code = connection.execute(select(project.c.code).where(project.c.id == placement.project)).scalar()
        return arrival_policy(self.request.auto_archive, placement.destination.auto_archive, code)


def _joined(placements: Sequence[Placement]) -> list[Placement]:
    by_row: dict[tuple[str, str, str], Placement] = {}
    for placement in placements:
        row = (placement.project, placement.timestamp, placement.folder)
        first = by_row.setdefault(row, placement)
        if first is not placement:
            first.keys += placement.keys
            first.tags += tuple(tag for tag in placement.tags if tag not in first.tags)
    return list(by_row.values())


def _further(connection: Connection, session_id: int) -> tuple[str, ...]:
    query = select(study.c.tag).where(study.c.session_id == session_id).order_by(study.c.position)
    return tuple(connection.execute(query).scalars())
