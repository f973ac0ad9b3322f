"""``POST /data/services/archive`` and ``validate-archive``, and how an archiving is taken back."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from attrs import asdict, evolve, frozen
from starlette.responses import JSONResponse, Response

from xnat_import_core.archive import ArchiveRequest, Entry
from xnat_import_core.archive.conflicts import conflict
from xnat_import_core.errors import ArchiveConflictError, InvalidRequestError, NotFoundError
from xnat_import_core.models import Space
from xnat_import_core.prearchive.statuses import Status
from xnat_import_server.addresses import data_uri
from xnat_import_server.asking import ask, work
from xnat_import_server.batches import Batch, in_background
from xnat_import_server.formats import preferred
from xnat_import_server.listings import listing
from xnat_import_server.parameters import Parameters, parameters_of
from xnat_import_server.routes.projects import visible_project
from xnat_import_server.routes.resource import resource
from xnat_import_server.session_requests import archive_request
from xnat_import_server.site import Site, caller_of, site_of
from xnat_import_server.sources import NAMES, open_sources
from xnat_import_server.validation import VALIDATION_COLUMNS, validation_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.routing import Route

    from xnat_import_core.models import ArchiveOutcome, ArchivePlan, Principal
    from xnat_import_core.parameters import ImportRequest
    from xnat_import_core.prearchive import PrearchiveRow

__all__ = ["routes"]


@frozen
class _Asked:
    """Sessions that are to be archived, and how."""

    site: Site
    caller: Principal
    rows: list[PrearchiveRow]
    parameters: ImportRequest
    entry: Entry

    @classmethod
    def of(cls, site: Site, caller: Principal, sent: Parameters) -> _Asked:
        """Everything that can be refused before anything is done is refused here."""
        rows = open_sources(site, caller, sent)
        parameters = sent.read(site, *NAMES)
        if parameters.space is Space.PREARCHIVE:
            message = "Parameter dest: archiving goes to /archive/projects/P[/subjects/S[/experiments/E]]."
            raise InvalidRequestError(message)
        return cls(site, caller, rows, parameters, Entry.SERVICE_MANY if len(rows) > 1 else Entry.SERVICE)

    def archive(self, row: PrearchiveRow) -> ArchiveOutcome:
        """Archive one session."""
        if row.project is None:
            message = "Cannot archive sessions from the Unassigned folder."
            raise InvalidRequestError(message)
        return self.site.service.archiver.archive(row, self._request(row), self.caller)

    def plan(self, row: PrearchiveRow) -> ArchivePlan:
        """What archiving one session would do."""
        return self.site.service.archiver.plan(row, self._request(row), self.caller)

    def _request(self, row: PrearchiveRow) -> ArchiveRequest:
        self._refuse_other_project(row)
        request = archive_request(self.parameters, self.entry)
        return evolve(request, label=self._label(row) or request.label)

    def _label(self, row: PrearchiveRow) -> str | None:
        """The label of an experiment that is named by its ID."""
        if self.parameters.experiment:
            with suppress(NotFoundError):
                return self.site.service.archive.find(self.parameters.experiment, row.project).label
        return None

    def _refuse_other_project(self, row: PrearchiveRow) -> None:
        if self.parameters.project is None or row.project is None:
            return
        named = visible_project(self.site, self.caller, self.parameters.project).id
        if named != row.project:
            other = conflict("project", existing=named, incoming=row.project)
            raise ArchiveConflictError(other.detail, [other])


async def archive(request: Request) -> Response:
    """One source: the experiment's address. Several: their rows. ``plan=true``: what would be done."""
    site, sent = site_of(request), await parameters_of(request)
    asked = await ask(site, partial(_Asked.of, site, caller_of(request), sent))
    if asked.parameters.plan:
        plans = await work(site, lambda: [{"src": data_uri(row.uri), **asdict(asked.plan(row))} for row in asked.rows])
        return JSONResponse({"plans": plans})
    if len(asked.rows) > 1:
        batch = Batch(site, Status.QUEUED_ARCHIVING, partial(_archived_cells, asked))
        return await batch.answer(request, asked.rows, background=in_background(sent, default=False))
    outcome = await work(site, partial(asked.archive, asked.rows[0]))
    return _answer(request, outcome, redirect=sent.flag("redirect"))


async def validate(request: Request) -> Response:
    """What archiving a session would run into: ``code,type,message``."""
    site, sent = site_of(request), await parameters_of(request)
    asked = await ask(site, partial(_Asked.of, site, caller_of(request), sent))
    if len(asked.rows) > 1:
        message = "Validation takes one src at a time."
        raise InvalidRequestError(message)
    plan = await work(site, partial(asked.plan, asked.rows[0]))
    return listing(request, VALIDATION_COLUMNS, validation_rows(plan))


async def undo(request: Request) -> Response:
    """``POST /xapi/deeds/ID/undo``: the session is in the prearchive again."""
    site, deed = site_of(request), request.path_params["deed"]
    uri = await work(site, partial(site.service.archiver.undo, deed, caller_of(request)))
    return JSONResponse({"deed": deed, "uri": data_uri(uri)})


def routes() -> list[Route]:
    """The routes of this family."""
    return [
        resource("/data/services/archive", POST=archive),
        resource("/data/services/validate-archive", POST=validate),
        resource("/xapi/deeds/{deed}/undo", POST=undo),
    ]


def _archived_cells(asked: _Asked, row: PrearchiveRow) -> Mapping[str, object]:
    return {"status": Status.ARCHIVED.value, "url": asked.archive(row).uri}


def _answer(request: Request, outcome: ArchiveOutcome, *, redirect: bool) -> Response:
    uri = data_uri(outcome.uri)
    headers = {"X-Deed-Id": outcome.deed}
    if redirect:
        headers["Location"] = f"{request.scope.get('root_path', '')}{uri}"
    status = 303 if redirect else 200
    if preferred(request) == "application/json":
        told = {"uri": uri, "experiment": outcome.experiment, "deed": outcome.deed}
        return JSONResponse({**told, "plan": asdict(outcome.plan)}, status, headers)
    return Response(f"{uri}\r\n", status, {**headers, "Content-Type": "text/uri-list"})
