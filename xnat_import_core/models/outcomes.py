"""How archiving and imports end."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import Factory, field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ArchivePolicy", "ArchiveSession", "Archived", "Conflict", "Fate", "Outcome", "SessionOutcome"]


@frozen
class ArchiveSession:
    """A prearchive session that is to be archived."""

    uri: str
    project: str
    subject: str
    label: str
    key: str
    path: Path


@frozen
class ArchivePolicy:
    """The switches of archiving: may merge, may replace files, quarantine, run pipelines."""

    may_merge: bool = False
    may_replace: bool = False
    quarantine: bool = False
    trigger_pipelines: bool = True


@frozen
class Archived:
    """``archive``: done; the URI of the experiment, without ``/data``."""

    uri: str


@frozen
class Conflict:
    """A named reason to refuse adding to what exists."""

    kind: str
    detail: str
    scan: str | None = None
    file: str | None = None
    existing: str | None = None
    incoming: str | None = None
    remedy: str = ""


class Fate(StrEnum):
    """What became of a member."""

    STORED = "stored"
    SAME = "same"
    REJECTED = "rejected"
    FILTERED = "filtered"
    IGNORED = "ignored"


@frozen
class SessionOutcome:
    """A session that an import made or added to; ``uri`` has no ``/data``."""

    uri: str
    project: str | None
    subject: str
    label: str
    timestamp: str
    folder: str
    tag: str
    status: str
    scans: int
    stored: int
    same: int
    joined: bool
    reasons: Mapping[str, str] = field(factory=dict)
    notes: tuple[str, ...] = ()


@frozen
class Outcome:
    """How an import ended. ``counts`` has all five fates and adds up to the number of members.

    ``wrap_uris`` is the handler's: the plain answer puts ``/data`` in front of each URI.
    """

    import_id: str
    handler_key: str
    planned: bool
    sessions: tuple[SessionOutcome, ...]
    counts: Mapping[Fate, int]
    notes: tuple[str, ...] = Factory(tuple)
    wrap_uris: bool = True

    @property
    def members(self) -> int:
        """Number of members of the upload."""
        return sum(self.counts.values())
