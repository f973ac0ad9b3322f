"""Commands that other distributions offer: entry points of the group ``xnat_import.commands``."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["load_command", "offered_commands"]

_GROUP = "xnat_import.commands"
_KNOWN_ELSEWHERE: Mapping[str, str] = {"serve": "xnat-import-server", "user": "xnat-import-server"}


def offered_commands() -> dict[str, str]:
    """Names of offered commands and the distributions that bring them; imports nothing."""
    return {point.name: _distribution(point) for point in entry_points(group=_GROUP)}


def load_command(name: str) -> click.Command | None:
    """Import an offered command; ``None``: nobody offers it.

    Raises:
        click.ClickException: It cannot be imported, is no command, is offered twice, or its distribution is missing.
    """
    points = sorted(entry_points(group=_GROUP, name=name), key=_distribution)
    if not points:
        if name in _KNOWN_ELSEWHERE:
            message = f"'{name}' comes with {_KNOWN_ELSEWHERE[name]}: pip install {_KNOWN_ELSEWHERE[name]}"
            raise click.ClickException(message)
        return None
    if len(points) > 1:
        message = f"'{name}' is offered by {' and '.join(map(_distribution, points))}: uninstall all but one."
        raise click.ClickException(message)
    return _load(points[0])


def _load(point: EntryPoint) -> click.Command:
    try:
        command = point.load()
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        message = f"'{point.name}' of {_distribution(point)} cannot be loaded ({what}): install it anew."
        raise click.ClickException(message) from error
    if not isinstance(command, click.Command):
        message = f"'{point.name}' of {_distribution(point)} is no click command: report it to its authors."
        raise click.ClickException(message)
    return command


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown distribution"
