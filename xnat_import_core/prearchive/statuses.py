"""Statuses of a prearchive session, and the one table that says what each operation does with them.

The names are XNAT's, and three of our own that nobody sees. ``docs/statuses.md`` is drawn from this table.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BUSY",
    "HIDDEN",
    "INTERRUPTIBLE",
    "JOINABLE",
    "QUEUED",
    "RESTING",
    "RULES",
    "WORKING",
    "Operation",
    "Rule",
    "Status",
    "shown_status",
]


class Status(StrEnum):
    """What a session is doing. The hidden ones belong to an import that has not committed, and to the archive."""

    STAGING = "STAGING"
    PLACING = "PLACING"
    RECEIVING = "RECEIVING"
    RECEIVING_INTERRUPT = "RECEIVING_INTERRUPT"
    QUEUED_BUILDING = "QUEUED_BUILDING"
    BUILDING = "BUILDING"
    READY = "READY"
    CONFLICT = "CONFLICT"
    ERROR = "ERROR"
    QUEUED_ARCHIVING = "QUEUED_ARCHIVING"
    ARCHIVING = "ARCHIVING"
    QUEUED_MOVING = "QUEUED_MOVING"
    MOVING = "MOVING"
    QUEUED_DELETING = "QUEUED_DELETING"
    DELETING = "DELETING"
    QUEUED_SEPARATING = "QUEUED_SEPARATING"
    SEPARATING = "SEPARATING"
    ARCHIVED = "ARCHIVED"


HIDDEN: Final = (Status.STAGING, Status.PLACING, Status.ARCHIVED)
"""In no listing of the prearchive."""

RESTING: Final = (
    Status.RECEIVING,
    Status.RECEIVING_INTERRUPT,
    Status.READY,
    Status.CONFLICT,
    Status.ERROR,
)
"""Nobody works on the session, unless an import is adding to it."""


class Operation(StrEnum):
    """What can be done with a session, by the names of the requests; a merge is done with one that is archived."""

    BUILD = "build"
    COMMIT = "commit"
    ARCHIVE = "archive"
    MOVE = "move"
    DELETE = "delete"
    SEPARATE = "separate"
    MERGE = "merge"
    RESET = "reset-status"
    SET = "set-status"


@frozen
class Rule:
    """What one operation does with a session's status.

    Attributes:
        begins: Statuses in which it may begin, besides its own queue.
        queued: While it waits for its turn in a batch; ``None``: it never does.
        working: While it works; ``None``: it is one transaction, so that nobody sees it work.
        success: How it may end well; empty: the session is gone.
        conflict: How a refusal ends (409).
        error: How every other failure ends.
        data_join: Data of the same key join and interrupt it, so that it begins again. Else they open a session beside.
    """

    begins: tuple[Status, ...]
    queued: Status | None
    working: Status | None
    success: tuple[Status, ...]
    conflict: Status = Status.CONFLICT
    error: Status = Status.ERROR
    data_join: bool = False

    def ends(self, status: Status, before: Status) -> bool:
        """Whether it may end so; back to where it began it always may."""
        return status in {*self.success, self.conflict, self.error, before}


_SEEN: Final = tuple(status for status in Status if status not in HIDDEN)
_BUILD: Final = Rule(RESTING, Status.QUEUED_BUILDING, Status.BUILDING, (Status.READY,), data_join=True)

RULES: Final[Mapping[Operation, Rule]] = MappingProxyType(
    {
        Operation.BUILD: _BUILD,
        Operation.COMMIT: _BUILD,  # a build; what it archives then is an operation of its own
        Operation.ARCHIVE: Rule(RESTING, Status.QUEUED_ARCHIVING, Status.ARCHIVING, (Status.ARCHIVED,)),
        Operation.MOVE: Rule(RESTING, Status.QUEUED_MOVING, Status.MOVING, (Status.READY, Status.RECEIVING)),
        Operation.DELETE: Rule(RESTING, Status.QUEUED_DELETING, Status.DELETING, ()),
        Operation.SEPARATE: Rule((Status.READY,), Status.QUEUED_SEPARATING, Status.SEPARATING, ()),
        Operation.MERGE: Rule((Status.ARCHIVED,), None, Status.ARCHIVED, (Status.ARCHIVED,)),
        Operation.RESET: Rule(_SEEN, None, None, (Status.RECEIVING, Status.READY)),
        Operation.SET: Rule(RESTING, None, None, RESTING),
    }
)
"""The state machine."""

WORKING: Final = tuple(dict.fromkeys(rule.working for rule in RULES.values() if rule.working))
"""Shown with ``_`` in front: locked."""

QUEUED: Final = tuple(dict.fromkeys(rule.queued for rule in RULES.values() if rule.queued))
"""Waiting in a batch: only who queued the session may begin."""

INTERRUPTIBLE: Final = tuple(
    dict.fromkeys(
        status for rule in RULES.values() if rule.data_join for status in (rule.queued, rule.working) if status
    )
)

JOINABLE: Final = (*RESTING, *INTERRUPTIBLE)
"""New data of the same key join a session in one of these (ruling 22)."""

BUSY: Final = tuple(status for status in Status if status not in (*JOINABLE, *HIDDEN))
"""On its way out: new data of the same key open a session beside it."""


def shown_status(status: str, *, locked: bool) -> str:
    """The status on the wire: ``_MOVING`` while it moves, ``_RECEIVING`` while an import adds to it."""
    if not locked or status in QUEUED:
        return str(status)
    if status == Status.ARCHIVED:  # a merge adds to it
        return f"_{Status.ARCHIVING}"
    return f"_{status if status in WORKING else Status.RECEIVING}"
