"""The extension ``quality-gate``: what a careful site asks of data before they are kept.

* A series with fewer images than its header promises is filtered out.
* A file whose DICOM preamble could be run as a program has its preamble cleared; an empty file is rejected.
* Sessions of phantoms are not archived.
* What came in is counted in the log.
"""

from __future__ import annotations

import logging

from xnat_import_core import (
    Archived,
    ArchiveSession,
    Conflict,
    Extension,
    Fate,
    IncomingScan,
    IncomingSession,
    Outcome,
    Refused,
    Rejected,
    SessionOutcome,
    StagedFile,
    hookimpl,
)

__all__ = [
    "EXTENSION",
    "IMAGES_IN_ACQUISITION",
    "archive",
    "import_finished",
    "review_session",
    "session_archived",
    "transform_files",
]

IMAGES_IN_ACQUISITION = "dicom:00201002"
"""The fact in which handlers of DICOM give Images in Acquisition (0020,1002) to those who want it."""

EXTENSION = Extension("Keeps incomplete series and phantoms out, clears preambles", wants=(IMAGES_IN_ACQUISITION,))

_PREAMBLE = 128
_PREFIX = b"DICM"
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe")
_PHANTOM = "phantom"
_log = logging.getLogger(__name__)


@hookimpl
def review_session(session: IncomingSession) -> tuple[Refused, ...] | None:
    """Filter out each series that has fewer files than all of them say it should have."""
    return tuple(
        Refused(f"series looks incomplete: {scan.file_count} of {_promised(scan)} images", scan=scan.key)
        for scan in session.scans
        if scan.file_count < _promised(scan)
    )


@hookimpl
def transform_files(files: tuple[StagedFile, ...]) -> tuple[Rejected, ...] | None:
    """Clear preambles that begin like a program (CVE-2019-11687), in place; reject empty files."""
    for file in files:
        _clear_preamble(file)
    return tuple(Rejected(file.member, "the file is empty") for file in files if file.path.stat().st_size == 0)


@hookimpl
def archive(session: ArchiveSession) -> Archived | Conflict | None:
    """Refuse to archive a phantom's session; leave every other to the next plugin or the core."""
    if _PHANTOM in session.label.lower():
        return Conflict("phantom", "phantoms are not archived", remedy="Give the session another label, or delete it.")
    return None


@hookimpl
def import_finished(outcome: Outcome) -> None:
    """Count in the log what came in."""
    kept = outcome.counts.get(Fate.STORED, 0)
    _log.info("import %s: %d of %d members stored", outcome.import_id, kept, outcome.members)


@hookimpl
def session_archived(archived: Archived, session: SessionOutcome) -> None:
    """Say in the log that a session reached the archive."""
    _log.info("archived as %s with %d scans", archived.uri, session.scans)


def _promised(scan: IncomingScan) -> int:
    """Number of images that all files of a series promise; 0 where they are silent or differ."""
    text = str(scan.facts.only(IMAGES_IN_ACQUISITION) or "").strip()
    return int(text) if text.isascii() and text.isdigit() else 0


def _clear_preamble(file: StagedFile) -> None:
    with file.path.open("r+b") as stream:
        head = stream.read(_PREAMBLE + len(_PREFIX))
        if head.endswith(_PREFIX) and len(head) == _PREAMBLE + len(_PREFIX) and head.startswith(_PROGRAMS):
            stream.seek(0)
            stream.write(bytes(_PREAMBLE))
