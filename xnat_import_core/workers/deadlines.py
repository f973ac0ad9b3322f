"""How long a plugin may take, and the error when it takes longer, or takes its thread or process down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xnat_import_core.errors import PluginError
from xnat_import_core.logs import event_logger
from xnat_import_core.plugin_host.managers import CORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xnat_import_core.plugin_host import HookCalls
    from xnat_import_core.workers.jobs import Job

__all__ = ["NoAnswer", "lost", "seconds_for"]

_SLOWEST_DISK = 4 * 1024 * 1024
_SHOWN = 5


class NoAnswer(Exception):  # noqa: N818 - a fact about a job
    """A job brought no answer; the text says why, after the plugin's name."""


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
    asked = calls.asked(job.hook) or (CORE,)
    plugin, distribution = ", ".join(who.name for who in asked), ", ".join(who.distribution for who in asked)
    event_logger().error("plugin lost", plugin=plugin, distribution=distribution, hook=job.hook, what=what)
    names = ", ".join(members[:_SHOWN]) + (f" and {len(members) - _SHOWN} more" if len(members) > _SHOWN else "")
    where = f" Members: {names}." if members else ""
    subject = f"Plugin {plugin}" if len(asked) == 1 else f"One of the plugins {plugin}"
    message = (
        f"{subject} ({distribution}), hook {job.hook}, {what}. Nothing was stored. "
        f"Tell the plugin's author, and what you sent.{where}"
    )
    return PluginError(message, plugin=plugin, distribution=distribution, hook=job.hook, members=members)
