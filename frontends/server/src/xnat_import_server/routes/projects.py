"""``/data/projects`` and ``/data/archive/projects``: what an import needs of projects."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from anyio import to_thread
from starlette.responses import JSONResponse, PlainTextResponse, Response

from xnat_import_core.errors import ForbiddenError, InvalidRequestError, NotFoundError
from xnat_import_core.models import Action, Principal
from xnat_import_server.formats import wanted
from xnat_import_server.listings import listing
from xnat_import_server.routes.resource import resource
from xnat_import_server.site import Site, caller_of, site_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

    from xnat_import_core.projects import Project

__all__ = ["routes", "visible_project"]

_COLUMNS = ("ID", "secondary_ID", "name", "description", "pi_firstname", "pi_lastname", "URI")
_RIGHTS = {"read": Action.READ, "edit": Action.EDIT, "create": Action.CREATE, "delete": Action.DELETE}
_CODES = {"0": 0, "false": 0, "4": 4, "5": 5, "11": 11}
_PROJECT_XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<xnat:Project ID={id} secondary_ID={name} xmlns:xnat="http://nrg.wustl.edu/xnat"><xnat:name>{text}</xnat:name>'
    "</xnat:Project>\n"
)


async def list_projects(request: Request) -> Response:
    """``GET /data/projects``: with ``permissions=`` under lower-case keys, which the Desktop Client reads."""
    site, caller = site_of(request), caller_of(request)
    right = request.query_params.get("permissions", "").lower()
    if right and right not in _RIGHTS:
        message = f"Parameter permissions: use {', '.join(_RIGHTS)}."
        raise InvalidRequestError(message)
    action = _RIGHTS.get(right, Action.READ)
    found = await to_thread.run_sync(site.service.projects.all, limiter=site.reading)
    rows = [_row(project) for project in found if caller.may(action, project.id)]
    if right:
        lower = [{key.lower(): value for key, value in row.items()} for row in rows]
        return listing(request, [key.lower() for key in _COLUMNS], lower, filters=("id", "name"))
    return listing(request, _COLUMNS, rows, filters=("ID", "name"))


async def get_project(request: Request) -> Response:
    """``GET /data/projects/P``: XNAT's item, in JSON or XML."""
    form = wanted(request, ("json", "xml"))
    project = await to_thread.run_sync(_visible, request, limiter=site_of(request).reading)
    name = project.name or project.id
    if form == "xml":
        text = _PROJECT_XML.format(id=quoteattr(project.id), name=quoteattr(name), text=escape(name))
        return Response(text, media_type="application/xml")
    meta = {"xsi:type": "xnat:projectData", "isHistory": False}
    fields = {"ID": project.id, "secondary_ID": name, "name": name}
    return JSONResponse({"items": [{"meta": meta, "data_fields": fields, "children": []}]})


async def put_project(request: Request) -> Response:
    """``PUT /data/projects/P``: made, and owned by who made it; known: 200 for its owner."""
    site, caller, name = site_of(request), caller_of(request), request.path_params["project"]
    title = request.query_params.get("name") or request.query_params.get("xnat:projectData/name") or ""
    made = await to_thread.run_sync(_make, site, caller, name, title, limiter=site.reading)
    return PlainTextResponse(name, 201 if made else 200)


async def get_code(request: Request) -> Response:
    """``GET /data/projects/P/prearchive_code``: the bare number."""
    project = await to_thread.run_sync(_visible, request, limiter=site_of(request).reading)
    return PlainTextResponse(str(project.code))


async def put_code(request: Request) -> Response:
    """``PUT /data/projects/P/prearchive_code/N``: owners only (spec ruling 31)."""
    project = await to_thread.run_sync(_visible, request, limiter=site_of(request).reading)
    if not caller_of(request).may(Action.OWN, project.id):
        message = f"Only an owner of project {project.id} may set its prearchive_code."
        raise ForbiddenError(message)
    code = _CODES.get(request.path_params["code"].lower())
    if code is None:
        message = "prearchive_code: use 0 (prearchive only), 4 (auto-archive), 5 (and overwrite) or 11 (new ones only)."
        raise InvalidRequestError(message)
    projects = site_of(request).service.projects
    await to_thread.run_sync(projects.set_code, project.id, code, limiter=site_of(request).reading)
    return PlainTextResponse(str(code))


def visible_project(site: Site, caller: Principal, name: str) -> Project:
    """A project by ID or alias, if the caller may know of it.

    Raises:
        NotFoundError: There is none, or the caller may not read it: the same words for both.
    """
    project = site.service.projects.find(name)
    if project is None or not caller.may(Action.READ, project.id):
        message = f"Unable to find the specified project: {name}"
        raise NotFoundError(message)
    return project


def routes() -> list[Route]:
    """The routes of this family."""
    return [
        resource("/data/projects", GET=list_projects),
        resource("/data/projects/{project}", GET=get_project, PUT=put_project),
        resource("/data/projects/{project}/prearchive_code", GET=get_code),
        resource("/data/projects/{project}/prearchive_code/{code}", PUT=put_code),
    ]


def _visible(request: Request) -> Project:
    return visible_project(site_of(request), caller_of(request), request.path_params["project"])


def _make(site: Site, caller: Principal, name: str, title: str) -> bool:
    project = site.service.projects.find(name)
    if project is None:
        made = bool(site.service.projects.create(name, name=title, user=caller.name))
        site.users.make_owner(caller.name, name)
        return made
    if not caller.may(Action.OWN, project.id):
        message = f"Project {name} exists already, and only its owner may change it; choose another ID."
        raise ForbiddenError(message)
    return False


def _row(project: Project) -> dict[str, str]:
    name = project.name or project.id
    return {"ID": project.id, "secondary_ID": name, "name": name, "URI": f"/data/projects/{project.id}"}
