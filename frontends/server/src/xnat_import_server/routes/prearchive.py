"""``/data/prearchive``: listings, and what lies in a session."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen
from starlette.responses import Response

from xnat_import_core.errors import ForbiddenError, NotFoundError
from xnat_import_core.models import Action, Principal
from xnat_import_server.addresses import data_uri
from xnat_import_server.asking import ask, work
from xnat_import_server.files import file_answer
from xnat_import_server.formats import wanted
from xnat_import_server.listings import listing
from xnat_import_server.open_sessions import SessionAddress, may_open, open_session, project_or_none
from xnat_import_server.prearchive_rows import COLUMNS, cells_of
from xnat_import_server.routes.prearchive_actions import SESSION, act
from xnat_import_server.routes.resource import resource
from xnat_import_server.site import Site, caller_of, site_of

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.routing import Route

    from xnat_import_core.prearchive import Prearchive, PrearchiveRow

__all__ = ["routes"]

_NO_DOCUMENT = (
    "The named session exists, but its XNAT session document is not available. The session is likely invalid or "
    "incomplete."
)


@frozen
class _Asked:
    """What a request asks for, without the request: threads work on this."""

    site: Site
    caller: Principal
    address: SessionAddress

    @classmethod
    def by(cls, request: Request) -> _Asked:
        return cls(site_of(request), caller_of(request), SessionAddress.of(request))

    @property
    def prearchive(self) -> Prearchive:
        return self.site.service.prearchive

    def row(self) -> PrearchiveRow:
        return open_session(self.site, self.caller, self.address)


async def list_all(request: Request) -> Response:
    """``GET /data/prearchive``: sessions that the caller may open, ``tag=UID`` those of one study."""
    site, caller = site_of(request), caller_of(request)
    tag = request.query_params.get("tag") or None
    rows = await ask(site, partial(site.service.prearchive.rows, None, tag))
    return _rows(request, [row for row in rows if may_open(caller, row)])


async def list_projects(request: Request) -> Response:
    """``GET /data/prearchive/projects/P[,P2]``."""
    names = [name for name in request.path_params["projects"].split(",") if name]
    return _rows(request, await ask(site_of(request), partial(_rows_of, site_of(request), caller_of(request), names)))


async def get_session(request: Request) -> Response:
    """``GET .../P/T/F``: its row, or its document (``format=xml``)."""
    asked = _Asked.by(request)
    row = await ask(asked.site, asked.row)
    if wanted(request, ("json", "xml", "csv")) != "xml":
        return _rows(request, [row])
    document = await ask(asked.site, partial(_document, asked.prearchive, row))
    return Response(document, media_type="application/xml")


async def delete_session(request: Request) -> Response:
    """``DELETE .../P/T/F``: whoever may edit may delete; it waits in the trash for a while."""
    asked = _Asked.by(request)
    await work(asked.site, lambda: asked.site.service.operations.delete(asked.row(), asked.caller))
    return Response()


async def list_scans(request: Request) -> Response:
    """``GET .../F/scans``."""
    asked = _Asked.by(request)
    scans = await ask(asked.site, lambda: asked.prearchive.scans(asked.row()))
    rows = [{"ID": s.id, "xsiType": s.xsi_type, "series_description": s.series_description} for s in scans]
    return listing(request, ("ID", "xsiType", "series_description"), rows, filters=("ID", "xsiType"))


async def list_resources(request: Request) -> Response:
    """``GET .../F/scans/N/resources``."""
    asked, scan = _Asked.by(request), request.path_params["scan"]
    found = await ask(asked.site, lambda: asked.prearchive.resources(asked.row(), scan))
    rows = [{"label": r.label, "file_count": r.file_count, "file_size": r.file_size} for r in found]
    return listing(request, ("label", "file_count", "file_size"), rows, filters=("label",))


async def list_all_resources(request: Request) -> Response:
    """``GET .../F/resources``: of all scans, and of the session itself."""
    asked = _Asked.by(request)
    rows = await ask(asked.site, partial(_all_resources, asked))
    return listing(request, ("category", "cat_id", "label", "file_count", "file_size"), rows, filters=("label",))


async def list_files(request: Request) -> Response:
    """``GET .../resources/R/files``, of a scan or of the session."""
    asked, path = _Asked.by(request), request.path_params
    found = await ask(asked.site, lambda: asked.prearchive.files(asked.row(), path.get("scan"), path["resource"]))
    scan = f"/scans/{path['scan']}" if "scan" in path else ""
    session = f"/prearchive/projects/{path['project']}/{path['timestamp']}/{path['folder']}"
    here = f"{session}{scan}/resources/{path['resource']}"
    rows = [{"Name": f.name, "Size": f.size, "URI": data_uri(f"{here}/files/{f.name}")} for f in found]
    return listing(request, ("Name", "Size", "URI"), rows, filters=("Name",))


async def get_file(request: Request) -> Response:
    """``GET .../files/F``: the bytes; ranges and conditional requests work."""
    asked = _Asked.by(request)
    path = await ask(asked.site, partial(_file, asked, request.path_params))
    return file_answer(path, request.path_params["resource"])


def routes() -> list[Route]:
    """The routes of this family."""
    resources = ("/scans/{scan}/resources/{resource}/files", "/resources/{resource}/files")
    return [
        resource("/data/prearchive", GET=list_all),
        resource("/data/prearchive/projects", GET=list_all),
        resource("/data/prearchive/projects/{projects}", GET=list_projects),
        resource(SESSION, GET=get_session, POST=act, DELETE=delete_session),
        resource(f"{SESSION}/scans", GET=list_scans),
        resource(f"{SESSION}/scans/{{scan}}/resources", GET=list_resources),
        resource(f"{SESSION}/resources", GET=list_all_resources),
        *(resource(SESSION + place, GET=list_files) for place in resources),
        *(resource(f"{SESSION}{place}/{{file:path}}", GET=get_file) for place in resources),
    ]


def _rows(request: Request, rows: list[PrearchiveRow]) -> Response:
    zone = site_of(request).service.settings.timezone
    cells = [cells_of(row, zone) for row in rows]
    return listing(request, COLUMNS, cells, filters=("project", "subject", "name", "status"))


def _rows_of(site: Site, caller: Principal, names: list[str]) -> list[PrearchiveRow]:
    projects: list[str | None] = []
    for name in names:
        project = project_or_none(site, name)
        if project is not None and not caller.may(Action.READ, project):
            message = f"The current user does not have access to the requested project: {name}"
            raise ForbiddenError(message)
        projects.append(project)
    rows = site.service.prearchive.rows(projects)
    return [row for row in rows if row.project is not None or may_open(caller, row)]


def _document(prearchive: Prearchive, row: PrearchiveRow) -> bytes:
    path = prearchive.document(row)
    if path is None:
        raise NotFoundError(_NO_DOCUMENT)
    return path.read_bytes()


def _all_resources(asked: _Asked) -> list[dict[str, object]]:
    row = asked.row()
    places: list[tuple[str, str | None]] = [("scans", scan.id) for scan in asked.prearchive.scans(row)]
    return [
        {"category": category, "cat_id": scan, "label": r.label, "file_count": r.file_count, "file_size": r.file_size}
        for category, scan in [*places, ("resources", None)]
        for r in asked.prearchive.resources(row, scan)
    ]


def _file(asked: _Asked, path: dict[str, str]) -> Path:
    return asked.prearchive.file(asked.row(), path.get("scan"), path["resource"], path["file"])
