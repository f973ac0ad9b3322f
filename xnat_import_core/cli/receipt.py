"""``xnat-import receipt``: the fate of every member of one import."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - one import for annotation and option type in all commands
from typing import TYPE_CHECKING

import click
from attrs import asdict

from xnat_import_core.cli.failures import one_line
from xnat_import_core.cli.store import json_option, open_service, store_option
from xnat_import_core.models import Fate

if TYPE_CHECKING:
    from xnat_import_core.receipts import ImportSummary, ReceiptLine

__all__ = ["receipt"]


@click.command()
@click.argument("import_id", metavar="ID")
@click.option("--fate", type=click.Choice([str(fate) for fate in Fate]), help="Only members with this fate.")
@store_option
@json_option
def receipt(import_id: str, fate: str | None, store: Path, *, as_json: bool) -> None:
    """Show how an import ended and what became of every member.

    With --json: JSON lines, the import first, then a line for each member.
    """
    with open_service(store, make=False) as service:
        click.echo(_dump(service.receipt(import_id)) if as_json else _summary(service.receipt(import_id)))
        for line in service.receipt_lines(import_id):
            if fate in (None, line.fate):
                click.echo(_dump(line) if as_json else _line(line))


def _dump(record: ImportSummary | ReceiptLine) -> str:
    return json.dumps(asdict(record), default=str)


def _summary(summary: ImportSummary) -> str:
    counts = ", ".join(f"{count} {fate}" for fate, count in summary.counts.items())
    texts = [f"{summary.import_id} {summary.status} by {summary.handler_key} for {summary.user}: {counts}"]
    texts += [one_line(text) for text in (summary.message, *summary.notes) if text]
    return "\n".join(texts)


def _line(line: ReceiptLine) -> str:
    return one_line("  ".join(str(text) for text in (line.fate, line.name, line.place, line.reason) if text))
