"""What a plugin must be before it is used. pluggy checks the names of arguments; everything else is checked here."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import TYPE_CHECKING

import pluggy
from attrs import frozen

from xnat_import_core import hookspecs
from xnat_import_core.hookspecs import PROJECT_NAME
from xnat_import_core.plugin_host.records import check_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xnat_import_core.plugin_host.sources import Kind

__all__ = ["ARGUMENTS", "HOOKS", "Problem", "check_plugin", "hooks_of"]

_SPECS = pluggy.PluginManager(PROJECT_NAME)
_PLAIN_OPTIONS = {"wrapper", "hookwrapper", "optionalhook", "tryfirst", "trylast", "specname"}


def _is_spec(name: str) -> bool:
    return _SPECS.parse_hookspec_opts(hookspecs, name) is not None


HOOKS: tuple[str, ...] = tuple(name for name in vars(hookspecs) if _is_spec(name))
"""Names of all hooks, in the order of an import."""

ARGUMENTS: dict[str, tuple[str, ...]] = {
    name: tuple(inspect.signature(getattr(hookspecs, name)).parameters) for name in HOOKS
}
"""Names of each hook's arguments."""

_ANSWERED_BY: dict[Kind, frozenset[str]] = {
    "handler": frozenset(HOOKS) - {"transform_files", "import_finished", "session_archived"},
    "extension": frozenset(HOOKS) - {"detect", "arrange", "extract"},
}


@frozen
class Problem:
    """Why a plugin is refused, and what its author or the site should do. ``hook`` is empty if it is about no hook."""

    error: str
    remedy: str
    hook: str = ""


def check_plugin(plugin: object, kind: Kind) -> Problem | None:
    """Give the first reason to refuse a plugin; ``None``: it may be used."""
    shape = _check_shape(plugin) or _check_record(plugin, kind)
    return shape or next(_check_hooks(plugin, kind), None)


def hooks_of(plugin: object) -> tuple[str, ...]:
    """Names of the hooks that a plugin answers, in the order of an import."""
    return tuple(hook for hook in HOOKS if _SPECS.parse_hookimpl_opts(plugin, hook) is not None)


# ---- the plugin as a whole -----------------------------------------------------------------------------------------


def _check_shape(plugin: object) -> Problem | None:
    if inspect.isclass(plugin):
        return Problem(
            f"the entry point names the class {plugin.__name__}, not an instance",
            f"Make an instance in the module (`plugin = {plugin.__name__}()`) and let the entry point name that.",
        )
    if isinstance(plugin, ModuleType):
        return None
    if type(plugin).__eq__ is not object.__eq__ or type(plugin).__hash__ is not object.__hash__:
        return Problem(
            f"instances of {type(plugin).__name__} are compared by value",
            "Let the class compare by identity: `@attrs.frozen(eq=False)`, or define neither __eq__ nor __hash__.",
        )
    return None


def _check_record(plugin: object, kind: Kind) -> Problem | None:
    found = check_record(plugin, kind)
    return Problem(*found) if found else None


# ---- its hooks -----------------------------------------------------------------------------------------------------


def _check_hooks(plugin: object, kind: Kind) -> Iterator[Problem]:
    for name in dir(plugin):
        options = _SPECS.parse_hookimpl_opts(plugin, name)
        if options is not None:
            chosen = {option for option in _PLAIN_OPTIONS if dict(options).get(option)}
            yield from _check_hook(name, getattr(plugin, name), chosen, kind)
        else:
            yield from _check_unmarked(plugin, name)
    if kind == "handler" and "extract" not in hooks_of(plugin):
        yield Problem("a handler must have extract", "Write extract(members, context) and mark it with @hookimpl.")


def _check_hook(name: str, function: Callable[..., object], options: set[str], kind: Kind) -> Iterator[Problem]:
    if options:
        yield Problem(
            f"it is marked with {', '.join(sorted(options))}",
            "Use plain @hookimpl on a function named as the hook; a site orders extensions in its settings.",
            name,
        )
    if name not in HOOKS:
        yield Problem("there is no hook of this name", f"Name it as one of: {', '.join(HOOKS)}.", name)
        return
    if name not in _ANSWERED_BY[kind]:
        other = "extension" if kind == "handler" else "handler"
        yield Problem(f"a plugin of kind {kind} is never asked this", f"Put it into a plugin of kind {other}.", name)
    yield from _check_function(name, function)
    yield from _check_arguments(name, function)


def _check_function(name: str, function: Callable[..., object]) -> Iterator[Problem]:
    plain = inspect.unwrap(function)
    if inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain):
        yield Problem("it is async", "Make it a plain function; hooks run in threads and may block.", name)
    elif inspect.isgeneratorfunction(plain):
        yield Problem("it is a generator", "Return a tuple instead of yielding.", name)


def _check_arguments(name: str, function: Callable[..., object]) -> Iterator[Problem]:
    remedy = f"Write {name}({', '.join(ARGUMENTS[name])}), or leave out arguments that it does not need."
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD and parameter.kind is not parameter.KEYWORD_ONLY:
            yield Problem(f"it takes {parameter}, but arguments are passed by name", remedy, name)
        elif parameter.name not in ARGUMENTS[name]:
            yield Problem(f"it takes an argument {parameter.name!r} that the hook does not have", remedy, name)


def _check_unmarked(plugin: object, name: str) -> Iterator[Problem]:
    found = inspect.getattr_static(plugin, name, None)
    if isinstance(getattr(found, f"{PROJECT_NAME}_impl", None), dict):
        yield Problem("it is marked as a hook, but is no function", "Make it a plain function (`def`).", name)
    elif name in HOOKS and callable(found) and _is_own(plugin, found):
        yield Problem(
            "it has a hook's name, but is not marked",
            "Mark it with @hookimpl of xnat_import_core, or give it another name.",
            name,
        )


def _is_own(plugin: object, function: object) -> bool:
    """Whether the function was written for this plugin, not imported into its module for other ends."""
    return not isinstance(plugin, ModuleType) or getattr(function, "__module__", "") == plugin.__name__
