"""How a command ends when it cannot do what was asked: one line, members if some are to blame, an exit status."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from xnat_import_core.errors import XnatImportError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["INTERRUPTED", "PARTIAL", "REFUSED", "one_line", "tell", "tell_failures"]

REFUSED = 1
"""The service refused, nothing was stored. (2 is a misused command line.)"""

PARTIAL = 3
"""Something was stored, but members were rejected or filtered."""

INTERRUPTED = 130
"""Ctrl-C."""

_SHOWN = 20


@contextmanager
def tell_failures(ctx: click.Context) -> Iterator[None]:
    """Turn errors that are no bug into a message and an exit status."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Interrupted: what was not finished is not kept.", err=True)
        ctx.exit(INTERRUPTED)
    except XnatImportError as error:
        tell(error)
        ctx.exit(REFUSED)
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        where = f": {error.filename}" if error.filename else ""
        click.echo(f"Error: {error.strerror or error}{where}", err=True)
        ctx.exit(REFUSED)


def tell(error: XnatImportError, hint: str = "") -> None:
    """Print an error in one line, and the first members that are to blame."""
    message = f"{error.message.rstrip('.')}. {hint}" if hint else error.message
    click.echo(one_line(f"Error: {message}"), err=True)
    for member in error.members[:_SHOWN]:
        click.echo(f"  {one_line(member)}", err=True)
    if len(error.members) > _SHOWN:
        click.echo(f"  and {len(error.members) - _SHOWN} more", err=True)


def one_line(text: str) -> str:
    """A text as one printable line: a member's name must not drive the terminal."""
    return "".join(c if c.isprintable() else " " for c in text).strip()
