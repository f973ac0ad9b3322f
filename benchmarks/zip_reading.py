"""Our zip reader against ``zipfile``: open, list and read 4,000 members; medians of the ratios of each round.

``python benchmarks/zip_reading.py [--members N] [--rounds N]``; below 1.00 ours is faster.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_import_core.settings import Limits
from xnat_import_core.uploads.containers import OpenUpload, Source

if TYPE_CHECKING:
    from collections.abc import Callable


def make_archive(path: Path, members: int) -> None:
    """Images of 32 KiB that deflate to about half."""
    noise = random.Random(1)  # noqa: S311 - the same archive each time, no secret
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(members):
            pixels = (
                bytes(noise.getrandbits(4) for _ in range(1024)) * 4 + noise.randbytes(12 * 1024) + bytes(16 * 1024)
            )
            archive.writestr(f"study/series{number % 7}/IM{number:05}.dcm", pixels)


def ours(path: Path, *, read: bool, open_nested: bool) -> int:
    """Members, or bytes, that our reader finds."""
    with tempfile.TemporaryDirectory() as spool:
        limits, kinds = Limits(), frozenset({"zip"})
        source = [Source(path)]
        with OpenUpload(source, limits=limits, kinds=kinds, open_nested=open_nested, spool=Path(spool)) as upload:
            return sum(len(entry.open().read()) if read else 1 for entry in upload.entries())


def theirs(path: Path, *, read: bool) -> int:
    """The same by ``zipfile``."""
    with zipfile.ZipFile(path) as archive:
        return sum(len(archive.read(info)) if read else 1 for info in archive.infolist())


def seconds(what: Callable[[], int]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def peak(what: Callable[[], int]) -> float:
    """MiB of Python memory at most."""
    tracemalloc.start()
    what()
    top = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return top / 1024 / 1024


def compare(path: Path, rounds: int, *, read: bool, open_nested: bool) -> str:
    """One line: medians of both and of their ratio, and the memory of each."""
    cases = [lambda: ours(path, read=read, open_nested=open_nested), lambda: theirs(path, read=read)]
    if cases[0]() != cases[1]():
        message = "the two readers disagree"
        raise SystemExit(message)
    times: list[tuple[float, float]] = []
    for turn in range(rounds):
        first = seconds(cases[turn % 2])
        second = seconds(cases[1 - turn % 2])
        times.append((first, second) if turn % 2 == 0 else (second, first))
    mine, other = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    what = f"{'read' if read else 'list'}{', looking for nested archives' if open_nested else ''}"
    memory = f"{peak(cases[0]):5.1f} {peak(cases[1]):5.1f} MiB"
    return f"{what:40} ours {mine:7.1f} ms  zipfile {other:7.1f} ms  ratio {ratio:5.2f}  peak {memory}"


def main() -> None:
    """Print the comparison."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--members", type=int, default=4000)
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "members.zip"
        make_archive(path, options.members)
        for read in (False, True):
            for open_nested in (False, True):
                print(compare(path, options.rounds, read=read, open_nested=open_nested))


if __name__ == "__main__":
    main()
