"""Whole imports, from the archive to the answer: side by side, as they grow, in bounded memory, and of a few files."""

from __future__ import annotations

import statistics
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.cases import FAST, FLOOR, FORM, NAIVE, ORTHANC, RAW, SLOTS, THREADS, ImportCases
from benchmarks.measure import Case, Measured, run_in_turn
from benchmarks.ours import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.bench import Bench
    from benchmarks.measure import Group
    from benchmarks.studies import Archive

__all__ = ["few_files", "growth", "memory", "side_by_side"]

_OURS: Final = (SLOTS, THREADS, RAW, FORM)
_WARM_UPS = 3


def side_by_side(bench: Bench) -> Iterator[Group]:
    """Each archive: floor, script and Orthanc beside this service."""
    archives = bench.archives
    peers = (FLOOR, NAIVE, ORTHANC) if bench.has_orthanc else (FLOOR, NAIVE)
    asked = (
        (archives.zip("mr"), (*peers, *_OURS, FAST)),
        (archives.zip("mr", deflated=True), (*peers, *_OURS)),
        (archives.zip("ct"), (*peers, *_OURS)),
        (archives.zip("small4k"), (*peers, *_OURS)),
        (archives.tar_gz("mr"), (FLOOR, SLOTS, THREADS, RAW)),
    )
    cases = _cases(bench)
    for archive, names in asked:
        yield bench.side_by_side(archive.name, cases.of(archive, *names))


def growth(bench: Bench) -> Iterator[Group]:
    """Microseconds a file from 4,000 to 20,000 files, and to 100,000 in a full run."""
    names = ("small4k", "small", "hundred") if bench.full else ("small4k", "small")
    cases = _cases(bench)
    archives = [bench.archives.zip(name) for name in names]
    grown = [Case(archive.name, cases.of(archive, SLOTS)[0].run) for archive in archives]
    yield bench.side_by_side("growth", grown)


def memory(bench: Bench) -> Iterator[Group]:
    """Uploads that would not fit: 5 GB, 100,000 members, one member of 2 GB; once each, in a full run."""
    if not bench.full:
        return
    cases = _cases(bench)
    archives = [bench.archives.zip(name) for name in ("five_gb", "hundred", "two_gb")]
    for archive in archives:
        asked = cases.of(archive, SLOTS, THREADS, RAW)
        yield run_in_turn(f"memory {archive.name}", asked, 1, bench.ground, bench.told)


def few_files(bench: Bench) -> Iterator[Group]:
    """One file and six, by a call in a warm service, durable: the median of many imports, each a session of its own."""
    settings: dict[str, dict[str, object]] = {"threads": {}, "2 slots": {"workers": 2}}
    cases = [
        Case(f"{study}, {name}", partial(_median_of_calls, bench.archives.one_by_one(study), chosen))
        for study in ("one", "six")
        for name, chosen in settings.items()
    ]
    yield bench.side_by_side("a few files", cases)


def _median_of_calls(archives: list[Archive], settings: dict[str, object], folder: Path) -> Measured:
    with Caller(folder / "store", settings) as caller:
        times = [caller.import_(archive) for archive in archives]
    return Measured(statistics.median(times[_WARM_UPS:]))


def _cases(bench: Bench) -> ImportCases:
    return ImportCases(bench.archives.zip("warm"))
