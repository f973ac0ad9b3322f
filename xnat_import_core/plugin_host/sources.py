"""Where plugins come from: the interface, and a set that is given by hand."""

from __future__ import annotations

import re
import sys
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "Claim",
    "ExplicitPlugins",
    "Kind",
    "PluginReport",
    "PluginSource",
    "in_order",
    "same_distribution",
    "without",
]

Kind: TypeAlias = Literal["handler", "extension"]


@frozen
class PluginReport:
    """A plugin as people see it: what it is, or why it cannot be used and what to do.

    Attributes:
        key: Entry-point name: the ``import-handler`` key of a handler, the name of an extension.
        kind: ``"handler"`` or ``"extension"``.
        summary: The plugin's own line; empty if it could not be loaded.
        distribution: What brought it.
        version: Of the distribution.
        hooks: Names of the hooks that it answers, in the order of an import.
        error: Why it is not used; empty if it is.
        remedy: What to do about it.
    """

    key: str
    kind: Kind
    summary: str
    distribution: str
    version: str
    hooks: tuple[str, ...]
    error: str = ""
    remedy: str = ""


@frozen
class Claim:
    """One plugin that a distribution offers under a name. Nothing of it is imported until ``load`` is called.

    ``load`` returns the plugin, a module or an object, and raises whatever the plugin's import raises.
    """

    key: str
    kind: Kind
    distribution: str
    version: str
    load: Callable[[], object] = field(eq=False, repr=False)


class PluginSource(Protocol):
    """Where the plugins of a service come from."""

    def handler_names(self) -> tuple[str, ...]:
        """Keys of all handlers, sorted, each once. Imports nothing."""

    def claims(self, kind: Kind) -> tuple[Claim, ...]:
        """Every claim of a kind, sorted by name and distribution. Imports nothing; two may claim one name."""


class ExplicitPlugins:
    """Plugins that are named one by one: for embedders who want no surprises, and for tests.

    ``ExplicitPlugins(handlers={"SI": xnat_import_si.handler}, extensions={"routing": routing})``; values are modules
    or instances. Extensions take part in the order of their names, as installed ones do.
    """

    def __init__(
        self, handlers: Mapping[str, object] | None = None, extensions: Mapping[str, object] | None = None
    ) -> None:
        self._given = (dict(handlers or {}), dict(extensions or {}))
        self._claims = {
            "handler": tuple(_explicit("handler", name, plugin) for name, plugin in sorted((handlers or {}).items())),
            "extension": tuple(
                _explicit("extension", name, plugin) for name, plugin in sorted((extensions or {}).items())
            ),
        }

    def __reduce__(self) -> tuple[object, ...]:
        """To a worker process: modules by their names, instances as they pickle.

        Raises:
            ValueError: A module that another process cannot import under its name.
        """
        return _given_again, tuple({key: _travelling(plugin) for key, plugin in given.items()} for given in self._given)

    def handler_names(self) -> tuple[str, ...]:
        """Keys of the handlers that were given, sorted."""
        return tuple(claim.key for claim in self._claims["handler"])

    def claims(self, kind: Kind) -> tuple[Claim, ...]:
        """The plugins of a kind that were given, sorted by name."""
        return self._claims[kind]


@frozen
class _Module:
    name: str


def _travelling(plugin: object) -> object:
    if not isinstance(plugin, ModuleType):
        if type(plugin).__module__ == "__main__":
            message = f"{type(plugin).__name__} is defined in the main script"
            raise ValueError(message)
        return plugin
    if plugin.__name__ == "__main__" or sys.modules.get(plugin.__name__) is not plugin:
        message = f"{plugin.__name__} is no module that can be imported by its name"
        raise ValueError(message)
    return _Module(plugin.__name__)


def _given_again(*given: Mapping[str, object]) -> ExplicitPlugins:
    handlers, extensions = (
        {key: import_module(plugin.name) if isinstance(plugin, _Module) else plugin for key, plugin in each.items()}
        for each in given
    )
    return ExplicitPlugins(handlers, extensions)


def _explicit(kind: Kind, name: str, plugin: object) -> Claim:
    module = getattr(plugin, "__name__", None) or type(plugin).__module__
    return Claim(name, kind, f"given as {module}", "", partial(_same, plugin))


def _same(plugin: object) -> object:
    return plugin


def same_distribution(name: str, other: str) -> bool:
    """Whether two spellings name one distribution (PEP 503)."""
    return _normalized(name) == _normalized(other)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def without(claims: Iterable[Claim], deny: tuple[str, ...]) -> tuple[Claim, ...]:
    """Claims that no entry of the deny list names, by entry-point name (case kept) or by distribution."""
    return tuple(
        claim
        for claim in claims
        if claim.key not in deny and not any(same_distribution(claim.distribution, name) for name in deny)
    )


def in_order(names: Iterable[str], order: tuple[str, ...]) -> tuple[str, ...]:
    """Names of extensions in the order of their calls: those of the site's list first, the others sorted."""
    known = set(names)
    listed = tuple(name for name in dict.fromkeys(order) if name in known)
    return (*listed, *sorted(known.difference(listed)))
