"""The outbox: ``session_archived`` is told once for each archived session, also if the service is killed before it."""

from __future__ import annotations

import fcntl
import json
import shutil
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen
from sqlalchemy import delete, select, update

from xnat_import_core.archive.given import AUTORUN
from xnat_import_core.database.tables import outbox, workflow
from xnat_import_core.errors import PluginError, UnknownHandlerError, XnatImportError
from xnat_import_core.logs import event_logger
from xnat_import_core.models import Archived, SessionOutcome
from xnat_import_core.storage.staging import Staging, lock_is_free, start_lock
from xnat_import_core.storage.tree import experiment_uri, session_uri
from xnat_import_core.workers.jobs import Calling
from xnat_import_core.workers.pool import Asking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Row

    from xnat_import_core.archive.given import Given
    from xnat_import_core.archive.planning import Blueprint
    from xnat_import_core.archive.requests import ArchiveRequest
    from xnat_import_core.models import ArchivePlan
    from xnat_import_core.plugin_host import HookCalls, PluginHost
    from xnat_import_core.store import Store
    from xnat_import_core.workers.crew import Crew

__all__ = ["Delivery", "event_of", "payload_of"]


def event_of(blueprint: Blueprint, given: Given, request: ArchiveRequest, xsi_type: str) -> Archived:
    """What ``session_archived`` tells of an archiving."""
    plan, incoming = blueprint.plan, blueprint.incoming
    there = set() if blueprint.existing is None else {scan.key for scan in blueprint.existing.side.scans}
    return Archived(
        uri=experiment_uri(plan.project, given.subject.label, blueprint.label),
        import_id=incoming.row.import_id,
        project=plan.project,
        subject_id=given.subject.id,
        subject_label=given.subject.label,
        experiment_id=given.experiment,
        label=blueprint.label,
        xsi_type=xsi_type,
        study_uids=incoming.studies,
        created=plan.created,
        scans_added=tuple(blueprint.labels[f"scan:{scan.key}"] for scan in incoming.scans if scan.key not in there),
        files_added=len(plan.added),
        files_replaced=len(plan.replaced),
        files_identical=len(plan.same),
        renamed_scans=dict(plan.renamed_scans),
        quarantined=blueprint.quarantine,
        overwrite=request.overwrite.value,
        trigger_pipelines=request.trigger_pipelines,
        user=given.user,
        workflow_id=given.event,
        archived_at=given.at,
    )


def payload_of(archived: Archived, row: Row[Any], scans: int, plan: ArchivePlan) -> dict[str, Any]:
    """The same as the outbox keeps it, with the prearchive session that it was."""
    session = SessionOutcome(
        uri=session_uri(row.project, row.timestamp, row.folder),
        project=row.project or None,
        subject=plan.subject,
        label=plan.label,
        timestamp=row.timestamp,
        folder=row.folder,
        tag=row.tag,
        status="ARCHIVED",
        scans=scans,
        stored=len(plan.added) + len(plan.replaced),
        same=len(plan.same),
        joined=not plan.created,
        notes=plan.notes,
    )
    told = asdict(archived) | {"archived_at": archived.archived_at.isoformat() if archived.archived_at else None}
    return {"handler": row.handler_key, "archived": told, "session": asdict(session)}


@frozen
class Delivery:
    """Tells extensions what is in the outbox.

    Attributes:
        store, host, crew: The service's.
    """

    store: Store
    host: PluginHost
    crew: Crew

    def deliver_waiting(self) -> int:
        """Tell what a killed process has not told; how many they were. What a living one is telling is left to it.

        The caller does not hold the store's start lock.
        """
        with self.store.database.read() as connection:
            waiting = connection.execute(select(outbox.c.deed).order_by(outbox.c.id)).scalars().all()
        told = 0
        for deed_id in waiting:
            with self.claimed(deed_id) as mine:
                told += mine and self.deliver(deed_id)
        return told

    @contextmanager
    def claimed(self, deed_id: str) -> Iterator[bool]:
        """Keep the telling of a deed to this process; false where another one has it."""
        staging = Staging(self.store.tree.staging / f"{deed_id}.told")
        try:
            with start_lock(self.store.tree.start_lock, fcntl.LOCK_SH):
                if staging.folder.exists() and lock_is_free(staging.folder):
                    shutil.rmtree(staging.folder, ignore_errors=True)
                staging.make()
        except FileExistsError:
            yield False
            return
        try:
            yield True
        finally:
            staging.discard()

    def deliver(self, deed_id: str) -> bool:
        """Tell of one deed, if it is in the outbox; what cannot be told now stays there."""
        try:
            with self.store.database.read() as connection:
                payload = connection.execute(select(outbox.c.payload).where(outbox.c.deed == deed_id)).scalar()
            if payload is not None:
                self._told(deed_id, well=self._tell(json.loads(payload), deed_id))
        except XnatImportError as error:
            event_logger(deed=deed_id).error("not told", error=type(error).__name__)
            return False
        return payload is not None

    def _told(self, deed_id: str, *, well: bool) -> None:
        ended = {"status": "Complete" if well else "Failed", "finished_at": datetime.now(UTC)}
        queued = (workflow.c.deed == deed_id) & (workflow.c.name == AUTORUN)
        with self.store.database.write() as connection:
            connection.execute(update(workflow).where(queued).values(**ended))
            connection.execute(delete(outbox).where(outbox.c.deed == deed_id))

    def _tell(self, payload: Mapping[str, Any], deed_id: str) -> bool:
        told, at = dict(payload["archived"]), payload["archived"]["archived_at"]
        told["archived_at"] = datetime.fromisoformat(at) if at else None
        told |= {name: tuple(told[name]) for name in ("study_uids", "scans_added")}
        archived = Archived(**told)
        session = SessionOutcome(**{**payload["session"], "notes": tuple(payload["session"]["notes"])})

        def announce(calls: HookCalls) -> bool:
            return calls.session_archived(archived, session)

        try:
            return Asking(payload["handler"], self.crew.inline)(Calling("session_archived", announce))
        except (PluginError, UnknownHandlerError) as error:
            event_logger(deed=deed_id).error("session_archived failed", error=type(error).__name__)
            return False
