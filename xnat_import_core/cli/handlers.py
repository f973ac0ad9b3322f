"""``xnat-import handlers``: what is installed, and why something of it cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import asdict

from xnat_import_core.cli.failures import one_line
from xnat_import_core.cli.store import json_option

if TYPE_CHECKING:
    from xnat_import_core.plugin_host import PluginReport

__all__ = ["handlers"]


class _NoEvents:
    """The report says everything that the log would."""

    def debug(self, event: str, **facts: object) -> None:
        """Nothing."""

    def error(self, event: str, **facts: object) -> None:
        """Nothing."""


@click.command()
@click.option(
    "--store",
    envvar="XNAT_IMPORT_STORE",
    show_envvar=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="A store whose settings deny or order plugins.",
)
@json_option
def handlers(store: Path | None, *, as_json: bool) -> None:
    """List installed handlers and extensions: key, summary, distribution, hooks; or the fault and its remedy."""
    from xnat_import_core.plugin_host import InstalledPlugins, PluginHost  # noqa: PLC0415 - help need not load it
    from xnat_import_core.settings import Plugins, load_settings  # noqa: PLC0415

    settings = Plugins() if store is None else load_settings(store).plugins
    reports = PluginHost(InstalledPlugins(settings), settings, _NoEvents()).reports()
    if as_json:
        click.echo(json.dumps([asdict(report) for report in reports], indent=2))
    elif reports:
        click.echo("\n".join(_text(report) for report in reports))
    else:
        click.echo("No handler is installed. Begin with: pip install xnat-import-dicom-zip xnat-import-si")


def _text(report: PluginReport) -> str:
    origin = f"{report.distribution} {report.version}"
    if report.error:
        return one_line(f"{report.key} ({report.kind}) from {origin} cannot be used: {report.error}. {report.remedy}")
    kind = "" if report.kind == "handler" else " (extension)"
    return f"{report.key}{kind}: {report.summary}\n    {origin}; hooks: {', '.join(report.hooks)}"
