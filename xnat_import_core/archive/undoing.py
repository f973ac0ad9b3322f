"""Undoing an archiving or a merge: the deed's own undo list, carried out as a deed of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import frozen
from sqlalchemy import select, update

from xnat_import_core.archive.finishing import ARCHIVE, MERGE, UNDO, carry_out
from xnat_import_core.archive.rights import check_may_edit
from xnat_import_core.archive.undo_list import UNDO_LIST, UndoList, sha256_of_document
from xnat_import_core.database.changes import Update
from xnat_import_core.database.tables import deed as deed_table
from xnat_import_core.database.tables import experiment, session
from xnat_import_core.errors import NotFoundError, SessionConflictError
from xnat_import_core.prearchive.deeds import give_up, start_deed
from xnat_import_core.prearchive.machine import Operation, begin
from xnat_import_core.prearchive.sweeping import beating
from xnat_import_core.storage.durable import storage_faults
from xnat_import_core.storage.redo import RedoList
from xnat_import_core.storage.tree import session_uri

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, Row

    from xnat_import_core.models import Principal
    from xnat_import_core.prearchive.deeds import Deed
    from xnat_import_core.store import Store

__all__ = ["undo_deed"]


def undo_deed(store: Store, deed_id: str, principal: Principal) -> str:
    """Take back an archiving or a merge: the session is in the prearchive again, the archive as it was before.

    Returns:
        The prearchive session's address, without ``/data``.

    Raises:
        NotFoundError: There is no such deed, or the caller may not know of it.
        ForbiddenError: The caller may not change archived sessions of the project.
        SessionConflictError: It cannot be taken back (any more); the message says why.
    """
    with store.database.read() as connection:
        done = _found(connection, deed_id)
    check_may_edit(done.project, principal)
    with storage_faults():
        deed = start_deed(
            store.database, store.tree, UNDO, user=principal.name, project=done.project, experiment=done.experiment
        )
        with beating(store.database, deed.id):
            try:
                return _Undoing(store, deed, done).run()
            except BaseException:
                give_up(store.database, deed)
                raise


@frozen
class _Undoing:
    """One undo, under its deed."""

    store: Store
    deed: Deed
    done: Row[Any]

    def run(self) -> str:
        with self.store.database.write() as connection:
            there = self._experiment(connection)
            hold = begin(connection, there.session_id, Operation.MERGE, self.deed.id)
        path = self.store.tree.trash / self.done.id / UNDO_LIST
        if not path.exists():
            self._refuse("what it replaced is not in the trash any more")
        undo = UndoList.read(path)
        self._refuse_edited(there, undo)
        back = self._session_back(undo)
        redo = RedoList(self.store.tree, self.deed.staging.redo)
        for what, source, target in undo.renames:
            self._list(redo, what, self.store.tree.root / source, self.store.tree.root / target)
        by = {"state": "undone", "undone_by": self.deed.id}
        told = [
            Update("deed", {"id": self.done.id}, by),
            Update("workflow", {"deed": self.done.id}, {"comment": f"undone by {self.deed.id}"}),
        ]

        def claim(connection: Connection) -> None:
            self._take_place(connection, back)

        carry_out(self.store, self.deed, redo, [*undo.changes, *told], [hold], claim=claim)
        return session_uri(self.done.project, back.values["timestamp"], back.values["folder"])

    # ---- may it be undone

    def _experiment(self, connection: Connection) -> Row[Any]:
        """The experiment, if the deed is the last that changed it."""
        done = _found(connection, self.done.id)
        if done.state == "undone":
            self._refuse(f"it was taken back already, by {done.undone_by}")
        if done.state != "done":
            self._refuse("it has not ended")
        if done.undo_until is None or done.undo_until < datetime.now(UTC):
            self._refuse("the time in which it could be taken back is over, or it is none that can be")
        there = connection.execute(select(experiment).where(experiment.c.id == done.experiment)).first()
        if there is None:
            self._refuse("the experiment is gone")
        if there.last_deed != done.id:
            later = _found(connection, there.last_deed)
            self._refuse(f"{later.id} ({later.kind}, {later.started_at:%Y-%m-%d %H:%M}) built on it; undo that first")
        if there.status == "locked":
            self._refuse("the archived session is locked")
        return there

    def _refuse_edited(self, there: Row[Any], undo: UndoList) -> None:
        document = self.store.tree.experiment_document(there.project, there.arc, there.label)
        if sha256_of_document(document) != undo.document:
            self._refuse("the document of the archived session was changed since")

    def _refuse(self, why: str) -> NoReturn:
        message = f"{self.done.kind} {self.done.id} cannot be undone: {why}."
        raise SessionConflictError(message)

    # ---- doing it

    def _list(self, redo: RedoList, what: str, source: Path, target: Path) -> None:
        """One step back. What leaves the archive may get a successor there: that it is done, its target tells."""
        tree = self.store.tree
        if what == "drop":
            redo.retire(source, tree.trash / self.deed.id / tree.relative(source))
        elif source.is_relative_to(tree.trash):
            redo.publish(source, target)
        else:
            redo.retire(source, target)

    @staticmethod
    def _session_back(undo: UndoList) -> Update:
        return next(
            each
            for each in undo.changes
            if isinstance(each, Update) and each.table == "session" and "timestamp" in each.values
        )

    def _take_place(self, connection: Connection, back: Update) -> None:
        """The session gets the place that it had in the prearchive, if nobody else has it by now."""
        where = {name: back.values[name] for name in ("timestamp", "folder")}
        same = (
            (session.c.project == self.done.project)
            & (session.c.timestamp == where["timestamp"])
            & (session.c.folder == where["folder"])
        )
        taken = connection.execute(select(session.c.id).where(same)).first() is not None
        if taken or self.store.tree.session_folder(self.done.project, **where).exists():
            self._refuse(f"{where['timestamp']}/{where['folder']} in the prearchive is another session by now")
        connection.execute(update(session).where(session.c.id == back.where["id"]).values(**where))


def _found(connection: Connection, deed_id: str) -> Row[Any]:
    row = connection.execute(select(deed_table).where(deed_table.c.id == deed_id)).first()
    if row is None or row.kind not in {ARCHIVE, MERGE, UNDO}:
        message = "There is no archiving of this ID that could be undone."
        raise NotFoundError(message)
    return row
