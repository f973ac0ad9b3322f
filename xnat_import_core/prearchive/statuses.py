"""Statuses of a prearchive session: XNAT's names on the wire, and two of our own that nobody sees."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["BUSY", "HIDDEN", "JOINABLE", "Status"]


class Status(StrEnum):
    """What a session is doing. ``STAGING`` and ``PLACING`` belong to an import that has not committed."""

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


HIDDEN: Final = (Status.STAGING, Status.PLACING)

JOINABLE: Final = (
    Status.RECEIVING,
    Status.RECEIVING_INTERRUPT,
    Status.QUEUED_BUILDING,
    Status.BUILDING,
    Status.READY,
    Status.CONFLICT,
    Status.ERROR,
)
"""New data of the same key join a session in one of these (ruling 22)."""

BUSY: Final = tuple(status for status in Status if status not in (*JOINABLE, *HIDDEN))
"""On its way out: new data of the same key open a session beside it."""
