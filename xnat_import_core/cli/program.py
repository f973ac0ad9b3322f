"""The program ``xnat-import``: its commands are imported when they are called, its faults are one line."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from xnat_import_core.cli.failures import tell_failures
from xnat_import_core.cli.offered import load_command, offered_commands

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Program", "program"]

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "archive": ("xnat_import_core.cli.archive:archive", "Archive sessions that wait, and list what is archived."),
    "handlers": ("xnat_import_core.cli.handlers:handlers", "List installed handlers and extensions."),
    "import": ("xnat_import_core.cli.import_command:import_", "Import files, archives or folders."),
    "prearchive": ("xnat_import_core.cli.prearchive:prearchive", "Look at sessions that wait in the prearchive."),
    "project": ("xnat_import_core.cli.project:project", "Make and list projects."),
    "receipt": ("xnat_import_core.cli.receipt:receipt", "Show what became of every member of an import."),
    "undo": ("xnat_import_core.cli.archive:undo", "Take back an archiving or a merge."),
}


class Program(click.Group):
    """Built-in commands, and those that other distributions offer; no command's module is loaded before its call."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of all commands, sorted."""
        return sorted({*_COMMANDS, *offered_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command. ``None``: there is none of this name."""
        if cmd_name not in _COMMANDS:
            return load_command(cmd_name)
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        offered = offered_commands()
        rows = [
            (name, _COMMANDS[name][1] if name in _COMMANDS else f"Comes with {offered[name]}.")
            for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; what goes wrong on purpose is told in one line."""
        with tell_failures(ctx):
            return super().invoke(ctx)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="xnat-import-core", prog_name="xnat-import")
def program() -> None:
    """XNAT's import service on a folder of your own: from upload to session in the prearchive."""
