"""Commands that do something with each of several prearchive sessions."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from xnat_import_core.cli.failures import REFUSED, tell
from xnat_import_core.cli.store import json_option, open_service, store_option
from xnat_import_core.errors import InvalidRequestError, XnatImportError
from xnat_import_core.uploads.destination import UNASSIGNED, normal_project, parse_destination

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.service import Service

__all__ = ["find_session", "session_path", "sessions", "with_each"]


def sessions(command: Callable[..., None]) -> Callable[..., None]:
    """Add the addresses, ``--store`` and ``--json`` to a command."""
    return click.argument("uris", nargs=-1, required=True, metavar="URI...")(store_option(json_option(command)))


def with_each(
    uris: tuple[str, ...], store: Path, work: Callable[[Service, PrearchiveRow], str], *, as_json: bool
) -> None:
    """Do it with each session; tell what came of it, and why it could not be done."""
    told: list[dict[str, object]] = []
    with open_service(store, make=False) as service:
        for uri in uris:
            try:
                told.append({"uri": uri, "result": work(service, find_session(service, session_path(uri)))})
            except XnatImportError as error:
                told.append({"uri": uri, "status": error.status, "error": error.message})
                tell(error)
    if as_json:
        click.echo(json.dumps(told))
    else:
        click.echo("".join(f"{each['result']}\n" for each in told if "result" in each), nl=False)
    if any("error" in each for each in told):
        click.get_current_context().exit(REFUSED)


def find_session(service: Service, address: tuple[str, str, str]) -> PrearchiveRow:
    """The session of an address. Raises NotFoundError."""
    project, timestamp, folder = address
    return service.prearchive.find(_stored_project(project), timestamp, folder)


def session_path(uri: str) -> tuple[str, str, str]:
    """Project, timestamp and folder of an address. Raises InvalidRequestError where it is none."""
    with suppress(InvalidRequestError):
        path = parse_destination(uri)
        if path and path.project and path.timestamp and path.folder:
            return path.project, path.timestamp, path.folder
    message = "A prearchive session's address is /prearchive/projects/P/TIMESTAMP/SESSION."
    raise InvalidRequestError(message)


def _stored_project(project: str) -> str | None:
    return None if normal_project(project) == UNASSIGNED else project
