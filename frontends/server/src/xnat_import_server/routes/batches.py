"""``POST /data/services/prearchive/delete``, ``move``, ``rebuild``: with as many ``src`` as you like."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from xnat_import_core.errors import InvalidRequestError
from xnat_import_core.operations.rights import project_to_move_to
from xnat_import_core.prearchive.statuses import Status
from xnat_import_server.asking import ask
from xnat_import_server.batches import Batch, in_background
from xnat_import_server.open_sessions import open_session, session_address
from xnat_import_server.parameters import parameters_of
from xnat_import_server.routes.resource import resource
from xnat_import_server.session_requests import build_request
from xnat_import_server.site import caller_of, site_of
from xnat_import_server.sources import NAMES, open_sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_server.parameters import Parameters

__all__ = ["routes"]

_DELETED = "DELETED"


async def delete(request: Request) -> Response:
    """Move sessions to the trash."""
    site, caller, parameters = site_of(request), caller_of(request), await parameters_of(request)

    def do(row: PrearchiveRow) -> Mapping[str, object]:
        site.service.operations.delete(row, caller)
        return {"status": _DELETED}

    return await _answer(request, parameters, Batch(site, Status.QUEUED_DELETING, do))


async def move(request: Request) -> Response:
    """Move sessions into the project ``newProject``."""
    site, caller, parameters = site_of(request), caller_of(request), await parameters_of(request)
    name = parameters.text("newProject")
    if not name:
        message = "Parameter newProject is missing: name the project to move the sessions to."
        raise InvalidRequestError(message)
    target = await ask(site, partial(project_to_move_to, name, site.service.projects, caller))

    def do(row: PrearchiveRow) -> Mapping[str, object]:
        uri = site.service.operations.move(row, caller, target.id)
        return batch.cells(open_session(site, caller, session_address(uri)))

    batch = Batch(site, Status.QUEUED_MOVING, do)
    return await _answer(request, parameters, batch)


async def rebuild(request: Request) -> Response:
    """Build sessions anew; nothing is archived afterwards."""
    site, caller, parameters = site_of(request), caller_of(request), await parameters_of(request)
    asked = build_request(await ask(site, partial(parameters.read, site, *NAMES)))

    def do(row: PrearchiveRow) -> Mapping[str, object]:
        uri = site.service.operations.build(row, caller, asked)
        return batch.cells(open_session(site, caller, session_address(uri)))

    batch = Batch(site, Status.QUEUED_BUILDING, do)
    return await _answer(request, parameters, batch)


def routes() -> list[Route]:
    """The routes of this family."""
    services = {"delete": delete, "move": move, "rebuild": rebuild}
    return [resource(f"/data/services/prearchive/{name}", POST=service) for name, service in services.items()]


async def _answer(request: Request, parameters: Parameters, batch: Batch) -> Response:
    rows = await ask(batch.site, partial(open_sources, batch.site, caller_of(request), parameters))
    return await batch.answer(request, rows, background=in_background(parameters, default=True))
