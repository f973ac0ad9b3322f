"""Moving: one rename into another project, with the document and the rows rewritten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import evolve
from sqlalchemy import and_, exists, or_, select, update

from xnat_import_core.database.tables import session, study
from xnat_import_core.errors import LimitExceededError, SessionConflictError, StorageError, UnreadableUploadError
from xnat_import_core.operations.changes import changing
from xnat_import_core.operations.contents import contents_of
from xnat_import_core.operations.pet_mr import pet_mr_of
from xnat_import_core.operations.rows import released
from xnat_import_core.prearchive.policy import arrival_policy
from xnat_import_core.prearchive.statuses import Operation, Status

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from xnat_import_core.models import Principal
    from xnat_import_core.operations.changes import Change
    from xnat_import_core.operations.contents import Contents
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.projects import Project
    from xnat_import_core.store import Store

__all__ = ["KIND", "move"]

KIND: Final = "move"
_WISHES: Final = {"true": True, "false": False}


def move(row: PrearchiveRow, target: Project, principal: Principal, store: Store) -> str:
    """Move a session; its address in the project.

    It is READY there, unless its document is not current any more: then it waits to be built.

    Raises:
        SessionConflictError: Somebody else works on it, or the project has a session of this study and label, or of
            this address.
    """
    if row.project == target.id:
        return row.uri
    with changing(store, KIND, row, Operation.MOVE, principal) as change:
        contents = contents_of(store.database, row.id)
        folder = store.tree.session_folder(target.id, row.timestamp, row.folder)
        _refuse_taken_folder(change.folder, folder)
        document = folder.with_name(change.document.name)
        current = _publish_document(change, document, target.id)
        change.redo.publish(change.folder, folder)
        change.redo.retire(change.document, change.trash / change.document.name)
        status = Status.READY if current and _is_built(change, contents, target.id) else Status.RECEIVING
        moved = released(change.hold, status, **_policy(contents, target))
        change.carry_out([moved], change.folder.parent, lambda connection: _claim(connection, contents, target.id))
    return evolve(row, project=target.id).uri


def _publish_document(change: Change, target: Path, project: str) -> bool:
    """The document as it will be; false where there is none that can be read: what is there moves as it is."""
    from xnat_import_core.operations.moved_documents import with_project  # noqa: PLC0415 - lxml is needed from here on

    made = change.staging.publish / target.name
    if not change.document.exists():
        return False
    try:
        made.write_bytes(with_project(change.document, project))
    except (UnreadableUploadError, LimitExceededError):
        made.write_bytes(change.document.read_bytes())
        change.redo.publish(made, target)
        return False
    change.redo.publish(made, target)
    return True


def _is_built(change: Change, contents: Contents, project: str) -> bool:
    """Whether the document shows all data, and the project would not make another session of PET with MR."""
    columns = contents.columns
    waits = change.hold.before in {Status.RECEIVING, Status.RECEIVING_INTERRUPT}
    if waits or columns["version"] != columns["built"]:
        return False
    is_pet_or_mr = columns["type"] in {"xnat:petmrSessionData", "xnat:petSessionData"}
    return not is_pet_or_mr or pet_mr_of(change.store, columns["project"]) == pet_mr_of(change.store, project)


def _policy(contents: Contents, target: Project) -> dict[str, Any]:
    """What was said of the session stays; what followed from the project follows from its new one."""
    columns = contents.columns
    found = None
    if columns["policy_origin"] == "AA: in the data":
        found = columns["autoarchive"] != "Manual"
    return dict(arrival_policy(_WISHES.get(columns["wish"]), found, target.code))


def _refuse_taken_folder(source: Path, target: Path) -> None:
    if target.exists() or target.with_name(f"{target.name}.xml").exists():
        message = "The project has a folder of this address already; it is left as it is, and the session stays."
        raise SessionConflictError(message)
    room = next(folder for folder in target.parents if folder.exists())
    if room.stat().st_dev != source.stat().st_dev:
        message = "The project's prearchive lies on another file system; sessions cannot be moved there."
        raise StorageError(message)


def _claim(connection: Connection, contents: Contents, project: str) -> None:
    """Take the address and the key in the project, or refuse."""
    columns = contents.columns
    here = and_(session.c.project == project, session.c.status != Status.ARCHIVED)
    tags = (columns["tag"], *contents.studies)
    same_study = or_(session.c.tag.in_(tags), exists().where(study.c.session_id == session.c.id, study.c.tag.in_(tags)))
    same_label = session.c.nameless if columns["nameless"] else session.c.label == columns["label"]
    same_address = and_(session.c.timestamp == columns["timestamp"], session.c.folder == columns["folder"])
    taken = or_(and_(same_study, same_label), same_address)
    found = connection.execute(select(session).where(here, taken)).first()
    if found is not None:
        message = (
            f"Project {project} has a prearchive session of this study and label, or of this address, already: "
            f"{found.timestamp}/{found.folder}, study {found.tag}. The session stays where it is."
        )
        raise SessionConflictError(message)
    connection.execute(update(session).where(session.c.id == columns["id"]).values(project=project))
