"""The sessions that a service is asked to work on: one or more ``src``, or one by its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xnat_import_core.errors import NotFoundError
from xnat_import_core.models import Action, Principal
from xnat_import_server.open_sessions import SessionAddress, open_session, project_or_none, session_address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_server.parameters import Parameters
    from xnat_import_server.site import Site

__all__ = ["NAMES", "open_sources"]

NAMES = ("src", "PREARC_TIMESTAMP", "PREARC_SESSION_FOLDER")
"""Parameters that name them, and mean nothing else."""


def open_sources(site: Site, caller: Principal, parameters: Parameters) -> list[PrearchiveRow]:
    """All of them, or none.

    Raises:
        NotFoundError: None is named, or one is not there for this caller.
        ForbiddenError: One may not be opened by this caller.
        InvalidRequestError: A ``src`` is no address of a prearchive session.
    """
    addresses = [session_address(src) for src in dict.fromkeys(parameters.all("src"))] or _by_parts(parameters)
    if not addresses:
        message = "Unknown prearchive session. Name it: src=/prearchive/projects/P/TIMESTAMP/SESSION."
        raise NotFoundError(message)
    _refuse_unknown_projects(site, caller, dict.fromkeys(address.project for address in addresses))
    return [open_session(site, caller, address) for address in addresses]


def _by_parts(parameters: Parameters) -> list[SessionAddress]:
    project = parameters.text("project") or parameters.text("PROJECT_ID")
    parts = project, parameters.text("PREARC_TIMESTAMP"), parameters.text("PREARC_SESSION_FOLDER")
    return [SessionAddress(*parts)] if all(parts) else []


def _refuse_unknown_projects(site: Site, caller: Principal, names: Iterable[str]) -> None:
    known = {name: project_or_none(site, name) for name in names}
    unknown = [name for name, project in known.items() if project is not None and not caller.may(Action.READ, project)]
    if unknown:
        message = f"Unknown prearchive session. One or more specified projects does not exist: {', '.join(unknown)}"
        raise NotFoundError(message)
