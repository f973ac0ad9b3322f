"""What is installed: entry points of all distributions, read without importing anything that they name.

Own loader, because the standard one stops at the first broken distribution, and pluggy's keeps one of two claims to a
name without a word.
"""

from __future__ import annotations

import sys
import threading
from importlib.metadata import Distribution, distributions
from typing import TYPE_CHECKING

from xnat_import_core.plugin_host.sources import Claim, Kind, without
from xnat_import_core.settings import Plugins

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["GROUPS", "InstalledPlugins"]

GROUPS: dict[str, Kind] = {"xnat_import.handlers": "handler", "xnat_import.extensions": "extension"}
"""Entry-point groups of plugins."""


class InstalledPlugins:
    """The plugins of all installed distributions, but for those that the settings deny.

    The deny list is applied to names and distributions before anything is imported. What is installed is read once,
    at the first question.

    Args:
        settings: ``deny`` is read; ``order`` is the host's business.
        path: Folders to search instead of ``sys.path``.
    """

    def __init__(self, settings: Plugins | None = None, path: Sequence[str] | None = None) -> None:
        self._deny = (settings or Plugins()).deny
        self._path = path
        self._lock = threading.Lock()
        self._found: tuple[Claim, ...] | None = None

    def __reduce__(self) -> tuple[object, ...]:
        """To a worker process: what is installed is found again there."""
        return InstalledPlugins, (Plugins(deny=self._deny), self._path)

    def handler_names(self) -> tuple[str, ...]:
        """Keys of all installed handlers, sorted, each once."""
        return tuple(dict.fromkeys(claim.key for claim in self.claims("handler")))

    def claims(self, kind: Kind) -> tuple[Claim, ...]:
        """Every installed claim of a kind that is not denied, sorted by name and distribution."""
        with self._lock:
            if self._found is None:
                found = set(_installed_claims(self._path))
                self._found = tuple(sorted(found, key=lambda c: (c.key, c.distribution, c.version)))
        return without((claim for claim in self._found if claim.kind == kind), self._deny)


def _installed_claims(path: Sequence[str] | None) -> Iterator[Claim]:
    search = sys.path if path is None else list(path)
    for distribution in distributions(path=search):
        yield from _claims_of(distribution, search)


def _claims_of(distribution: Distribution, search: list[str]) -> Iterator[Claim]:
    try:
        text = distribution.read_text("entry_points.txt") or ""
        if not any(group in text for group in GROUPS) or _is_shadowed(distribution, text, search):
            return
        points = [point for point in distribution.entry_points if point.group in GROUPS]
        name, version = distribution.metadata["Name"], distribution.version
    except Exception:  # noqa: BLE001 - a broken distribution of somebody else must not take the others down
        return
    for point in points:
        yield Claim(point.name, GROUPS[point.group], name, version, point.load)


def _is_shadowed(distribution: Distribution, text: str, search: list[str]) -> bool:
    """Whether Python would import another copy of this distribution, earlier on the path."""
    first = next(iter(distributions(name=distribution.metadata["Name"], path=search)), None)
    return first is not None and first.read_text("entry_points.txt") != text
