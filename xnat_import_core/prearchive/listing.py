"""``Prearchive``: list, read and delete sessions. Readers go by rows, never by what lies in folders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from sqlalchemy import Row, func, or_, select

from xnat_import_core.database.tables import file, scan, session, study
from xnat_import_core.errors import NotFoundError
from xnat_import_core.models import Conflict
from xnat_import_core.prearchive.deleting import delete_session
from xnat_import_core.prearchive.statuses import HIDDEN, INTERRUPTIBLE, Status, shown_status
from xnat_import_core.storage.tree import UNASSIGNED, Tree, place_folder, session_uri

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Select

    from xnat_import_core.database import Database

__all__ = ["FileRow", "Prearchive", "PrearchiveRow", "ResourceRow", "ScanRow"]

_RECEIVING: Final = (Status.RECEIVING, Status.RECEIVING_INTERRUPT)


@frozen
class PrearchiveRow:
    """A session of the prearchive; ``project`` is ``None`` for one without.

    Attributes:
        shown_status: The status on the wire: with ``_`` in front while somebody works on it.
        reason: Why it is CONFLICT or ERROR.
        conflicts: Of a CONFLICT: all of them.
        version: Of its data; ``built`` is the one that its document shows.
        wish: ``AA`` as sent: ``true``, ``false`` or empty.
        policy_origin: What decided ``autoarchive``.
    """

    id: int
    project: str | None
    timestamp: str
    lastmod: datetime
    uploaded: datetime
    scan_date: str
    scan_time: str
    subject: str
    folder: str
    name: str
    tag: str
    status: str
    autoarchive: str
    prevent_anon: bool
    prevent_auto_commit: bool
    source: str
    visit: str
    protocol: str
    timezone: str
    user: str
    shown_status: str = ""
    reason: str = ""
    conflicts: tuple[Conflict, ...] = ()
    version: int = 0
    built: int = 0
    wish: str = ""
    policy_origin: str = ""

    @property
    def uri(self) -> str:
        """Its address, without ``/data``."""
        return session_uri(self.project or "", self.timestamp, self.folder)


@frozen
class ScanRow:
    """A scan of a session."""

    id: str
    xsi_type: str
    series_description: str


@frozen
class ResourceRow:
    """A resource of a scan or session: number of files, their bytes."""

    label: str
    file_count: int
    file_size: int


@frozen
class FileRow:
    """A file of a resource; ``digest`` is the SHA-256 of the stored bytes."""

    name: str
    size: int
    digest: str


class Prearchive:
    """The prearchive of one store."""

    def __init__(self, database: Database, tree: Tree) -> None:
        self._database = database
        self._tree = tree

    def rows(
        self,
        projects: Collection[str | None] | None = None,
        tag: str | None = None,
        *,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[PrearchiveRow]:
        """Sessions, newest first: of these projects (``None`` in it: those without), of this study.

        Args:
            projects: ``None``: all.
            tag: The study.
            limit: At most so many.
            offset: So many are passed over.
        """
        newest = (session.c.uploaded.desc(), session.c.id)
        page = select(session.c.id).where(session.c.status.not_in(HIDDEN)).order_by(*newest)
        if projects is not None:
            page = page.where(session.c.project.in_([project or "" for project in projects]))
        if tag is not None:
            further = select(study.c.session_id).where(study.c.tag == tag)
            page = page.where(or_(session.c.tag == tag, session.c.id.in_(further)))
        ids = page.limit(limit).offset(offset or None)  # only these are read whole: ten thousand are sorted by less
        with self._database.read() as connection:
            found = connection.execute(select(session).where(session.c.id.in_(ids)).order_by(*newest))
            return [_row(row) for row in found]

    def find(self, project: str | None, timestamp: str, folder: str) -> PrearchiveRow:
        """One session. Raises NotFoundError."""
        query = select(session).where(
            session.c.project == ("" if project is None or project.lower() == UNASSIGNED.lower() else project),
            session.c.timestamp == timestamp,
            session.c.folder == folder,
            session.c.status.not_in(HIDDEN),
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            message = "Unknown prearchive session."
            raise NotFoundError(message)
        return _row(row)

    def document(self, row: PrearchiveRow) -> Path | None:
        """The session document; ``None`` while the session is receiving, and until the build after that has ended."""
        path = self._tree.session_document(row.project or "", row.timestamp, row.folder)
        building = row.status in INTERRUPTIBLE and row.built < row.version
        return None if building or row.status in _RECEIVING or not path.exists() else path

    def scans(self, row: PrearchiveRow) -> list[ScanRow]:
        """Scans, in the order of the document."""
        query = select(scan).where(scan.c.session_id == row.id).order_by(scan.c.position)
        with self._database.read() as connection:
            return [ScanRow(found.label, found.type, found.series_description) for found in connection.execute(query)]

    def resources(self, row: PrearchiveRow, scan_id: str | None = None) -> list[ResourceRow]:
        """Resources of a scan, or of the session itself. Raises NotFoundError for an unknown scan."""
        query = (
            select(file.c.resource, func.count(), func.sum(file.c.size))
            .where(file.c.session_id == row.id, file.c.place == self._place(row, scan_id), file.c.pending.is_(False))
            .group_by(file.c.resource)
            .order_by(file.c.resource)
        )
        with self._database.read() as connection:
            return [ResourceRow(*found) for found in connection.execute(query)]

    def files(self, row: PrearchiveRow, scan_id: str | None, resource: str) -> list[FileRow]:
        """Files of a resource, by name. Raises NotFoundError for an unknown scan or resource."""
        with self._database.read() as connection:
            found = connection.execute(self._files(row, scan_id, resource).order_by(file.c.name)).all()
        if not found:
            message = "Unable to find the specified resource."
            raise NotFoundError(message)
        return [FileRow(each.name, each.size, each.stored_sha256) for each in found]

    def file(self, row: PrearchiveRow, scan_id: str | None, resource: str, name: str) -> Path:
        """Where a file lies. Raises NotFoundError."""
        with self._database.read() as connection:
            found = connection.execute(self._files(row, scan_id, resource).where(file.c.name == name)).first()
        if found is None:
            message = "Unable to find file."
            raise NotFoundError(message)
        folder = self._tree.session_folder(row.project or "", row.timestamp, row.folder)
        where = place_folder("session", "") if scan_id is None else place_folder("scan", scan_id)
        return folder / where / resource / name

    def delete(self, row: PrearchiveRow, user: str = "") -> None:
        """Move a session to the trash. Raises SessionConflictError while somebody else changes it."""
        delete_session(self._database, self._tree, row.id, user)

    def _files(self, row: PrearchiveRow, scan_id: str | None, resource: str) -> Select[Any]:
        return select(file).where(
            file.c.session_id == row.id,
            file.c.place == self._place(row, scan_id),
            file.c.resource == resource,
            file.c.pending.is_(False),
        )

    def _place(self, row: PrearchiveRow, scan_id: str | None) -> str:
        if scan_id is None:
            return "session:"
        query = select(scan.c.key).where(scan.c.session_id == row.id, scan.c.label == scan_id)
        with self._database.read() as connection:
            key = connection.execute(query).scalar()
        if key is None:
            message = "Unable to find the specified scan."
            raise NotFoundError(message)
        return f"scan:{key}"


def _row(row: Row[Any]) -> PrearchiveRow:
    return PrearchiveRow(
        id=row.id,
        project=row.project or None,
        timestamp=row.timestamp,
        lastmod=row.lastmod,
        uploaded=row.uploaded,
        scan_date=row.scan_date,
        scan_time=row.scan_time,
        subject=row.subject,
        folder=row.folder,
        name=row.label,
        tag=row.tag,
        status=row.status,
        autoarchive=row.autoarchive or ("" if row.project else "Manual"),
        prevent_anon=row.prevent_anon,
        prevent_auto_commit=row.prevent_auto_commit,
        source=row.source,
        visit=row.visit,
        protocol=row.protocol,
        timezone=row.timezone,
        user=row.user,
        shown_status=shown_status(row.status, locked=row.locked_by is not None),
        reason=row.reason,
        conflicts=tuple(Conflict(**each) for each in json.loads(row.conflicts)),
        version=row.version,
        built=row.built,
        wish=row.wish,
        policy_origin=row.policy_origin,
    )
