"""What is asked of archiving, and the three switches that follow from it (chapter 8.1, rulings 13 and 23)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from attrs import field, frozen

from xnat_import_core.parameters import Overwrite

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from xnat_import_core.models import Principal
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.prearchive.deeds import Deed
    from xnat_import_core.settings import Compat

__all__ = ["ArchiveRequest", "Entry", "MergeRules", "Switches", "Task", "switches_for"]

_APPENDS: Final = frozenset({4, 5})
_REPLACES: Final = 5
_ROW_APPENDS: Final = frozenset({"AutoArchive", "AutoArchiveOverwrite"})
_ROW_REPLACES: Final = "AutoArchiveOverwrite"


class Entry(StrEnum):
    """By which door a session comes to be archived; the value is the default justification of its workflow."""

    IMPORT = "standard upload"
    COMMIT = "auto-archive: commit"
    REBUILDER = "auto-archive"
    SERVICE = "archive service"
    SERVICE_MANY = "Batch archive"

    @property
    def justification(self) -> str:
        """The reason that XNAT gives where nobody gave one."""
        if self is Entry.SERVICE:
            return str(Entry.IMPORT)
        return str(Entry.REBUILDER if self is Entry.COMMIT else self)


@frozen
class ArchiveRequest:
    """What is asked. Everything has a default: the session's own subject and label, and the project's policy.

    Attributes:
        subject: Label or ID of the subject.
        label: Of the experiment.
        overwrite: As sent; absent and ``none`` are the same.
        overwrite_files: Files that differ may be replaced.
        quarantine: Put it in quarantine whatever the project says.
        trigger_pipelines: Whoever is told of it may go on with it.
        event_reason: For the workflow's record.
        entry: By which door.
        fields: XNAT paths and values that go into the session's document (``xnat:mrSessionData/note``).
    """

    subject: str | None = None
    label: str | None = None
    overwrite: Overwrite = Overwrite.NONE
    overwrite_files: bool = False
    quarantine: bool | None = None
    trigger_pipelines: bool = True
    event_reason: str | None = None
    entry: Entry = Entry.SERVICE
    fields: Mapping[str, str] = field(factory=dict)


@frozen
class Task:
    """One archiving that was asked for: of which session, by whom, when, under which deed."""

    deed: Deed
    row: PrearchiveRow
    request: ArchiveRequest
    principal: Principal
    at: datetime


@frozen
class MergeRules:
    """What the site lets a merge do.

    Attributes:
        prevent_cross_modality: Refuse a session of another type (XNAT's ``preventCrossModalityMerge``).
        allow_other_study: Take a session of another study (XNAT's ``sessionmerging_uid_mod``).
        use_sop_instance_uid: Files are told apart by identity, then by name; else by name alone.
    """

    prevent_cross_modality: bool = True
    allow_other_study: bool = False
    use_sop_instance_uid: bool = True


@frozen
class Switches:
    """What archiving may do to what is there.

    Attributes:
        merge: Add to an existing session.
        override: Skip the checks that may be skipped.
        files: Replace files.
    """

    merge: bool = False
    override: bool = False
    files: bool = False


def switches_for(
    entry: Entry, request: ArchiveRequest, project_code: int, row_autoarchive: str | None, compat: Compat
) -> Switches:
    """The switches of one archiving.

    Without a word the row's or the project's policy decides: code 4 appends, code 5 replaces files too; every other
    code takes new sessions only. A word wins over the policy. ``compat.overwrite="xnat"`` gives XNAT's readings.

    Args:
        entry: By which door it comes.
        request: The word, and ``overwrite_files``.
        project_code: The project's prearchive code.
        row_autoarchive: The session's own policy, where the project gave it one on arrival.
        compat: Its ``overwrite`` counts.
    """
    word = request.overwrite
    appends = project_code in _APPENDS or row_autoarchive in _ROW_APPENDS
    replaces = project_code == _REPLACES or row_autoarchive == _ROW_REPLACES
    xnat = compat.overwrite == "xnat"
    if word is Overwrite.NONE:
        merge = appends or (xnat and entry in {Entry.COMMIT, Entry.SERVICE})
        return Switches(merge, override=False, files=merge and (replaces or request.overwrite_files))
    override = word is Overwrite.DELETE or (xnat and entry is Entry.SERVICE)
    return Switches(merge=True, override=override, files=override or request.overwrite_files or (xnat and replaces))
