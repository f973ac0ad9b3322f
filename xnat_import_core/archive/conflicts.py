"""Reasons not to archive: each kind with its words, its status, and what lifts it (chapter 8.5, 8.8, 8.10)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from attrs import frozen

from xnat_import_core.errors import ArchiveConflictError, ClientError, InvalidRequestError
from xnat_import_core.models import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xnat_import_core.archive.requests import Switches

__all__ = ["KINDS", "Kind", "conflict", "in_order", "is_lifted", "refusal"]

_CONFLICT: Final = 409
_BAD: Final = 400


@frozen
class Kind:
    """A kind of conflict.

    Attributes:
        words: What clients look for.
        lifted_by: The switch that lifts it: ``merge``, ``override`` or ``files``; empty: none does.
        status: 409 where it clashes with what is there; 400 where the session itself is not fit for the archive.
        remedy: What to do.
    """

    words: str
    lifted_by: str = ""
    status: int = _CONFLICT
    remedy: str = ""


_DELETE: Final = "overwrite=delete archives it all the same"
_REPLACE: Final = "overwrite=append with overwrite_files=true, or overwrite=delete, replaces files that differ"
_FILES_TEXT: Final = "Session already exists with matching files."
_BY_HAND: Final = "mend the data, or archive it under another label"

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "busy": Kind("Duplicate archive attempt. Destination session in use.", remedy="try again when that is done"),
        "no_project": Kind(
            "Cannot archive sessions from the Unassigned folder.", status=_BAD, remedy="move it to a project first"
        ),
        "no_label": Kind("Unable to identify session label.", status=_BAD, remedy="give it with session="),
        "no_subject": Kind("Unable to identify subject.", status=_BAD, remedy="give it with subject="),
        "locked": Kind("The archived session is locked.", remedy="unlock it first"),
        "exists": Kind(
            "Session already exists, retry with overwrite enabled", "merge", remedy="overwrite=append adds to it"
        ),
        "label": Kind("Invalid modification of session label via archive process.", remedy="leave the label out"),
        "project": Kind("Invalid modification of session project via archive process.", remedy="move it first"),
        "modality": Kind(
            "Invalid modification of session modality via archive process.  Data may require a manual merge.",
            remedy="give it another label, or have the site allow it",
        ),
        "subject": Kind(
            "Invalid modification of session subject via archive process.: LABEL Already Exists for another Subject",
            remedy="give it another label, or the subject of the archived session",
        ),
        "study": Kind("Invalid modification of session UID via archive process.", "override", remedy=_DELETE),
        "workflow": Kind(
            "Session processing may already be in progress: NAME.  Concurrent modification is discouraged.",
            "override",
            remedy="wait until it has ended, or overwrite=delete",
        ),
        "scan_number": Kind(
            "Session already contains a scan with the same UID, but a different number (N).",
            "override",
            remedy="overwrite=delete adds its files to that scan",
        ),
        "folder": Kind(_FILES_TEXT, "merge", remedy="overwrite=append archives into the folder that is there"),
        "file": Kind(_FILES_TEXT, "files", remedy=_REPLACE),
        "identical": Kind(_FILES_TEXT, "files", remedy="they are archived already; overwrite=delete leaves them so"),
        "resource": Kind("Session already exists with the same resources.", "files", remedy=_REPLACE),
        "name": Kind(
            "A DICOM file with the same name but different UID already exists. There is no way to override this "
            "conflict, you will need to fix your data.",
            remedy=_BY_HAND,
        ),
        "missing": Kind("A file of the session is not on disk.", status=_BAD, remedy="send it again"),
        "document": Kind("The session's document does not show all its scans.", status=_BAD, remedy="build it again"),
        "changed": Kind("A file is not what was received.", "override", _BAD, "build the session again"),
        "no_catalog": Kind(
            "Expected a catalog file, however it was missing.", "override", _BAD, "build the session again"
        ),
        "stray": Kind(
            "Scan N has K non-DICOM (or non-parsable DICOM) files", "override", _BAD, "remove them, or overwrite=delete"
        ),
        "duplicate": Kind(
            "Scan N DICOM catalog contains duplicated SOP instance UIDs", "override", _BAD, "overwrite=delete keeps all"
        ),
    }
)
"""In the order in which the first one counts for the message."""


def conflict(  # noqa: PLR0913 - the fields of a conflict
    kind: str,
    words: str = "",
    *,
    scan: str | None = None,
    file: str | None = None,
    existing: str | None = None,
    incoming: str | None = None,
) -> Conflict:
    """A conflict of a known kind; ``words`` where they have a name or number in them."""
    known = KINDS[kind]
    return Conflict(kind, words or known.words, scan, file, existing, incoming, known.remedy)


def is_lifted(kind: str, switches: Switches) -> bool:
    """Whether the switches make it no conflict."""
    by = KINDS[kind].lifted_by
    return bool(by) and bool(getattr(switches, by))


def in_order(conflicts: Iterable[Conflict], switches: Switches) -> tuple[Conflict, ...]:
    """Those that count, the one that the message tells first."""
    rank = {kind: number for number, kind in enumerate(KINDS)}
    counting = (each for each in conflicts if not is_lifted(each.kind, switches))
    return tuple(sorted(counting, key=lambda each: (rank[each.kind], each.scan or "", each.file or "")))


def refusal(conflicts: Sequence[Conflict]) -> ClientError:
    """The error for a session that is not archived: 409 if anything clashes with what is there, else 400."""
    clashing = [each for each in conflicts if KINDS[each.kind].status == _CONFLICT]
    if clashing:
        others = [each for each in conflicts if KINDS[each.kind].status != _CONFLICT]
        return ArchiveConflictError(_message(clashing), (*clashing, *others))
    return InvalidRequestError(_message(conflicts), members=[each.file for each in conflicts if each.file][:20])


def _message(conflicts: Sequence[Conflict]) -> str:
    first = conflicts[0]
    alike = sum(each.kind == first.kind for each in conflicts) - 1
    more = f" ({alike} more of the kind.)" if alike else ""
    return f"{first.detail}{more}"
