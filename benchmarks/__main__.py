"""``python -m benchmarks``: measure, print tables, keep the figures. README.md says what each row is."""

from __future__ import annotations

import argparse
import fcntl
import os
import platform
import shutil
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import floor, imports, report
from benchmarks.bench import Bench
from benchmarks.budget import budget
from benchmarks.ground import Ground, default_data, file_system_of
from benchmarks.header_reading import header_reading
from benchmarks.orthanc import orthanc_version
from benchmarks.receipt import receipt
from benchmarks.starting import starting
from benchmarks.studies import Archives
from benchmarks.targets import judge
from benchmarks.zip_reading import zip_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.measure import Group

RESULTS: Final = Path(__file__).resolve().parent / "results"
GIB = 1 << 30
ROOM, ROOM_FULL = 8 * GIB, 24 * GIB
GROUPS: Final[dict[str, Callable[[Bench], Iterator[Group]]]] = {
    "imports": imports.side_by_side,
    "growth": imports.growth,
    "few": imports.few_files,
    "receipt": receipt,
    "start": starting,
    "headers": header_reading,
    "budget": budget,
    "zip": zip_reading,
    "memory": imports.memory,
}


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--full", action="store_true", help="also 5 GB, 100,000 files and one file of 2 GB")
    parser.add_argument("--rounds", type=int, default=3, help="at least so many (default: 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the studies; below 1 it is a trial")
    parser.add_argument("--data", type=Path, help="folder on a disk for made-up data and work")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), help="some of the groups")
    return parser.parse_args()


def told(line: str) -> None:
    """Say what is going on."""
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


@contextmanager
def alone_on(data: Path) -> Iterator[None]:
    """Two runs would disturb each other."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"Another run measures on {data}.")
        yield


def check_room(asked: argparse.Namespace, data: Path) -> None:
    """Stop before the disk is full; data that are made already need no more room."""
    room = (ROOM_FULL if asked.full else ROOM) * asked.scale
    made = sum(path.stat().st_size for path in data.glob("studies-*/*"))
    if shutil.disk_usage(data).free < room - made:
        sys.exit(f"{data} needs {room / GIB:.0f} GiB, made-up data included; name another folder: --data DIR")


def measured(asked: argparse.Namespace, data: Path) -> Iterator[Group]:
    """All groups, one after the other; what was written is deleted, however it ends."""
    ground = Ground(data / "work" / f"{os.getpid()}")
    archives = Archives(data, asked.scale, told)
    bench = Bench(archives, ground, asked.rounds, asked.full, bool(orthanc_version()), told)
    try:
        ground.wait_until_good(told)
        for name in asked.only:
            yield from GROUPS[name](bench)
    finally:
        told("deleting what was written")
        shutil.rmtree(data / "work", ignore_errors=True)


def processor() -> str:
    """What the processor calls itself."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def circumstances(asked: argparse.Namespace, data: Path) -> dict[str, object]:
    """Where and how it was measured."""
    libraries = ("isal", "pydicom", "xnat-import-core")
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{processor()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "disk": f"{data} ({file_system_of(data)})",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in libraries},
        "floor inflates with": floor.fastest().name,
        "Orthanc": orthanc_version() or "not installed",
        "rounds": asked.rounds,
        "scale": asked.scale,
    }


def conclude(where: dict[str, object], groups: list[Group]) -> None:
    """What was reached, and where the figures are."""
    judged = judge({group.name: group for group in groups})
    kept = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    report.as_json(where, groups, judged, kept)
    print(f"\n{report.target_table(judged)}\n")
    if where["scale"] != 1:
        print("A trial: the targets are for studies of full size.")
    print(f"kept in {kept}")


def main() -> None:
    """Measure and report, each group as soon as it is measured; if one fails, those before it are kept."""
    asked = options()
    data = (asked.data or default_data()).absolute()
    groups: list[Group] = []
    with alone_on(data):
        check_room(asked, data)
        where = circumstances(asked, data)
        print(*(f"{name}: {value}" for name, value in where.items()), sep="\n")
        try:
            for group in measured(asked, data):
                groups.append(group)
                print(f"\n{report.group_table(group)}", flush=True)
        finally:
            if groups:
                conclude(where, groups)


if __name__ == "__main__":
    main()
