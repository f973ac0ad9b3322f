"""What a session holds, as its rows say it: columns, studies, scans with their folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen
from sqlalchemy import func, select

from xnat_import_core.database.tables import file, scan, session, study
from xnat_import_core.errors import NotFoundError
from xnat_import_core.models import Destination, Space
from xnat_import_core.placing.placements import Placement
from xnat_import_core.storage.tree import place_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from sqlalchemy import Connection, Row

    from xnat_import_core.database import Database
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.storage.tree import Tree

__all__ = ["Contents", "contents_of", "refuse_another"]


_UNKNOWN: Final = "Unknown prearchive session."


@frozen
class Contents:
    """A session, or a part of it, as it is stored.

    Attributes:
        columns: Of its row.
        studies: Its further studies.
        scans: Their rows, in the order of the document.
        places: Every place that has a file.
        file_count, file_size: Of the whole session.
    """

    columns: Mapping[str, Any]
    studies: tuple[str, ...]
    scans: tuple[Row[Any], ...]
    places: tuple[str, ...]
    file_count: int
    file_size: int

    def only(self, places: Collection[str], **columns: object) -> Contents:
        """The same with these places and other columns."""
        return evolve(
            self,
            columns={**self.columns, **columns},
            scans=tuple(row for row in self.scans if f"scan:{row.key}" in places),
            places=tuple(place for place in self.places if place in places),
        )

    def folder_of(self, place: str) -> str:
        """A place's folder within the session's."""
        kind, _, key = place.partition(":")
        label = next((row.label for row in self.scans if row.key == key), key) if kind == "scan" else key
        return place_folder(kind, label)

    def session_folder(self, tree: Tree) -> Path:
        """The session's folder."""
        return tree.session_folder(self.columns["project"], self.columns["timestamp"], self.columns["folder"])

    def placement(self) -> Placement:
        """The session as placing knows one that joins what is there."""
        columns = self.columns
        project, subject, label = columns["project"], columns["subject"], columns["label"]
        tags = (columns["tag"], *self.studies)
        return Placement(
            number=0,
            keys=tags,
            destination=Destination(Space.PREARCHIVE, project or None, subject, label),
            nameless=columns["nameless"],
            existing=columns,
            session_id=columns["id"],
            project=project,
            timestamp=columns["timestamp"],
            folder=columns["folder"],
            label=label,
            subject=subject,
            tags=tags,
        )


def contents_of(database: Database, session_id: int) -> Contents:
    """Read it, in one state of the database. Raises NotFoundError."""
    visible = (file.c.session_id == session_id) & file.c.pending.is_(False)
    with database.read() as connection:
        row = connection.execute(select(session).where(session.c.id == session_id)).first()
        if row is None:
            raise NotFoundError(_UNKNOWN)
        studies = select(study.c.tag).where(study.c.session_id == session_id).order_by(study.c.position)
        scans = select(scan).where(scan.c.session_id == session_id).order_by(scan.c.position)
        sums = select(file.c.place, func.count(), func.sum(file.c.size)).where(visible).group_by(file.c.place)
        places = connection.execute(sums.order_by(file.c.place)).all()
        return Contents(
            columns=dict(row._mapping),  # noqa: SLF001 - SQLAlchemy's public name for a row's columns
            studies=tuple(connection.execute(studies).scalars()),
            scans=tuple(connection.execute(scans).all()),
            places=tuple(place for place, _, _ in places),
            file_count=sum(count for _, count, _ in places),
            file_size=sum(size for _, _, size in places),
        )


def refuse_another(connection: Connection, row: PrearchiveRow) -> None:
    """Raise NotFoundError where the session is gone, even if its number was given to one that came later."""
    address = session.c.project, session.c.timestamp, session.c.folder
    found = connection.execute(select(*address).where(session.c.id == row.id)).first()
    if found is None or tuple(found) != (row.project or "", row.timestamp, row.folder):
        raise NotFoundError(_UNKNOWN)
