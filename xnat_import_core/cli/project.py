"""``xnat-import project``: an import goes only into a project that exists."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - one import for annotation and option type in all commands

import click

from xnat_import_core.cli.report import columns
from xnat_import_core.cli.store import json_option, open_service, store_option

__all__ = ["project"]


@click.group()
def project() -> None:
    """Make and list projects."""


@project.command("add")
@click.argument("id")
@click.option("--name", default="", help="A name for people; the ID if it is not given.")
@store_option
def add(id: str, name: str, store: Path) -> None:  # noqa: A002 - XNAT's word
    """Make a project with this ID, or give it another name."""
    with open_service(store) as service:
        new = service.projects.create(id, name=name, user=service.owner.name)
    click.echo(f"Project {id} {'is there now' if new else 'was there already'}.")


@project.command("list")
@store_option
@json_option
def list_(store: Path, *, as_json: bool) -> None:
    """List all projects."""
    with open_service(store, make=False) as service:
        rows = [(row.id, row.name, str(row.code)) for row in service.projects.all()]
    if as_json:
        click.echo(json.dumps([dict(zip(("id", "name", "code"), row, strict=True)) for row in rows]))
    elif rows:
        click.echo(columns([("ID", "NAME", "CODE"), *rows]))
