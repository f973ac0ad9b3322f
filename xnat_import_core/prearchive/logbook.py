"""The log of a session: a file for each event in ``logs/`` of its folder, named by its epoch milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from attrs import frozen

from xnat_import_core.errors import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LOGS", "LogEntry", "find_entry", "read_logs", "write_log"]

LOGS: Final = "logs"
_NAME: Final = re.compile(r"([0-9]{1,14})\.log", re.ASCII)


@frozen
class LogEntry:
    """One event: ``id`` is the name of its file without suffix."""

    id: str
    date: datetime
    entry: str


def write_log(session_folder: Path, entry: str) -> None:
    """Write down an event. Two of one millisecond get one after the other."""
    folder = session_folder / LOGS
    folder.mkdir(exist_ok=True)
    moment = int(datetime.now(UTC).timestamp() * 1000)
    while True:
        try:
            with (folder / f"{moment}.log").open("x", encoding="utf-8") as stream:
                stream.write(entry)
        except FileExistsError:
            moment += 1
        else:
            return


def read_logs(session_folder: Path) -> tuple[LogEntry, ...]:
    """All events, oldest first."""
    folder = session_folder / LOGS
    names = [found for path in folder.glob("*.log") if (found := _NAME.fullmatch(path.name))]
    return tuple(_entry(folder / name[0], name[1]) for name in sorted(names, key=lambda name: int(name[1])))


def find_entry(entries: tuple[LogEntry, ...], id: str) -> LogEntry:  # noqa: A002 - XNAT's word
    """One event by its ID, or the ``last``. Raises NotFoundError."""
    for entry in reversed(entries):
        if id in {entry.id, "last"}:
            return entry
    message = "Unable to find the log entry."
    raise NotFoundError(message)


def _entry(path: Path, moment: str) -> LogEntry:
    return LogEntry(moment, datetime.fromtimestamp(int(moment) / 1000, UTC), path.read_text("utf-8", "replace"))
