"""The two sides of an archiving: the session that comes in, and the experiment that may be there."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen
from sqlalchemy import Connection, Row, or_, select

from xnat_import_core.database.tables import experiment, file, scan, session, study, subject
from xnat_import_core.errors import NotFoundError
from xnat_import_core.models import Action
from xnat_import_core.storage.names import clean_label, requested_label
from xnat_import_core.storage.tree import place_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from xnat_import_core.archive.requests import ArchiveRequest
    from xnat_import_core.models import Principal
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.storage.tree import Tree

__all__ = ["Existing", "Side", "archived_side", "files_of", "find_existing", "incoming_side", "label_for", "path_of"]

_NAMES_EXPERIMENT: Final = ("ID", "xnat:experimentData/ID")


@define(slots=False)
class Side:
    """A session as its rows say.

    Attributes:
        row: Of the session.
        folder: Where its files lie.
        document: Its document.
        scans: Rows of its scans, in the order of the document.
        studies: Its study, then further ones.
    """

    row: Row[Any]
    folder: Path
    document: Path
    scans: tuple[Row[Any], ...] = ()
    studies: tuple[str, ...] = ()

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """Folder label of each scan's place."""
        return {f"scan:{each.key}": each.label for each in self.scans}

    def folder_of(self, place: str) -> str:
        """A place's folder within the session's."""
        return path_of(place, self.labels)

    def path_of(self, row: Row[Any]) -> str:
        """A file's path within the session's folder."""
        return f"{self.folder_of(row.place)}/{row.resource}/{row.name}"


@frozen
class Existing:
    """An experiment: its row, its subject's label, its session."""

    experiment: Row[Any]
    subject: str
    side: Side = field(eq=False)


def path_of(place: str, labels: Mapping[str, str]) -> str:
    """A place's folder within the session's, scans by the labels given."""
    kind, _, key = place.partition(":")
    label = labels[place] if kind == "scan" else clean_label(key) or ("" if kind == "session" else "_")
    return place_folder(kind, label)


def incoming_side(connection: Connection, tree: Tree, wanted: PrearchiveRow) -> Side:
    """The prearchive session of a row that was read before.

    Raises:
        NotFoundError: It is gone; its number may be another session's by now.
    """
    row = connection.execute(select(session).where(session.c.id == wanted.id)).first()
    where = (wanted.project or "", wanted.timestamp, wanted.folder)
    if row is None or (row.project, row.timestamp, row.folder) != where:
        message = "Unknown prearchive session."
        raise NotFoundError(message)
    return _side(connection, row, tree.session_folder(*where), tree.session_document(*where))


def label_for(row: Row[Any], request: ArchiveRequest) -> str:
    """The experiment's label (8.2.3): as asked, else the session's own, else its folder's; empty where none is left.

    Raises:
        InvalidRequestError: What is asked is no label.
    """
    by_path = (value for path, value in request.fields.items() if path.endswith("SessionData/label"))
    asked = request.label or next(by_path, None)
    if asked:
        return requested_label("session", asked)
    return next(filter(None, map(clean_label, (row.label, row.folder))), "")


def find_existing(
    connection: Connection, tree: Tree, row: Row[Any], request: ArchiveRequest, principal: Principal
) -> Existing | None:
    """The experiment that a session would join (8.2.4): by the ID that a field path gives, else by label."""
    by_path = (
        value for path, value in request.fields.items() if path in _NAMES_EXPERIMENT or path.endswith("SessionData/ID")
    )
    named = experiment.c.id == next(by_path, "")
    labelled = (experiment.c.project == row.project) & (experiment.c.label == label_for(row, request))
    for found in connection.execute(select(experiment).where(or_(named, labelled)).order_by(labelled)):
        if principal.may(Action.READ, found.project):
            return archived_side(connection, tree, found)
    return None


def archived_side(connection: Connection, tree: Tree, found: Row[Any]) -> Existing:
    """The session of an experiment's row."""
    row = connection.execute(select(session).where(session.c.id == found.session_id)).one()
    where = (found.project, found.arc, found.label)
    owner = connection.execute(select(subject.c.label).where(subject.c.id == found.subject)).scalar_one()
    side = _side(connection, row, tree.experiment_folder(*where), tree.experiment_document(*where))
    return Existing(found, owner, side)


def files_of(connection: Connection, session_id: int) -> list[Row[Any]]:
    """The files of a session, by place, resource and name."""
    here = (file.c.session_id == session_id) & file.c.pending.is_(False)
    return list(connection.execute(select(file).where(here).order_by(file.c.place, file.c.resource, file.c.name)))


def _side(connection: Connection, row: Row[Any], folder: Path, document: Path) -> Side:
    scans = connection.execute(select(scan).where(scan.c.session_id == row.id).order_by(scan.c.position, scan.c.id))
    further = select(study.c.tag).where(study.c.session_id == row.id).order_by(study.c.position)
    studies = (row.tag, *connection.execute(further).scalars())
    return Side(row, folder, document, tuple(scans), studies)
