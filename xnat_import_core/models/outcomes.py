"""How archiving and imports end."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import Factory, field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

__all__ = [
    "ArchiveOutcome",
    "ArchivePlan",
    "ArchivePolicy",
    "ArchiveSession",
    "Archived",
    "Conflict",
    "Fate",
    "Outcome",
    "SessionOutcome",
]


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
    """``archive``: done. ``session_archived``: what came of it, for whoever goes on from there.

    A plugin that archives a session itself gives the URI alone; all else is told by the core.

    Attributes:
        uri: Of the experiment, without ``/data``.
        import_id: The import that made the prearchive session.
        created: The experiment is new; else the session was merged into it.
        scans_added: IDs of new scans, as they are in the archive.
        renamed_scans: IDs in the prearchive and in the archive, where they differ.
        overwrite: ``none``, ``append`` or ``delete``, as it was understood.
        trigger_pipelines: The sender wants what usually follows an archiving.
        workflow_id: The record of the archiving; the catalogs' ``createdEventId``.
    """

    uri: str
    import_id: str = ""
    project: str = ""
    subject_id: str = ""
    subject_label: str = ""
    experiment_id: str = ""
    label: str = ""
    xsi_type: str = ""
    study_uids: tuple[str, ...] = ()
    created: bool = True
    scans_added: tuple[str, ...] = ()
    files_added: int = 0
    files_replaced: int = 0
    files_identical: int = 0
    renamed_scans: Mapping[str, str] = field(factory=dict)
    quarantined: bool = False
    overwrite: str = "none"
    trigger_pipelines: bool = True
    user: str = ""
    workflow_id: int = 0
    archived_at: datetime | None = None


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


@frozen
class ArchivePlan:
    """What archiving a session would do, or did. Files are paths within the archived session.

    Attributes:
        created: There is no such experiment yet.
        project: Its ID.
        subject: The subject's label, as it is or will be.
        subject_is_new: The subject would be made.
        label: Of the experiment.
        experiment: ID of the one that is there; empty for a new one, which gets its ID when it is made.
        added: New files.
        same: Files that are there already, byte for byte; they are left as they are.
        replaced: Files whose archived version goes to the trash.
        different: Files that differ from what is there, and may not replace it.
        lost: Archived files that go to the trash without another version of themselves coming.
        renamed_scans: IDs in the prearchive and in the archive, where they differ.
        conflicts: Every reason not to do it. Without any, archiving does exactly this.
        notes: What else there is to know.
    """

    created: bool
    project: str
    subject: str
    subject_is_new: bool
    label: str
    experiment: str = ""
    added: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    renamed_scans: Mapping[str, str] = field(factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    notes: tuple[str, ...] = ()


@frozen
class ArchiveOutcome:
    """A session was archived.

    Attributes:
        uri: Of the experiment, without ``/data``.
        experiment: Its ID; empty where an extension archived the session elsewhere.
        deed: By which it can be undone for a time.
        plan: What was done.
    """

    uri: str
    experiment: str
    deed: str
    plan: ArchivePlan


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
