"""``Archive``: read the final space. Readers go by rows, never by what lies in folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlalchemy import Row, func, or_, select

from xnat_import_core.database.tables import deed, experiment, file, scan, session, study, subject, workflow
from xnat_import_core.errors import NotFoundError
from xnat_import_core.prearchive import FileRow, ResourceRow, ScanRow
from xnat_import_core.storage.tree import Tree, experiment_uri, place_folder

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Select

    from xnat_import_core.database import Database

__all__ = ["Archive", "DeedRow", "ExperimentRow", "SubjectRow", "WorkflowRow"]


@frozen
class SubjectRow:
    """A subject: its ID, its label in its project."""

    id: str
    project: str
    label: str
    created_at: datetime
    created_by: str


@frozen
class ExperimentRow:
    """An archived session.

    Attributes:
        subject_id, subject_label: Whose it is.
        arc: The folder of the project's archive that it lies in.
        type: XNAT's name (``xnat:mrSessionData``).
        status: ``active``, ``quarantine`` or ``locked``.
        tag: Its study (DICOM), as the handler says it.
        date: Of the study.
    """

    id: str
    project: str
    subject_id: str
    subject_label: str
    label: str
    arc: str
    type: str
    status: str
    tag: str
    date: str
    created_at: datetime
    created_by: str
    modified_at: datetime
    session_id: int

    @property
    def uri(self) -> str:
        """Its address by labels, without ``/data``."""
        return experiment_uri(self.project, self.subject_label, self.label)


@frozen
class WorkflowRow:
    """A record of what was done with an experiment."""

    id: int
    name: str
    status: str
    user: str
    justification: str
    comment: str
    launched_at: datetime
    finished_at: datetime | None


@frozen
class DeedRow:
    """An archiving or what came after it; ``undo_until``: it can be undone so long."""

    id: str
    kind: str
    state: str
    user: str
    started_at: datetime
    undo_until: datetime | None
    undone_by: str


class Archive:
    """The archive of one store."""

    def __init__(self, database: Database, tree: Tree) -> None:
        self._database = database
        self._tree = tree

    # ---- subjects

    def subjects(self, project: str) -> list[SubjectRow]:
        """The subjects of a project, by label."""
        query = select(subject).where(subject.c.project == project).order_by(subject.c.folded)
        with self._database.read() as connection:
            return [_subject(row) for row in connection.execute(query)]

    def subject(self, project: str, label_or_id: str) -> SubjectRow:
        """One subject, by label in any case, or by ID. Raises NotFoundError."""
        named = or_(subject.c.folded == label_or_id.lower(), subject.c.id == label_or_id)
        query = select(subject).where(subject.c.project == project, named)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(subject.c.id == label_or_id)).first()
        if row is None:
            message = "Unable to identify subject."
            raise NotFoundError(message)
        return _subject(row)

    # ---- experiments

    def experiments(
        self,
        projects: Collection[str] | None = None,
        *,
        subject_id: str | None = None,
        tag: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[ExperimentRow]:
        """Experiments, newest first: of these projects (``None``: all), of this subject, of this study."""
        query = _experiments().order_by(experiment.c.created_at.desc(), experiment.c.id.desc())
        if projects is not None:
            query = query.where(experiment.c.project.in_(projects))
        if subject_id is not None:
            query = query.where(experiment.c.subject == subject_id)
        if tag is not None:
            further = select(study.c.session_id).where(study.c.tag == tag)
            query = query.where(or_(session.c.tag == tag, session.c.id.in_(further)))
        with self._database.read() as connection:
            return [_experiment(row) for row in connection.execute(query.limit(limit).offset(offset or None))]

    def find(self, label_or_id: str, project: str | None = None) -> ExperimentRow:
        """One experiment: by ID, or by label where a project is given. Raises NotFoundError."""
        named = experiment.c.id == label_or_id
        query = _experiments().where(named)
        if project is not None:
            query = _experiments().where(experiment.c.project == project, or_(experiment.c.label == label_or_id, named))
        with self._database.read() as connection:
            row = connection.execute(query.order_by(named)).first()
        if row is None:
            message = "Unable to find the specified experiment."
            raise NotFoundError(message)
        return _experiment(row)

    def document(self, row: ExperimentRow) -> Path:
        """Its document."""
        return self._tree.experiment_document(row.project, row.arc, row.label)

    def workflows(self, row: ExperimentRow) -> list[WorkflowRow]:
        """What was done with it, oldest first."""
        query = select(workflow).where(workflow.c.experiment == row.id).order_by(workflow.c.id)
        names = tuple(attribute.name for attribute in WorkflowRow.__attrs_attrs__)
        with self._database.read() as connection:
            return [WorkflowRow(*(getattr(each, name) for name in names)) for each in connection.execute(query)]

    def deeds(self, row: ExperimentRow) -> list[DeedRow]:
        """How it came to be what it is, oldest first; the last one may be undone."""
        query = select(deed).where(deed.c.experiment == row.id).order_by(deed.c.started_at)
        names = tuple(attribute.name for attribute in DeedRow.__attrs_attrs__)
        with self._database.read() as connection:
            return [DeedRow(*(getattr(each, name) for name in names)) for each in connection.execute(query)]

    # ---- scans and files

    def scans(self, row: ExperimentRow) -> list[ScanRow]:
        """Scans, in the order of the document."""
        query = select(scan).where(scan.c.session_id == row.session_id).order_by(scan.c.position, scan.c.id)
        with self._database.read() as connection:
            return [ScanRow(found.label, found.type, found.series_description) for found in connection.execute(query)]

    def resources(self, row: ExperimentRow, scan_id: str | None = None) -> list[ResourceRow]:
        """Resources of a scan, or of the session itself. Raises NotFoundError for an unknown scan."""
        with self._database.read() as connection:
            place = _place(connection, row, scan_id)
            here = (file.c.session_id == row.session_id) & (file.c.place == place) & file.c.pending.is_(False)
            query = select(file.c.resource, func.count(), func.sum(file.c.size)).where(here).group_by(file.c.resource)
            return [ResourceRow(*found) for found in connection.execute(query.order_by(file.c.resource))]

    def files(self, row: ExperimentRow, scan_id: str | None, resource: str) -> list[FileRow]:
        """Files of a resource, by name; ``digest`` is the MD5. Raises NotFoundError for what is unknown."""
        with self._database.read() as connection:
            query = _files(row, _place(connection, row, scan_id), resource)
            found = connection.execute(query.order_by(file.c.name)).all()
        if not found:
            message = "Unable to find the specified resource."
            raise NotFoundError(message)
        return [FileRow(each.name, each.size, each.md5) for each in found]

    def file(self, row: ExperimentRow, scan_id: str | None, resource: str, name: str) -> Path:
        """Where a file lies. Raises NotFoundError."""
        with self._database.read() as connection:
            query = _files(row, _place(connection, row, scan_id), resource).where(file.c.name == name)
            found = connection.execute(query).first()
        if found is None:
            message = "Unable to find file."
            raise NotFoundError(message)
        where = place_folder("session", "") if scan_id is None else place_folder("scan", scan_id)
        return self._tree.experiment_folder(row.project, row.arc, row.label) / where / resource / name


def _experiments() -> Select[Any]:
    joined = experiment.join(session, session.c.id == experiment.c.session_id).join(
        subject, subject.c.id == experiment.c.subject
    )
    columns = (*experiment.c, subject.c.label.label("subject_label"), session.c.tag, session.c.scan_date)
    return select(*columns).select_from(joined)


def _files(row: ExperimentRow, place: str, resource: str) -> Select[Any]:
    return select(file).where(
        file.c.session_id == row.session_id,
        file.c.place == place,
        file.c.resource == resource,
        file.c.pending.is_(False),
    )


def _place(connection: Connection, row: ExperimentRow, scan_id: str | None) -> str:
    if scan_id is None:
        return "session:"
    query = select(scan.c.key).where(scan.c.session_id == row.session_id, scan.c.label == scan_id)
    key = connection.execute(query).scalar()
    if key is None:
        message = "Unable to find the specified scan."
        raise NotFoundError(message)
    return f"scan:{key}"


def _subject(row: Row[Any]) -> SubjectRow:
    return SubjectRow(row.id, row.project, row.label, row.created_at, row.created_by)


def _experiment(row: Row[Any]) -> ExperimentRow:
    return ExperimentRow(
        id=row.id,
        project=row.project,
        subject_id=row.subject,
        subject_label=row.subject_label,
        label=row.label,
        arc=row.arc,
        type=row.type,
        status=row.status,
        tag=row.tag,
        date=row.scan_date,
        created_at=row.created_at,
        created_by=row.created_by,
        modified_at=row.modified_at,
        session_id=row.session_id,
    )
