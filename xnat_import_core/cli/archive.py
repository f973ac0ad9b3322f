"""``xnat-import archive`` and ``undo``: from the prearchive into the archive, and back."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - one import for annotation and option type in all commands
from typing import TYPE_CHECKING

import click
from attrs import asdict

from xnat_import_core.cli.report import columns
from xnat_import_core.cli.sessions import sessions, with_each
from xnat_import_core.cli.store import json_option, open_service, store_option

if TYPE_CHECKING:
    from xnat_import_core.models import ArchivePlan
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.service import Service

__all__ = ["archive", "undo"]


@click.group()
def archive() -> None:
    """Archive sessions that wait in the prearchive, and look at what is archived."""


@archive.command("add")
@click.option("--subject", help="Subject, by label or ID; else the session's own.")
@click.option("--label", help="Label of the archived session; else the session's own.")
@click.option("--overwrite", type=click.Choice(["none", "append", "delete"]), default="none", show_default=True)
@click.option("--overwrite-files", is_flag=True, help="Files that differ may be replaced.")
@click.option("--quarantine", is_flag=True, help="Into quarantine, whatever the project says.")
@click.option("--quiet", is_flag=True, help="Nothing that usually follows an archiving (triggerPipelines=false).")
@click.option("--plan", "planned", is_flag=True, help="Say what would happen; write nothing.")
@sessions
def add(uris: tuple[str, ...], store: Path, *, planned: bool, quiet: bool, as_json: bool, **asked: object) -> None:
    """Archive sessions, each by its address /prearchive/projects/P/TIMESTAMP/SESSION; their new addresses."""
    from xnat_import_core.archive import ArchiveRequest  # noqa: PLC0415 - slow to import, as in all commands
    from xnat_import_core.parameters import Overwrite  # noqa: PLC0415

    asked["overwrite"] = Overwrite(str(asked["overwrite"]))
    asked["quarantine"] = asked["quarantine"] or None
    request = ArchiveRequest(trigger_pipelines=not quiet, **asked)  # type: ignore[arg-type]  # click has made the types

    def work(service: Service, row: PrearchiveRow) -> str:
        if planned:
            return _told(service.archiver.plan(row, request, service.owner))
        done = service.archiver.archive(row, request, service.owner)
        return done.uri if as_json else f"{done.uri}  (undo: xnat-import undo {done.deed} --store {store})"

    with_each(uris, store, work, as_json=as_json)


@archive.command("list")
@click.option("--project", multiple=True, help="Only of this project; may be given several times.")
@store_option
@json_option
def list_(project: tuple[str, ...], store: Path, *, as_json: bool) -> None:
    """List archived sessions, newest first."""
    with open_service(store, make=False) as service:
        rows = service.archive.experiments(project or None)
    if as_json:
        click.echo(json.dumps([{"uri": row.uri, **asdict(row)} for row in rows], default=str))
    elif rows:
        listed = ((row.id, row.status, row.label, row.subject_label, row.uri) for row in rows)
        click.echo(columns([("ID", "STATUS", "LABEL", "SUBJECT", "ADDRESS"), *listed]))


@click.command()
@click.argument("deed")
@store_option
@json_option
def undo(deed: str, store: Path, *, as_json: bool) -> None:
    """Take back an archiving or a merge, by the ID that it was told under; the session is in the prearchive again."""
    with open_service(store, make=False) as service:
        uri = service.archiver.undo(deed, service.owner)
    click.echo(json.dumps({"uri": uri}) if as_json else uri)


def _told(plan: ArchivePlan) -> str:
    """A plan in a few lines."""
    what = "a new session" if plan.created else f"added to {plan.experiment}"
    counts = ", ".join(
        f"{len(files)} {name}"
        for name, files in (
            ("added", plan.added), ("the same", plan.same), ("replaced", plan.replaced),
            ("different", plan.different), ("lost", plan.lost),
        )
        if files
    )  # fmt: skip
    lines = [f"{plan.project}/{plan.subject}/{plan.label}: {what}; {counts or 'no files'}"]
    lines += [f"  conflict ({each.kind}): {each.detail} {each.remedy}".rstrip() for each in plan.conflicts]
    return "\n".join((*lines, *(f"  {note}" for note in plan.notes)))
