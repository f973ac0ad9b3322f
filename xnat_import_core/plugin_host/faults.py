"""What becomes of an exception, or of a wrong answer, in a plugin: one error that names everything but the data."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from attrs import frozen

from xnat_import_core.errors import ClientError, PluginError, StorageError, StorageFullError, XnatImportError
from xnat_import_core.logs import frames_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xnat_import_core.plugin_host.events import EventLog

__all__ = ["Answerer", "raised", "renamed", "wrong_answer"]

_SHOWN_MEMBERS = 5


@frozen
class Answerer:
    """A plugin's name and distribution, as errors and receipts name it."""

    name: str
    distribution: str


def raised(who: Answerer, hook: str, error: BaseException, log: EventLog, *, review: bool = False) -> XnatImportError:
    """Give the error that the caller gets for an exception in a plugin; its text stays in the plugin.

    A ``ClientError`` from a question, and a ``StorageError`` that the core raised while the plugin read through it,
    are handed on as they are. A full disk is a full disk, whoever met it.
    """
    if isinstance(error, StorageError) or (isinstance(error, ClientError) and not review):
        return error
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFullError("The disk is full; nothing was stored. Make room and send it again.")
    kind = type(error).__name__
    frames = frames_of(error)
    log.error("plugin raised", plugin=who.name, distribution=who.distribution, hook=hook, error=kind, traceback=frames)
    return _error(who, hook, f"raised {kind}")


def wrong_answer(who: Answerer, hook: str, wrong: str, log: EventLog) -> PluginError:
    """Give the error for an answer that must not be given."""
    log.error("plugin answered wrongly", plugin=who.name, distribution=who.distribution, hook=hook, wrong=wrong)
    return _error(who, hook, f"answered wrongly ({wrong})")


def renamed(who: Answerer, hook: str, fault: PluginError, members: Sequence[str]) -> PluginError:
    """Give the same fault, naming the members that caused it."""
    shown = ", ".join(members[:_SHOWN_MEMBERS])
    more = f" and {len(members) - _SHOWN_MEMBERS} more" if len(members) > _SHOWN_MEMBERS else ""
    return PluginError(
        f"{fault.message} Members: {shown}{more}.",
        plugin=who.name,
        distribution=who.distribution,
        hook=hook,
        members=members,
    )


def _error(who: Answerer, hook: str, what: str) -> PluginError:
    message = (
        f"Plugin {who.name} ({who.distribution}), hook {hook}, {what}. Nothing was stored. "
        "Tell the plugin's author; the service's log says where it happened."
    )
    return PluginError(message, plugin=who.name, distribution=who.distribution, hook=hook)
