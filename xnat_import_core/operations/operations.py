"""``Operations``: what can be done with a session of the prearchive, each with the right that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from attrs import evolve, field, frozen

from xnat_import_core.archive.requests import ArchiveRequest, Entry
from xnat_import_core.operations import building, deleting, moving, restating, separating
from xnat_import_core.operations.building import BuildRequest
from xnat_import_core.operations.describing import Describer
from xnat_import_core.operations.pet_mr import SEPARATE, pet_mr_of
from xnat_import_core.operations.rights import check_may_change, check_site_admin, project_to_move_to
from xnat_import_core.prearchive import Prearchive
from xnat_import_core.prearchive.logbook import read_logs
from xnat_import_core.prearchive.policy import archives
from xnat_import_core.prearchive.statuses import Operation

if TYPE_CHECKING:
    from xnat_import_core.models import ArchiveOutcome, Principal
    from xnat_import_core.plugin_host import PluginHost
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.prearchive.logbook import LogEntry
    from xnat_import_core.store import Store
    from xnat_import_core.workers.crew import Crew

__all__ = ["Archives", "CommitOutcome", "CommitRequest", "Operations"]


class Archives(Protocol):
    """What a commit archives with."""

    def archive(self, row: PrearchiveRow, request: ArchiveRequest, principal: Principal) -> ArchiveOutcome:
        """Archive a session. Raises XnatImportError; the session stays, with the reason."""


@frozen
class CommitRequest:
    """What a commit is told.

    Attributes:
        auto_archive: ``AA``, else ``auto-archive``; ``None``: session and project decide.
        build: For the build.
        archive: If it comes to that.
    """

    auto_archive: bool | None = None
    build: BuildRequest = field(factory=BuildRequest)
    archive: ArchiveRequest = field(factory=lambda: ArchiveRequest(entry=Entry.COMMIT))


@frozen
class CommitOutcome:
    """Where a session is after a commit.

    Attributes:
        uri: Of the experiment if it was archived, else of the prearchive session; without ``/data``.
        archived: Whether it was.
        why: What decided that.
        others: The other half, where PET and MR were separated.
    """

    uri: str
    archived: bool
    why: str
    others: tuple[CommitOutcome, ...] = ()


_AS_IT_IS: Final = BuildRequest()
_BY_POLICY: Final = CommitRequest()


class Operations:
    """The operations of one service.

    Every method raises ``ForbiddenError`` for who may not, ``NotFoundError`` for a session that is gone, and
    ``SessionConflictError`` while somebody else works on it. What fails later leaves the files as they are, and the
    reason in the session's row and log.
    """

    def __init__(self, store: Store, host: PluginHost, crew: Crew, archiver: Archives) -> None:
        self._store = store
        self._archiver = archiver
        self._describer = Describer(store, host, crew)
        self._prearchive = Prearchive(store.database, store.tree)

    def build(
        self, row: PrearchiveRow, principal: Principal, request: BuildRequest = _AS_IT_IS, *, idle: bool = False
    ) -> str:
        """Make catalogs and document anew; the session's address.

        Args:
            row: The session.
            principal: Who asks.
            request: What it is told.
            idle: It is the rebuilder who asks.
        """
        check_may_change(row, principal)
        building.build(row, principal, request, self._describer, kind=building.IDLE if idle else building.KIND)
        return row.uri

    def commit(self, row: PrearchiveRow, principal: Principal, request: CommitRequest = _BY_POLICY) -> CommitOutcome:
        """Build, separate PET from MR if that is the project's rule, archive if the policy says so (ruling 35).

        Raises:
            XnatImportError: It cannot be built, or not be archived; then it stays in the prearchive.
        """
        check_may_change(row, principal)
        building.build(row, principal, request.build, self._describer, Operation.COMMIT)
        halves = self.separate_if_due(row, principal)
        first, *others = [self.archive_if_due(half, principal, request) for half in halves]
        return evolve(first, others=tuple(others))

    def move(self, row: PrearchiveRow, principal: Principal, project: str) -> str:
        """Move it into another project, by ID or alias; its new address."""
        check_may_change(row, principal)
        target = project_to_move_to(project, self._store.projects, principal)
        return moving.move(row, target, principal, self._store)

    def delete(self, row: PrearchiveRow, principal: Principal) -> None:
        """Move it to the trash."""
        check_may_change(row, principal)
        deleting.delete(row, principal, self._store)

    def delete_scan(self, row: PrearchiveRow, scan_id: str, principal: Principal) -> None:
        """Move one scan to the trash. Raises NotFoundError for a scan that is not there."""
        check_may_change(row, principal)
        deleting.delete_scan(row, scan_id, principal, self._describer)

    def reset_status(self, row: PrearchiveRow, principal: Principal) -> str:
        """Read status and columns again from the document; a lock whose owner is dead is given back. Its address."""
        check_may_change(row, principal)
        restating.reset_status(row, self._store)
        return row.uri

    def set_status(self, row: PrearchiveRow, principal: Principal, status: str) -> None:
        """Set the status, as a site administrator. Raises InvalidRequestError for one that cannot be set."""
        check_site_admin(principal)
        restating.set_status(row, status, self._store, principal.name)

    def separate(self, row: PrearchiveRow, principal: Principal) -> tuple[PrearchiveRow, ...]:
        """Split a READY session of PET with MR; the MR and the PET session, or the one that it stays."""
        check_may_change(row, principal)
        return self._separate(row, principal, building.KIND)

    def logs(self, row: PrearchiveRow) -> tuple[LogEntry, ...]:
        """What happened to it, oldest first."""
        return read_logs(self._store.tree.session_folder(row.project or "", row.timestamp, row.folder))

    # ---- what follows a build

    def separate_if_due(
        self, row: PrearchiveRow, principal: Principal, *, idle: bool = False
    ) -> tuple[PrearchiveRow, ...]:
        """A session that was built; its halves, where site or project separates PET from MR."""
        if pet_mr_of(self._store, row.project) != SEPARATE:
            return (self._prearchive.find(row.project, row.timestamp, row.folder),)
        return self._separate(row, principal, building.IDLE if idle else building.KIND)

    def archive_if_due(self, row: PrearchiveRow, principal: Principal, request: CommitRequest) -> CommitOutcome:
        """Archive a session that was built, if the policy says so."""
        project = self._store.projects.find(row.project) if row.project else None
        yes, why = archives(request.auto_archive, row, project.code if project else None)
        if not yes:
            return CommitOutcome(row.uri, archived=False, why=why)
        return CommitOutcome(self._archiver.archive(row, request.archive, principal).uri, archived=True, why=why)

    def _separate(self, row: PrearchiveRow, principal: Principal, built_as: str) -> tuple[PrearchiveRow, ...]:
        halves = separating.separate(row, principal, self._describer, built_as)
        return tuple(self._prearchive.find(row.project, timestamp, folder) for timestamp, folder in halves)
