"""``Archiver``: plan an archiving, do it, take it back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xnat_import_core.archive.delivery import Delivery
from xnat_import_core.archive.engine import Archiving
from xnat_import_core.archive.expiring import expire_undo
from xnat_import_core.archive.finishing import ARCHIVE
from xnat_import_core.archive.planning import Planner
from xnat_import_core.archive.requests import MergeRules, Task
from xnat_import_core.archive.rights import check_may_archive
from xnat_import_core.archive.standing import set_standing
from xnat_import_core.archive.undoing import undo_deed
from xnat_import_core.prearchive.deeds import start_deed
from xnat_import_core.prearchive.sweeping import beating
from xnat_import_core.storage.durable import storage_faults

if TYPE_CHECKING:
    from xnat_import_core.archive.requests import ArchiveRequest
    from xnat_import_core.archive.standing import Standing
    from xnat_import_core.models import ArchiveOutcome, ArchivePlan, Principal
    from xnat_import_core.plugin_host import PluginHost
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.store import Store
    from xnat_import_core.workers.crew import Crew

__all__ = ["Archiver"]


class Archiver:
    """Archives sessions of one store, and takes it back."""

    def __init__(self, store: Store, host: PluginHost, crew: Crew, rules: MergeRules | None = None) -> None:
        self._store = store
        self._planner = Planner(store, host, crew, rules or MergeRules())
        self._delivery = Delivery(store, host, crew)

    def plan(self, row: PrearchiveRow, request: ArchiveRequest, principal: Principal) -> ArchivePlan:
        """What archiving would do, with every conflict. Nothing is locked or written.

        Raises:
            ForbiddenError, NotFoundError: The caller may not, or the session is gone.
            InvalidRequestError: A label, subject or field that is none.
        """
        check_may_archive(row, principal)
        with storage_faults():
            return self._planner.blueprint(row, request, principal).plan

    def archive(self, row: PrearchiveRow, request: ArchiveRequest, principal: Principal) -> ArchiveOutcome:
        """Archive a session. The plan is made under the locks of both sides, and done exactly.

        Raises:
            ArchiveConflictError: It clashes with what is there; the session is CONFLICT.
            SessionConflictError: Somebody else works on it.
            ForbiddenError, NotFoundError: As ``plan``.
            XnatImportError: Anything else; the session is ERROR, and says why.
        """
        check_may_archive(row, principal)
        store = self._store
        with storage_faults():
            deed = start_deed(
                store.database, store.tree, ARCHIVE,
                user=principal.name, project=row.project or "", session_id=row.id,
            )  # fmt: skip
        with self._delivery.claimed(deed.id), beating(store.database, deed.id):
            outcome = Archiving(self._planner, Task(deed, row, request, principal, datetime.now(UTC))).run()
            self._delivery.deliver(deed.id)
        return outcome

    def undo(self, deed_id: str, principal: Principal) -> str:
        """Take back an archiving or a merge, for as long as ``keep_trash_days``; the session's prearchive address.

        Raises:
            NotFoundError, ForbiddenError: There is no such deed, or it is not the caller's to undo.
            SessionConflictError: Something built on it, or its time is over; the message says which.
        """
        return undo_deed(self._store, deed_id, principal)

    def set_standing(self, experiment_id: str, standing: Standing, principal: Principal) -> None:
        """Activate an experiment, put it in quarantine, or lock it.

        Raises:
            NotFoundError, ForbiddenError: There is none, or the caller may not change it.
            SessionConflictError: Somebody else works on it.
        """
        set_standing(self._store, experiment_id, standing, principal)

    def deliver_waiting(self) -> int:
        """Tell extensions of sessions that a killed process archived without telling; how many they were.

        The caller does not hold the store's start lock.
        """
        return self._delivery.deliver_waiting()

    def expire(self, now: datetime) -> int:
        """Drop what is kept for undos whose time is over; of how many deeds."""
        with storage_faults():
            return expire_undo(self._store.database, self._store.tree, now)
