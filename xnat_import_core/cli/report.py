"""An outcome in words and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import asdict

from xnat_import_core.cli.failures import one_line
from xnat_import_core.models import Fate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from xnat_import_core.errors import XnatImportError
    from xnat_import_core.models import Outcome, SessionOutcome

__all__ = ["columns", "outcome_as_json", "outcome_as_text", "refusal_as_json"]


def outcome_as_text(outcome: Outcome, store: Path) -> str:
    """A line for each session, the fates counted, and where to read more."""
    done = "would be imported" if outcome.planned else "imported"
    lines = [f"{outcome.members} members {done} by {outcome.handler_key}"]
    lines += [line for session in outcome.sessions for line in _session(session)]
    lines.append(", ".join(f"{outcome.counts.get(fate, 0)} {fate}" for fate in Fate))
    lines += [f"note: {one_line(note)}" for note in outcome.notes]
    lines.append(f"receipt: xnat-import receipt {outcome.import_id} --store {store}")
    return "\n".join(lines)


def _session(session: SessionOutcome) -> list[str]:
    joined = ", joined what was there" if session.joined else ""
    lines = [
        session.uri,
        f"  {session.status}, {session.scans} scans, {session.stored} files stored, {session.same} the same{joined}",
    ]
    return lines + [f"  note: {one_line(note)}" for note in session.notes]


def outcome_as_json(outcome: Outcome) -> dict[str, object]:
    """The outcome's own fields; counts by fate, all five."""
    return {**asdict(outcome), "counts": {str(fate): outcome.counts.get(fate, 0) for fate in Fate}}


def refusal_as_json(error: XnatImportError) -> dict[str, object]:
    """Why nothing was stored."""
    return {
        "import_id": error.import_id,
        "status": error.status,
        "error": error.message,
        "members": list(error.members),
    }


def columns(rows: Iterable[tuple[str, ...]]) -> str:
    """Rows as aligned columns, two spaces between."""
    table = [tuple(map(one_line, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    padded = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join(line.rstrip() for line in padded)
