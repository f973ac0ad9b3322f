"""A plugin that archives a session itself: it is asked before the core does it; then the session only goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import evolve

from xnat_import_core.archive.delivery import payload_of
from xnat_import_core.archive.finishing import carry_out
from xnat_import_core.database.changes import Delete, Insert
from xnat_import_core.errors import ArchiveConflictError
from xnat_import_core.models import Archived, ArchiveOutcome, ArchivePolicy, ArchiveSession
from xnat_import_core.storage.redo import RedoList
from xnat_import_core.storage.tree import session_uri
from xnat_import_core.workers.jobs import Calling

if TYPE_CHECKING:
    from xnat_import_core.archive.planning import Blueprint, Planner
    from xnat_import_core.archive.requests import ArchiveRequest, Task
    from xnat_import_core.models import Conflict
    from xnat_import_core.plugin_host import HookCalls
    from xnat_import_core.prearchive.machine import PrearchiveHold
    from xnat_import_core.store import Store

__all__ = ["ask_plugins", "take_leave"]


def ask_plugins(planner: Planner, blueprint: Blueprint, request: ArchiveRequest) -> Archived | None:
    """Whether a plugin archived it; ``None``: the core is to do it.

    Raises:
        ArchiveConflictError: A plugin refuses.
        PluginError: One failed.
    """
    row, switches = blueprint.incoming.row, blueprint.switches
    uri = session_uri(row.project, row.timestamp, row.folder)
    session = ArchiveSession(
        uri, row.project, blueprint.plan.subject, blueprint.label, row.tag, blueprint.incoming.folder
    )
    policy = ArchivePolicy(switches.merge, switches.files, blueprint.quarantine, request.trigger_pipelines)

    def archive(calls: HookCalls) -> tuple[str, Archived | Conflict] | None:
        return calls.archive(session, policy)

    size = sum(each.row.size for each in blueprint.files)
    _, answer = planner.ask(row.handler_key)(Calling("archive", archive, size)) or ("", None)
    if answer is None or isinstance(answer, Archived):
        return answer
    raise ArchiveConflictError(answer.detail, (answer,))


def take_leave(
    store: Store, task: Task, blueprint: Blueprint, archived: Archived, hold: PrearchiveHold
) -> ArchiveOutcome:
    """The session is archived elsewhere: here it goes to the trash."""
    row, plan = blueprint.incoming.row, blueprint.plan
    plan = evolve(plan, conflicts=(), notes=(*plan.notes, "An extension archived it elsewhere."))
    told = evolve(
        archived, import_id=row.import_id, project=row.project, label=plan.label, user=task.principal.name,
        archived_at=task.at,
    )  # fmt: skip
    payload = json.dumps(payload_of(told, row, len(blueprint.incoming.scans), plan))
    redo = RedoList(store.tree, task.deed.staging.redo)
    for path in (blueprint.incoming.document, blueprint.incoming.folder):
        redo.retire(path, store.tree.trash / task.deed.id / store.tree.relative(path))
    changes = (
        Delete("session", {"id": row.id, "locked_by": task.deed.id}),
        Insert("outbox", {"deed": task.deed.id, "payload": payload, "created_at": task.at}),
    )
    leaving = store.tree.relative(blueprint.incoming.folder.parent)
    carry_out(store, task.deed, redo, changes, [hold], leaving=leaving)
    return ArchiveOutcome(archived.uri, "", task.deed.id, plan)
