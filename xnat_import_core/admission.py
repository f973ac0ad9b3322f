"""Admission: everything that can be refused before the body is read."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import evolve, frozen
from sqlalchemy import select

from xnat_import_core.archive import Archive
from xnat_import_core.database.tables import session
from xnat_import_core.errors import ForbiddenError, NotFoundError
from xnat_import_core.models import Action
from xnat_import_core.prearchive.machine import LockedSessionError
from xnat_import_core.prearchive.statuses import BUSY
from xnat_import_core.storage.names import MAX_LABEL
from xnat_import_core.storage.tree import UNASSIGNED
from xnat_import_core.uploads import choose_handler_key, parse_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xnat_import_core.models import Principal
    from xnat_import_core.parameters import ImportRequest
    from xnat_import_core.plugin_host import PluginHost
    from xnat_import_core.store import Store

__all__ = ["Admission", "Admitted"]


@frozen
class Admitted:
    """A request that may go on: typed, its project resolved, its handler loaded."""

    request: ImportRequest
    key: str
    why_key: str


@frozen
class Admission:
    """Judges one request, again whenever more of its parameters are known."""

    store: Store
    host: PluginHost
    query: Sequence[tuple[str, str]]
    principal: Principal
    media_type: str

    def admit(self, form: Iterable[tuple[str, str]] = ()) -> Admitted:
        """Read the parameters and check what they ask for.

        Raises:
            ClientError: Bad or contradicting parameters (400), unknown handler or project (404), no right to create
                (403), a busy destination (409).
            PluginError: The handler is installed but cannot be loaded.
        """
        settings = self.store.settings
        request = parse_request(self.query, form, same_project=self._same_project, compat=settings.compat)
        key, why = choose_handler_key(request, self.media_type, settings.preferences)
        self.host.calls(key)
        request = self._with_project(request)
        request = self._with_experiment(request)
        if request.sources:
            message = "Unknown src file."
            raise NotFoundError(message)
        self._refuse_busy(request)
        return Admitted(request, key, why)

    def _same_project(self, one: str, other: str) -> bool:
        found = [self.store.projects.find(name) for name in (one, other)]
        return one == other or (found[0] is not None and found[0] == found[1])

    def _with_project(self, request: ImportRequest) -> ImportRequest:
        """An explicit project is that project (ruling 17)."""
        if request.project is None:
            return request
        if request.project == UNASSIGNED:
            if not self.principal.may(Action.CREATE, None):
                message = "You may not import without a project."
                raise ForbiddenError(message)
            return request
        found = self.store.projects.find(request.project)
        visible = found is not None and self.principal.may(Action.READ, found.id)
        usable = found is not None and self.principal.may(Action.CREATE, found.id)
        if not usable and self.store.settings.compat.unusable_project == "reroute":
            return evolve(request, project=None)
        if found is None or not visible:
            message = f"Unable to identify project: {request.project[:MAX_LABEL]}"
            raise NotFoundError(message)
        if not usable:
            message = f"You may not create sessions in project {request.project}."
            raise ForbiddenError(message)
        return evolve(request, project=found.id)

    def _with_experiment(self, request: ImportRequest) -> ImportRequest:
        """An experiment that is named by its ID gives the session its label."""
        if request.experiment is None:
            return request
        with suppress(NotFoundError):
            found = Archive(self.store.database, self.store.tree).find(request.experiment, request.project)
            return evolve(request, session=found.label)
        return request

    def _refuse_busy(self, request: ImportRequest) -> None:
        if request.timestamp is None or request.folder is None:
            return
        named = select(session).where(
            session.c.project == ("" if request.project in {None, UNASSIGNED} else request.project),
            session.c.timestamp == request.timestamp,
            session.c.folder == request.folder,
        )
        with self.store.database.read() as connection:
            row = connection.execute(named).first()
        if row is not None and row.status in BUSY:
            raise LockedSessionError.of(row, "Prearc destination is locked")
