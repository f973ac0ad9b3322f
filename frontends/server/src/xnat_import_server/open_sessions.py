"""Prearchive sessions as a caller may open them: by the parts of an address, or by the address itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from xnat_import_core.errors import ForbiddenError, InvalidRequestError, NotFoundError
from xnat_import_core.models import Action, Space
from xnat_import_core.uploads import parse_destination
from xnat_import_server.accounts import is_admin
from xnat_import_server.site import Site, caller_of, site_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from xnat_import_core.models import Principal
    from xnat_import_core.prearchive import PrearchiveRow

__all__ = ["SessionAddress", "may_open", "open_session", "opened", "project_or_none", "session_address"]

_NO_SESSION = "Unknown prearchive session."


@frozen
class SessionAddress:
    """Where a session is said to be."""

    project: str
    timestamp: str
    folder: str

    @classmethod
    def of(cls, request: Request) -> SessionAddress:
        """From the path of a request."""
        path = request.path_params
        return cls(path["project"], path["timestamp"], path["folder"])


def session_address(src: str) -> SessionAddress:
    """Read a ``src``: with or without ``/data``, raw or encoded.

    Raises:
        InvalidRequestError: It is no address of a prearchive session.
    """
    try:
        path = parse_destination(src)
    except InvalidRequestError:
        path = None
    if path and path.space is Space.PREARCHIVE and path.project and path.timestamp and path.folder:
        return SessionAddress(path.project, path.timestamp, path.folder)
    message = f"Invalid src URI ({src[:200]}): use /prearchive/projects/P/TIMESTAMP/SESSION."
    raise InvalidRequestError(message)


def open_session(site: Site, caller: Principal, address: SessionAddress) -> PrearchiveRow:
    """The session, if the caller may open it: editors of the project; in Unassigned admins and the uploader.

    Raises:
        NotFoundError: There is none, or the caller may not know of it.
        ForbiddenError: The caller may know of it, and no more.
    """
    project = project_or_none(site, address.project)
    if project is not None and not caller.may(Action.READ, project):
        raise NotFoundError(_NO_SESSION)
    row = site.service.prearchive.find(project, address.timestamp, address.folder)
    if not may_open(caller, row):
        if project is None:
            raise NotFoundError(_NO_SESSION)
        message = f"You may list the prearchive of project {project}, but not open a session in it."
        raise ForbiddenError(message)
    return row


def opened(request: Request) -> PrearchiveRow:
    """The session of a request's path. Raises as ``open_session``."""
    return open_session(site_of(request), caller_of(request), SessionAddress.of(request))


def may_open(caller: Principal, row: PrearchiveRow) -> bool:
    """Whether the caller may open a session."""
    if row.project is None:
        return is_admin(caller) or (bool(row.user) and row.user == caller.name)
    return caller.may(Action.EDIT, row.project)


def project_or_none(site: Site, name: str) -> str | None:
    """The ID behind a name of the address; ``None`` for Unassigned. A name that nobody has stays what it is."""
    if name.lower() == "unassigned":
        return None
    project = site.service.projects.find(name)
    return project.id if project else name
