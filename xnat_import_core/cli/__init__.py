"""``xnat-import``: the service without a server, from a terminal or a script."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave with its exit status: 0 done, 1 refused, 2 misused, 3 partial, 130 interrupted."""
    from xnat_import_core.cli.program import program  # noqa: PLC0415 - embedders import this package without click

    program(prog_name="xnat-import")
