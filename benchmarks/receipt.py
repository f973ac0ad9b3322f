"""What receiving costs by HTTP, beside a copy of the file.

The upload is a zip archive without its directory: it is received to its last byte, found unreadable at once, dropped
and refused, so that nothing but receiving is in the time. The copy is deleted in its time too, as the service drops its
spool.
"""

from __future__ import annotations

import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measure import Case, Measured
from benchmarks.ours import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.bench import Bench
    from benchmarks.client import Answer
    from benchmarks.measure import Group
    from benchmarks.studies import Archive

__all__ = ["COPY", "FORM", "RAW", "receipt"]

COPY = "cp, rm"
RAW = "raw body"
FORM = "form"

_ROUNDS = 9


def receipt(bench: Bench) -> Iterator[Group]:
    """The archive of 2,000 slices, by one warm server."""
    archive = bench.archives.zip("mr")
    with Server(bench.ground.fresh("receiving") / "store") as server:
        server.log_in()
        server.import_raw(bench.archives.zip("warm"))
        cases = [
            Case(COPY, partial(_copy, archive)),
            Case(RAW, partial(_send, partial(server.refuse_raw, archive))),
            Case(FORM, partial(_send, partial(server.refuse_form, archive))),
        ]
        yield bench.side_by_side("receipt of mr.zip", cases, rounds=_ROUNDS)


def _copy(archive: Archive, folder: Path) -> Measured:
    copied = folder / "copy"
    archive.warm()
    began = time.perf_counter()
    subprocess.run(["cp", archive.path, copied], check=True)
    copied.unlink()
    return Measured(time.perf_counter() - began)


def _send(upload: Callable[[], Answer], _folder: Path) -> Measured:
    return Measured(upload().seconds)
