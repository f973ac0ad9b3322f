"""What it costs to begin: an import of the core, a first command, a server's first answer."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.client import send
from benchmarks.measure import Case, Measured
from benchmarks.ours import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench
    from benchmarks.measure import Group

__all__ = ["HANDLERS", "SERVE_KNOWN", "SERVE_NEW", "starting"]

HANDLERS: Final = "xnat-import handlers"
SERVE_NEW: Final = "serve, first answer, new store"
SERVE_KNOWN: Final = "serve, first answer, known store"

_ROUNDS = 7
_PROGRAM: Final = str(Path(sys.executable).parent / "xnat-import")
_COMMANDS: Final = {
    "python alone": [sys.executable, "-c", "pass"],
    "import xnat_import_core": [sys.executable, "-c", "import xnat_import_core"],
    "from xnat_import_core import Service": [sys.executable, "-c", "from xnat_import_core import Service"],
    "xnat-import --help": [_PROGRAM, "--help"],
    HANDLERS: [_PROGRAM, "handlers"],
}


def starting(bench: Bench) -> Iterator[Group]:
    """Programs, each from its start to its end, and ``serve`` from its start to its first answer."""
    commands = [Case(name, partial(_run, command)) for name, command in _COMMANDS.items()]
    known = bench.ground.fresh("known-store")
    _serve(known)
    serve = [Case(SERVE_NEW, _serve), Case(SERVE_KNOWN, lambda _folder: _serve(known))]
    yield bench.side_by_side("start", [*commands, *serve], rounds=_ROUNDS)


def _run(command: list[str], _folder: Path) -> Measured:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return Measured(time.perf_counter() - began)


def _serve(folder: Path) -> Measured:
    began = time.perf_counter()
    with Server(folder / "store") as server:
        send("GET", f"{server.url}/health/live")
        seconds = time.perf_counter() - began
    return Measured(seconds)
