"""An experiment's own status: active, in quarantine, locked (chapter 11)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select

from xnat_import_core.archive.finishing import STATUS, carry_out
from xnat_import_core.archive.given import STATE
from xnat_import_core.archive.rights import check_may_edit
from xnat_import_core.archive.state import read_state, write_state
from xnat_import_core.database.changes import Update
from xnat_import_core.database.tables import experiment
from xnat_import_core.errors import NotFoundError
from xnat_import_core.prearchive.deeds import give_up, start_deed
from xnat_import_core.prearchive.machine import UNLOCKED, Operation, begin
from xnat_import_core.storage.durable import storage_faults
from xnat_import_core.storage.redo import RedoList

if TYPE_CHECKING:
    from xnat_import_core.models import Principal
    from xnat_import_core.prearchive.deeds import Deed
    from xnat_import_core.store import Store

__all__ = ["Standing", "set_standing"]


class Standing(StrEnum):
    """What an experiment is: ``quarantine`` hides it from outside readers, ``locked`` keeps it from being changed."""

    ACTIVE = "active"
    QUARANTINE = "quarantine"
    LOCKED = "locked"


def set_standing(store: Store, experiment_id: str, standing: Standing, principal: Principal) -> None:
    """Set it, in the row and on disk.

    Raises:
        NotFoundError: There is no such experiment, or the caller may not know of it.
        ForbiddenError: The caller may not change archived sessions of the project.
        SessionConflictError: Somebody else works on it.
    """
    with store.database.read() as connection:
        found = connection.execute(select(experiment).where(experiment.c.id == experiment_id)).first()
    if found is None:
        message = "Unable to find the specified experiment."
        raise NotFoundError(message)
    check_may_edit(found.project, principal)
    with storage_faults():
        deed = start_deed(
            store.database, store.tree, STATUS,
            user=principal.name, project=found.project, experiment=experiment_id, session_id=found.session_id,
        )  # fmt: skip
        try:
            _set(store, deed, found.session_id, experiment_id, standing)
        except BaseException:
            give_up(store.database, deed)
            raise


def _set(store: Store, deed: Deed, session_id: int, experiment_id: str, standing: Standing) -> None:
    with store.database.write() as connection:
        hold = begin(connection, session_id, Operation.MERGE, deed.id)
        there = connection.execute(select(experiment).where(experiment.c.id == experiment_id)).one()
    state = store.tree.experiment_folder(there.project, there.arc, there.label) / STATE
    staged = deed.staging.publish / "state.json"
    write_state(staged, {**read_state(state), "status": standing.value})
    redo = RedoList(store.tree, deed.staging.redo)
    redo.publish(staged, state)
    changes = [
        Update("experiment", {"id": experiment_id}, {"status": standing.value}),
        Update("session", {"id": session_id}, UNLOCKED),
    ]
    carry_out(store, deed, redo, changes, [hold])
