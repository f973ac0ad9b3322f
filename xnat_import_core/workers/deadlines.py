"""How long a plugin may take, and the error when it takes longer or takes its process down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xnat_import_core.errors import PluginError
from xnat_import_core.logs import event_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xnat_import_core.plugin_host import HookCalls
    from xnat_import_core.workers.jobs import Job

__all__ = ["lost", "seconds_for"]

_SLOWEST_DISK = 4 * 1024 * 1024
_SHOWN = 5


def seconds_for(job: Job[Any], deadline: float) -> float:
    """A job's deadline: the setting, and what a slow disk needs for its bytes."""
    return deadline + job.size / _SLOWEST_DISK


def lost(calls: HookCalls, job: Job[Any], what: str, members: Sequence[str]) -> PluginError:
    """The error for a job that brought no answer.

    Args:
        calls: The hooks of the handler; only their names are asked.
        job: What was to be done.
        what: ``did not answer within 120 s``, ``ended its process (SIGKILL)``.
        members: Those that it died of, or all where that is not known.
    """
    event_logger().error("plugin lost", plugin=calls.key, distribution=calls.distribution, hook=job.hook, what=what)
    names = ", ".join(members[:_SHOWN]) + (f" and {len(members) - _SHOWN} more" if len(members) > _SHOWN else "")
    where = f" Members: {names}." if members else ""
    message = (
        f"Plugin {calls.key} ({calls.distribution}), hook {job.hook}, {what}. Nothing was stored. "
        f"Tell the plugin's author, and what you sent.{where}"
    )
    return PluginError(message, plugin=calls.key, distribution=calls.distribution, hook=job.hook, members=members)
