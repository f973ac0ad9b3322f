"""``xnat-import prearchive``: the sessions that wait."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path  # noqa: TC003 - one import for annotation and option type in all commands
from typing import TYPE_CHECKING

import click
from attrs import asdict

from xnat_import_core.cli.report import columns
from xnat_import_core.cli.store import json_option, open_service, store_option
from xnat_import_core.errors import InvalidRequestError, NotFoundError
from xnat_import_core.uploads.destination import UNASSIGNED, normal_project, parse_destination

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.service import Service

__all__ = ["prearchive"]


@click.group()
def prearchive() -> None:
    """Look at sessions that wait in the prearchive."""


@prearchive.command("list")
@click.option("--project", help="Only sessions of this project; Unassigned for those without one.")
@store_option
@json_option
def list_(project: str | None, store: Path, *, as_json: bool) -> None:
    """List all sessions."""
    with open_service(store, make=False) as service:
        rows = service.prearchive.rows(None if project is None else [_known_project(service, project)])
    if as_json:
        click.echo(json.dumps([{"uri": row.uri, **asdict(row)} for row in rows], default=str))
    elif rows:
        click.echo(_table(rows))


@prearchive.command("show")
@click.argument("uri")
@store_option
@json_option
def show(uri: str, store: Path, *, as_json: bool) -> None:
    """Show one session and its scans, by its address: /prearchive/projects/P/TIMESTAMP/SESSION."""
    project, timestamp, folder = _session_path(uri)
    with open_service(store, make=False) as service:
        row = service.prearchive.find(_stored_project(project), timestamp, folder)
        scans = service.prearchive.scans(row)
    if as_json:
        session = {"uri": row.uri, **asdict(row), "scans": [asdict(scan) for scan in scans]}
        click.echo(json.dumps(session, default=str))
        return
    click.echo(_table([row]))
    if scans:
        click.echo(
            columns(
                [
                    ("SCAN", "TYPE", "DESCRIPTION"),
                    *((scan.id, scan.xsi_type, scan.series_description) for scan in scans),
                ]
            )
        )


def _session_path(uri: str) -> tuple[str, str, str]:
    with suppress(InvalidRequestError):
        path = parse_destination(uri)
        if path and path.project and path.timestamp and path.folder:
            return path.project, path.timestamp, path.folder
    message = "A prearchive session's address is /prearchive/projects/P/TIMESTAMP/SESSION."
    raise InvalidRequestError(message)


def _known_project(service: Service, project: str) -> str | None:
    if normal_project(project) == UNASSIGNED:
        return None
    found = service.projects.find(project)
    if found is None:
        message = f"There is no project {project}; see 'xnat-import project list'."
        raise NotFoundError(message)
    return found.id


def _stored_project(project: str) -> str | None:
    return None if normal_project(project) == UNASSIGNED else project


def _table(rows: Iterable[PrearchiveRow]) -> str:
    listed = ((row.status, row.name, row.subject, row.uri) for row in rows)
    return columns([("STATUS", "LABEL", "SUBJECT", "ADDRESS"), *listed])
