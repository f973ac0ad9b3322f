"""An import whose sessions go on into the archive within the request (ruling 35)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from xnat_import_core.archive.requests import ArchiveRequest, Entry
from xnat_import_core.errors import ArchiveConflictError, RefusedImportError
from xnat_import_core.parameters import Space
from xnat_import_core.prearchive import Prearchive
from xnat_import_core.prearchive.commits import retell
from xnat_import_core.prearchive.policy import archives
from xnat_import_core.prearchive.statuses import Status
from xnat_import_core.receipts.records import outcome_as_json

if TYPE_CHECKING:
    from xnat_import_core.archive.archiver import Archiver
    from xnat_import_core.models import Handler, Outcome, Principal, SessionOutcome
    from xnat_import_core.parameters import ImportRequest
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.store import Store

__all__ = ["Arrivals"]

_NOT_FOUND = 400


@frozen
class Arrivals:
    """Archives what an import has placed, as far as it is due.

    Attributes:
        store, archiver: The service's.
        handler: Of the import: what it declares decides whether the project's policy acts at once.
        request: What the sender asks for.
        principal: Who asks.
    """

    store: Store
    archiver: Archiver
    handler: Handler
    request: ImportRequest
    principal: Principal

    def archive(self, outcome: Outcome) -> Outcome:
        """The outcome with the addresses of what was archived.

        Raises:
            XnatImportError: A session cannot be archived; it waits in the prearchive, as do those after it.
        """
        sessions = tuple(map(self._session, outcome.sessions))
        if sessions == outcome.sessions:
            return outcome
        outcome = evolve(outcome, sessions=sessions)
        retell(self.store.database, outcome.import_id, outcome_as_json(outcome))
        return outcome

    def _session(self, session: SessionOutcome) -> SessionOutcome:
        if session.project is None or session.status != Status.READY:
            return session
        row = Prearchive(self.store.database, self.store.tree).find(session.project, session.timestamp, session.folder)
        if not self._is_due(row):
            return session
        try:
            done = self.archiver.archive(row, self._asked(), self.principal)
        except ArchiveConflictError as error:
            raise self._told(error) from error
        return evolve(session, uri=done.uri, status=Status.ARCHIVED.value, notes=(*session.notes, *done.plan.notes))

    def _is_due(self, row: PrearchiveRow) -> bool:
        request = self.request
        if request.space is not None:
            return request.space is Space.ARCHIVE
        if self.handler.after_place != "ready":
            return request.commit and request.auto_archive is True
        project = self.store.projects.find(row.project or "")
        return archives(request.auto_archive, row, project.code if project else None)[0]

    def _asked(self) -> ArchiveRequest:
        request = self.request
        return ArchiveRequest(
            subject=request.subject,
            label=request.session,
            overwrite=request.overwrite,
            overwrite_files=request.overwrite_files,
            quarantine=request.quarantine,
            trigger_pipelines=request.trigger_pipelines,
            event_reason=request.event_reason,
            entry=Entry.IMPORT,
        )

    def _told(self, error: ArchiveConflictError) -> ArchiveConflictError:
        """The same under the status that clients of this handler know (ruling 26)."""
        known = self.handler.conflicts == "setting" and self.store.settings.compat.dicom_zip_conflict_status
        return RefusedImportError(error.message, error.conflicts) if known == _NOT_FOUND else error
