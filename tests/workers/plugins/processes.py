"""Which processes there are."""

from __future__ import annotations

import os
from pathlib import Path


def children() -> dict[int, str]:
    """Processes that this one has started and that are still there, with their states; Z is a zombie."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        state, parent = _stat(int(path.name))
        if parent == os.getpid():
            found[int(path.name)] = state
    return found


def is_alive(process: int) -> bool:
    """Neither gone nor a zombie that nobody waits for."""
    return _stat(process)[0] not in "ZX"


def with_variable(name: str, value: str) -> dict[int, list[str]]:
    """Processes that have this in their environment, as what they start has; their command lines."""
    wanted = f"{name}={value}"
    found = [path.parent for path in Path("/proc").glob("[0-9]*/environ") if wanted in _text(path).split("\0")]
    return {int(path.name): _text(path / "cmdline").split("\0")[:-1] for path in found}


def _stat(process: int) -> tuple[str, int]:
    words = _text(Path(f"/proc/{process}/stat")).rpartition(")")[2].split()
    return (words[0], int(words[1])) if words else ("X", 0)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it ended meanwhile
        return ""
