"""``xnat-import prearchive``: the sessions that wait, and what can be done with them."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - one import for annotation and option type in all commands
from typing import TYPE_CHECKING

import click
from attrs import asdict

from xnat_import_core.cli.report import columns
from xnat_import_core.cli.sessions import find_session, session_path, sessions, with_each
from xnat_import_core.cli.store import json_option, open_service, store_option
from xnat_import_core.errors import NotFoundError
from xnat_import_core.uploads.destination import UNASSIGNED, normal_project

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.service import Service

__all__ = ["prearchive"]


@click.group()
def prearchive() -> None:
    """Look at sessions that wait in the prearchive, and build, commit, move or delete them.

    A session is named by its address: /prearchive/projects/P/TIMESTAMP/SESSION. Where several are named, each is done
    that can be; exit status 1 says that one could not.
    """


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
    address = session_path(uri)
    with open_service(store, make=False) as service:
        row = find_session(service, address)
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


@prearchive.command("build")
@click.option("--visit", help="For the document; else what came with the session.")
@click.option("--protocol", help="Likewise.")
@sessions
def build(uris: tuple[str, ...], store: Path, visit: str | None, protocol: str | None, *, as_json: bool) -> None:
    """Make catalogs and document anew."""
    from xnat_import_core.operations import BuildRequest  # noqa: PLC0415 - slow to import, as in all commands below

    request = BuildRequest(visit=visit, protocol=protocol)
    with_each(uris, store, lambda service, row: service.operations.build(row, service.owner, request), as_json=as_json)


@prearchive.command("commit")
@click.option("--archive/--no-archive", default=None, help="Archive, or not, whatever session and project say.")
@sessions
def commit(uris: tuple[str, ...], store: Path, archive: bool | None, *, as_json: bool) -> None:  # noqa: FBT001 - yes, no, not said
    """Build, then archive if session or project say so; the address of what came of it."""
    from xnat_import_core.operations import CommitRequest  # noqa: PLC0415

    request = CommitRequest(auto_archive=archive)

    def work(service: Service, row: PrearchiveRow) -> str:
        return service.operations.commit(row, service.owner, request).uri

    with_each(uris, store, work, as_json=as_json)


@prearchive.command("move")
@click.option("--to", "project", required=True, metavar="PROJECT", help="Project, by ID or alias.")
@sessions
def move(uris: tuple[str, ...], store: Path, project: str, *, as_json: bool) -> None:
    """Move sessions into a project; their new addresses."""
    with_each(uris, store, lambda service, row: service.operations.move(row, service.owner, project), as_json=as_json)


@prearchive.command("delete")
@click.option("--scan", metavar="ID", help="Only this scan.")
@sessions
def delete(uris: tuple[str, ...], store: Path, scan: str | None, *, as_json: bool) -> None:
    """Move sessions, or a scan of each, to the trash."""

    def work(service: Service, row: PrearchiveRow) -> str:
        if scan is None:
            service.operations.delete(row, service.owner)
        else:
            service.operations.delete_scan(row, scan, service.owner)
        return row.uri

    with_each(uris, store, work, as_json=as_json)


@prearchive.command("separate")
@sessions
def separate(uris: tuple[str, ...], store: Path, *, as_json: bool) -> None:
    """Make two sessions of one that has PET with MR; their addresses."""

    def work(service: Service, row: PrearchiveRow) -> str:
        return " ".join(half.uri for half in service.operations.separate(row, service.owner))

    with_each(uris, store, work, as_json=as_json)


@prearchive.command("reset-status")
@sessions
def reset_status(uris: tuple[str, ...], store: Path, *, as_json: bool) -> None:
    """Read status and columns again from the documents; give back locks whose owner is dead."""
    with_each(uris, store, lambda service, row: service.operations.reset_status(row, service.owner), as_json=as_json)


@prearchive.command("set-status")
@click.argument("status")
@sessions
def set_status(status: str, uris: tuple[str, ...], store: Path, *, as_json: bool) -> None:
    """Set the status: RECEIVING, READY, CONFLICT or ERROR."""

    def work(service: Service, row: PrearchiveRow) -> str:
        service.operations.set_status(row, service.owner, status)
        return row.uri

    with_each(uris, store, work, as_json=as_json)


@prearchive.command("logs")
@click.argument("uri")
@store_option
@json_option
def logs(uri: str, store: Path, *, as_json: bool) -> None:
    """Show what went wrong with a session, oldest first."""
    address = session_path(uri)
    with open_service(store, make=False) as service:
        entries = service.operations.logs(find_session(service, address))
    if as_json:
        click.echo(json.dumps([asdict(entry) for entry in entries], default=str))
    elif entries:
        click.echo(
            columns([("DATE", "ENTRY"), *((f"{entry.date:%Y-%m-%d %H:%M:%S}", entry.entry) for entry in entries)])
        )


def _known_project(service: Service, project: str) -> str | None:
    if normal_project(project) == UNASSIGNED:
        return None
    found = service.projects.find(project)
    if found is None:
        message = f"There is no project {project}; see 'xnat-import project list'."
        raise NotFoundError(message)
    return found.id


def _table(rows: Iterable[PrearchiveRow]) -> str:
    listed = ((row.shown_status, row.name, row.subject, row.uri) for row in rows)
    return columns([("STATUS", "LABEL", "SUBJECT", "ADDRESS"), *listed])
