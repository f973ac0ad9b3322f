"""One call of one plugin's function: by name, timed, guarded."""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING

from attrs import frozen

from xnat_import_core.plugin_host.checks import ARGUMENTS, HOOKS
from xnat_import_core.plugin_host.faults import Answerer, raised, renamed, wrong_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pluggy

    from xnat_import_core.errors import PluginError
    from xnat_import_core.plugin_host.events import EventLog

__all__ = ["Implementation", "ask", "implementations"]


@frozen
class Implementation:
    """A plugin's function for one hook: whose it is, and which of the arguments it takes."""

    who: Answerer
    function: Callable[..., object]
    arguments: tuple[str, ...]

    def wrong(self, hook: str, wrong: str, log: EventLog) -> PluginError:
        """The error for an answer of this function that must not be given."""
        return wrong_answer(self.who, hook, wrong, log)

    def fault(self, hook: str, fault: PluginError, members: Sequence[str]) -> PluginError:
        """The same fault, naming members."""
        return renamed(self.who, hook, fault, members)


def implementations(
    manager: pluggy.PluginManager, names: Mapping[int, Answerer], core: Answerer
) -> dict[str, tuple[Implementation, ...]]:
    """Every hook's functions in the order of their calls. ``names``: who a plugin is, by its identity."""
    return {
        hook: tuple(
            _implementation(names.get(id(found.plugin), core), found.function, hook)
            for found in reversed(getattr(manager.hook, hook).get_hookimpls())
        )
        for hook in HOOKS
    }


def _implementation(who: Answerer, function: Callable[..., object], hook: str) -> Implementation:
    taken = inspect.signature(function).parameters
    return Implementation(who, function, tuple(name for name in ARGUMENTS[hook] if name in taken))


def ask(
    implementation: Implementation, hook: str, log: EventLog, *, review: bool = False, **arguments: object
) -> object:
    """Call a function and give its answer, unchecked.

    Raises:
        XnatImportError: As ``faults.raised`` says; ``KeyboardInterrupt`` alone gets through as it is.
    """
    who = implementation.who
    started = time.perf_counter_ns()
    try:
        answer = implementation.function(**{name: arguments[name] for name in implementation.arguments})
    except (Exception, SystemExit) as error:
        fault = raised(who, hook, error, log, review=review)
        if fault is error:
            raise
        raise fault from error
    took = (time.perf_counter_ns() - started) // 1000
    log.debug("hook called", plugin=who.name, hook=hook, microseconds=took)
    return answer
