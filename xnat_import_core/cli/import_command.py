"""``xnat-import import``: the service's import, without a server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xnat_import_core.cli.failures import PARTIAL, REFUSED, tell
from xnat_import_core.cli.progress import show_progress
from xnat_import_core.cli.report import outcome_as_json, outcome_as_text, refusal_as_json
from xnat_import_core.cli.store import json_option, open_service, store_option
from xnat_import_core.errors import NotFoundError, UnknownHandlerError, XnatImportError
from xnat_import_core.models import Fate

if TYPE_CHECKING:
    from xnat_import_core.models import Outcome

__all__ = ["import_"]

_PARAMETERS = {
    "project": "project",
    "subject": "subject",
    "session": "session",
    "dest": "dest",
    "handler": "import-handler",
    "overwrite": "overwrite",
}
_SWITCHES = {
    "commit": ("action", "commit"),
    "ignore_unparsable": ("Ignore-Unparsable", "true"),
    "rename": ("rename", "true"),
    "plan": ("plan", "true"),
}


def _pairs(_ctx: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(text.partition("=")[::2] for text in texts)
    if wrong := [text for text in texts if "=" not in text or text.startswith("=")]:
        message = f"{wrong[0]!r} is not NAME=VALUE."
        raise click.BadParameter(message)
    if reserved := sorted({"principal", "progress", "src"} & pairs.keys()):
        message = f"{reserved[0]} is no parameter of an import from the command line."
        raise click.BadParameter(message)
    return pairs


class _SlipError(click.ClickException):
    """A mistyped word: one line, with the exit status of a misused command line."""

    exit_code = 2


def _existing(_ctx: click.Context, _parameter: click.Parameter, paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """The paths, if all are there."""
    for path in paths:
        if not path.exists():
            message = f"There is no file or folder {str(path)!r}."
            raise _SlipError(message)
    return paths


@click.command("import")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), callback=_existing, metavar="PATH..."
)
@store_option
@click.option("--project", help="Project, by ID or alias; else the headers say it.")
@click.option("--subject", help="Subject label; else the headers say it.")
@click.option("--session", help="Session label; else the headers say it.")
@click.option("--dest", help="Destination, such as /prearchive/projects/P.")
@click.option("--handler", help="Key of the handler, see 'xnat-import handlers'.")
@click.option("--overwrite", type=click.Choice(["none", "append", "delete"]), help="What may happen to what is there.")
@click.option("--commit", is_flag=True, help="Build the sessions at once.")
@click.option("--ignore-unparsable", is_flag=True, help="Let go of members that cannot be read.")
@click.option("--rename", is_flag=True, help="Name files by the template instead of as they were sent.")
@click.option("--plan", is_flag=True, help="Say what would happen; write nothing.")
@click.option("--param", "others", multiple=True, callback=_pairs, metavar="NAME=VALUE", help="Any other parameter.")
@json_option
@click.pass_context
def import_(
    ctx: click.Context,
    /,
    paths: tuple[Path, ...],
    store: Path,
    others: dict[str, str],
    *,
    as_json: bool,
    **options: object,
) -> None:
    """Import files, archives or folders; several PATHs are one import.

    Exit status: 0 all members are stored, the same, or ignored; 3 some were rejected or filtered; 1 refused, nothing
    is stored; 2 misused.
    """
    parameters = _parameters(options, others)
    try:
        with open_service(store) as service, show_progress(sys.stderr) as progress:
            outcome = service.import_upload(*paths, principal=service.owner, progress=progress, **parameters)
    except XnatImportError as error:
        tell(error, _hint(error, parameters, store))
        if as_json:
            click.echo(json.dumps(refusal_as_json(error)))
        ctx.exit(REFUSED)
    click.echo(json.dumps(outcome_as_json(outcome)) if as_json else outcome_as_text(outcome, store))
    ctx.exit(_status(outcome))


def _parameters(options: dict[str, object], others: dict[str, str]) -> dict[str, str]:
    sent = {name: str(options[option]) for option, name in _PARAMETERS.items() if options[option] is not None}
    sent |= dict(pair for option, pair in _SWITCHES.items() if options[option])
    if twice := sorted(sent.keys() & others.keys()):
        message = f"{twice[0]} is given as an option and as --param."
        raise click.UsageError(message)
    return sent | others


def _hint(error: XnatImportError, parameters: dict[str, str], store: Path) -> str:
    if isinstance(error, UnknownHandlerError):
        return "See 'xnat-import handlers'."
    if isinstance(error, NotFoundError) and "project" in error.message.lower():
        return f"Make it with 'xnat-import project add {parameters.get('project', 'ID')} --store {store}'."
    return f"See 'xnat-import receipt {error.import_id} --store {store}'." if error.import_id else ""


def _status(outcome: Outcome) -> int:
    partial = outcome.counts.get(Fate.REJECTED, 0) + outcome.counts.get(Fate.FILTERED, 0)
    return PARTIAL if partial else 0
