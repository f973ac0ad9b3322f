"""``POST /data/prearchive/projects/P/T/F?action=...``: what can be done with one session, and its log."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import frozen
from starlette.responses import PlainTextResponse, Response

from xnat_import_core.errors import InvalidRequestError
from xnat_import_core.prearchive.logbook import LogEntry, find_entry
from xnat_import_server.addresses import data_uri
from xnat_import_server.asking import ask, work
from xnat_import_server.listings import listing
from xnat_import_server.open_sessions import SessionAddress, open_session, opened
from xnat_import_server.parameters import Parameters, parameters_of
from xnat_import_server.prearchive_rows import time_text
from xnat_import_server.routes.resource import resource
from xnat_import_server.session_requests import build_request, commit_request
from xnat_import_server.site import Site, caller_of, site_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.routing import Route

    from xnat_import_core.models import Principal
    from xnat_import_core.operations import Operations
    from xnat_import_core.prearchive import PrearchiveRow

__all__ = ["SESSION", "act", "routes"]

SESSION: Final = "/data/prearchive/projects/{project}/{timestamp}/{folder}"


@frozen
class _Asked:
    """An action that was asked for."""

    site: Site
    caller: Principal
    address: SessionAddress
    parameters: Parameters

    @property
    def operations(self) -> Operations:
        return self.site.service.operations

    def answer(self) -> Response:
        """Find the session, then do it: whoever may not know of the session learns nothing of actions either."""
        row = open_session(self.site, self.caller, self.address)
        name = self.parameters.text("action")
        action = _ACTIONS.get(name)
        if action is None:
            raise InvalidRequestError(self._no_action(name))
        return action(self, row)

    def _no_action(self, name: str) -> str:
        if not name:
            return f"No action parameter was specified for the request by user {self.caller.name}"
        asked = f"User {self.caller.name} requested an unsupported action on prearchive session: {name[:64]}"
        return f"{asked}. Use {', '.join(_ACTIONS)}."


_Action: TypeAlias = "Callable[[_Asked, PrearchiveRow], Response]"


async def act(request: Request) -> Response:
    """``POST .../P/T/F``: the parameters may come in the query, a form or a JSON body."""
    site, caller = site_of(request), caller_of(request)
    asked = _Asked(site, caller, SessionAddress.of(request), await parameters_of(request))
    return await work(site, asked.answer)


async def delete_scan(request: Request) -> Response:
    """``DELETE .../F/scans/N``: it waits in the trash for a while."""
    site, caller, scan = site_of(request), caller_of(request), request.path_params["scan"]
    await work(site, lambda: site.service.operations.delete_scan(opened(request), scan, caller))
    return Response()


async def list_logs(request: Request) -> Response:
    """``GET .../F/logs``, oldest first; ``template=ids``: IDs only."""
    entries = await ask(site_of(request), partial(_logs, request))
    zone = site_of(request).service.settings.timezone
    rows = [{"id": each.id, "date": time_text(each.date, zone), "entry": each.entry} for each in entries]
    only_ids = request.query_params.get("template") == "ids"
    return listing(request, ("id",) if only_ids else ("id", "date", "entry"), rows)


async def get_log(request: Request) -> Response:
    """``GET .../F/logs/ID`` or ``.../logs/last``: its text."""
    entries = await ask(site_of(request), partial(_logs, request))
    return PlainTextResponse(find_entry(entries, request.path_params["entry"]).entry)


def routes() -> list[Route]:
    """The routes of this family; the session itself is among those of ``prearchive``."""
    return [
        resource(f"{SESSION}/scans/{{scan}}", DELETE=delete_scan),
        resource(f"{SESSION}/logs", GET=list_logs),
        resource(f"{SESSION}/logs/{{entry}}", GET=get_log),
    ]


def _logs(request: Request) -> tuple[LogEntry, ...]:
    return site_of(request).service.operations.logs(opened(request))


def _build(asked: _Asked, row: PrearchiveRow) -> Response:
    request = build_request(asked.parameters.read(asked.site))
    return _at(asked.operations.build(row, asked.caller, request))


def _commit(asked: _Asked, row: PrearchiveRow) -> Response:
    done = asked.operations.commit(row, asked.caller, commit_request(asked.parameters.read(asked.site)))
    uris = [each.uri for each in (done, *done.others)]
    return _at(*uris, moved=done.archived)


def _move(asked: _Asked, row: PrearchiveRow) -> Response:
    project = asked.parameters.text("newProject")
    if not project:
        message = "Parameter newProject is missing: name the project to move the session to."
        raise InvalidRequestError(message)
    return _at(asked.operations.move(row, asked.caller, project), moved=True)


def _reset_status(asked: _Asked, row: PrearchiveRow) -> Response:
    return _at(asked.operations.reset_status(row, asked.caller))


def _set_status(asked: _Asked, row: PrearchiveRow) -> Response:
    asked.operations.set_status(row, asked.caller, asked.parameters.text("status"))
    return Response()


def _at(*uris: str, moved: bool = False) -> Response:
    """Bare addresses. No ``Location`` with 301: HTTP libraries would follow it and lose the body."""
    text = "\r\n".join(map(data_uri, uris))
    return Response(text, 301 if moved else 200, {"Content-Type": "text/uri-list"})


_ACTIONS: Final[Mapping[str, _Action]] = MappingProxyType(
    {
        "build": _build,
        "commit": _commit,
        "move": _move,
        "reset-status": _reset_status,
        "set-status": _set_status,
    }
)
