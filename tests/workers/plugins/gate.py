"""A gate between processes: whoever comes to it while it is closed waits there until somebody opens it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

VARIABLE = "XNAT_IMPORT_TEST_GATE"
PATIENCE = 60


def close() -> None:
    """From now on whoever comes has to wait."""
    for path in _folder().glob("arrived-*"):
        path.unlink()
    _bar().touch()


def lift() -> None:
    """Let everybody through."""
    if VARIABLE in os.environ:
        _bar().unlink(missing_ok=True)


def come() -> None:
    """Say that somebody is here, and wait while it is closed."""
    if VARIABLE in os.environ and _bar().exists():
        (_folder() / f"arrived-{os.getpid()}-{threading.get_ident()}").touch()
        until(lambda: not _bar().exists())


def arrivals(number: int = 1) -> list[int]:
    """Wait until so many stand before it; the processes that they are in."""
    until(lambda: len(list(_folder().glob("arrived-*"))) >= number)
    return [int(path.name.split("-")[1]) for path in _folder().glob("arrived-*")]


def _folder() -> Path:
    return Path(os.environ[VARIABLE])


def _bar() -> Path:
    return _folder() / "closed"


def until(condition) -> None:
    """Wait for it; it is a fault if it never comes."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)
