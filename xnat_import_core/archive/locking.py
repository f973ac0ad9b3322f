"""Locks of an archiving: the prearchive session, and the experiment or the label that it will have (8.2.1, 8.2.4)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import update

from xnat_import_core.archive.given import AUTORUN, MERGED, MERGED_UIDS, TRANSFERRED, Given
from xnat_import_core.archive.sides import find_existing, incoming_side, label_for
from xnat_import_core.archive.subjects import (
    ChosenSubject,
    new_id,
    new_record,
    open_claims,
    subject_to_make,
)
from xnat_import_core.database.tables import deed as deed_table
from xnat_import_core.prearchive.machine import LockedSessionError, Operation, PrearchiveHold, begin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from xnat_import_core.archive.planning import Blueprint
    from xnat_import_core.archive.requests import Task
    from xnat_import_core.storage.tree import Tree

__all__ = ["Locked", "claim", "lock_sides"]


@frozen
class Locked:
    """What an archiving holds.

    Attributes:
        incoming: The prearchive session.
        existing: The archived one, where there is one and it was free.
        label: The label of a new experiment, where nobody else is making one of it.
    """

    incoming: PrearchiveHold
    existing: PrearchiveHold | None = None
    label: str = ""

    def holds(self, blueprint: Blueprint) -> bool:
        """Whether it may do what the blueprint says: what the plan found must be what was locked before."""
        if blueprint.existing is None:
            return self.label == blueprint.label
        return self.existing is not None and self.existing.session_id == blueprint.existing.side.row.id


def lock_sides(connection: Connection, tree: Tree, task: Task) -> Locked:
    """Lock the session and what it would join; a target that somebody else has is for the plan to tell.

    Raises:
        LockedSessionError: Somebody else works on the prearchive session.
        SessionConflictError, NotFoundError: As ``begin``.
        InvalidRequestError: The request's label is none.
    """
    row, deed = task.row, task.deed.id
    hold = begin(connection, row.id, Operation.ARCHIVE, deed)
    found = incoming_side(connection, tree, row).row
    existing = find_existing(connection, tree, found, task.request, task.principal)
    if existing is not None:
        with suppress(LockedSessionError):
            return Locked(hold, begin(connection, existing.side.row.id, Operation.MERGE, deed))
        return Locked(hold)
    label = label_for(found, task.request)
    if any(claim.get("label") == label for claim in open_claims(connection, found.project)):
        return Locked(hold)
    _note(connection, deed, {"label": label})
    return Locked(hold, label=label)


def claim(connection: Connection, blueprint: Blueprint, task: Task, site: str) -> Given:
    """Give IDs: to the experiment and its subject where they are new, to the records of what is done."""
    existing = blueprint.existing
    if existing is not None:
        experiment_id = existing.experiment.id
        chosen = ChosenSubject(existing.subject, existing.experiment.subject)
    else:
        experiment_id = new_id(connection, "experiment", site)
        chosen = blueprint.subject
        if not chosen.id:
            chosen = subject_to_make(connection, blueprint.plan.project, chosen.label, site)
    names = [TRANSFERRED if existing is None else MERGED]
    names += [MERGED_UIDS] if blueprint.other_study else []
    names += [AUTORUN] if task.request.trigger_pipelines else []
    workflows = {name: new_record(connection) for name in names}
    given = Given(task.deed.id, experiment_id, blueprint.label, chosen, workflows, task.principal.name, task.at)
    _note(connection, task.deed.id, given.claims)
    return given


def _note(connection: Connection, deed: str, claims: Mapping[str, str]) -> None:
    connection.execute(update(deed_table).where(deed_table.c.id == deed).values(detail=json.dumps(dict(claims))))
