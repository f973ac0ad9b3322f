"""Archivings, merges and undos in a child process that is killed; then a look at what the next start makes of it.

killing.py WORK SCENARIO points [SEED N]      kill at each file operation, sync and commit in turn, or at N of them
killing.py WORK SCENARIO random SEED N        kill at N random instants

It uses the arms of ``tests/recovery/kills.py``. Run by ``test_kills.py``.
"""

from __future__ import annotations

import random
import shutil
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "recovery"))

import integrity
import studies
from kills import in_child, killing_after, killing_at

from xnat_import_core import Overwrite, Service, Settings
from xnat_import_core.archive import ArchiveRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xnat_import_core.archive import Archiver

ENOUGH = 10_000


@contextmanager
def opened(store: Path) -> Iterator[tuple[Service, Archiver]]:
    with Service(Settings(store=store, threads=1)) as service:
        yield service, service.archiver


def send(service: Service, members: dict[str, bytes]) -> Any:
    path = service.settings.store / "upload.zip"
    path.write_bytes(studies.zipped(members))
    service.import_upload(path, project="P", import_handler="DICOM-zip", action="commit")
    path.unlink()
    return service.prearchive.rows()[0]


def archive_new(service: Service, archiver: Archiver) -> None:
    archiver.archive(service.prearchive.rows()[0], ArchiveRequest(), service.owner)


def merge(service: Service, archiver: Archiver) -> None:
    archiver.archive(service.prearchive.rows()[0], ArchiveRequest(overwrite=Overwrite.DELETE), service.owner)


def undo_last(service: Service, archiver: Archiver) -> None:
    archive = service.archive
    deeds = [deed for deed in archive.deeds(archive.experiments()[0]) if deed.undo_until and deed.state == "done"]
    archiver.undo(deeds[-1].id, service.owner)


def with_a_new_session(service: Service, _: Archiver) -> None:
    send(service, studies.frames(1, 2) | studies.frames(1, series="B", scan=2))


def with_something_to_merge(service: Service, archiver: Archiver) -> None:
    """Files of an old scan, one replaced, one there already; a new scan, and one whose number is taken."""
    archive_new(service, (send(service, studies.frames(1, 2, 3)), archiver)[1])
    send(service, studies.frames(2, version=2) | studies.frames(3, 4) | studies.frames(1, series="C", scan=3))


def archived(service: Service, archiver: Archiver) -> None:
    with_a_new_session(service, archiver)
    archive_new(service, archiver)


def merged(service: Service, archiver: Archiver) -> None:
    with_something_to_merge(service, archiver)
    merge(service, archiver)


SCENARIOS: dict[str, tuple[Any, Any]] = {
    "archive": (with_a_new_session, archive_new),
    "merge": (with_something_to_merge, merge),
    "undo-archive": (archived, undo_last),
    "undo-merge": (merged, undo_last),
}


def prepare(store: Path, arrange: Any) -> dict[str, str]:
    with opened(store) as (service, archiver):
        service.projects.create("P")
        arrange(service, archiver)
        return integrity.names_and_digests(service)


def look(store: Path, act: Any, before: dict[str, str], after: dict[str, str]) -> None:
    """After the next start: the old session or the new one, whole; nothing half done; a repeat succeeds."""
    with opened(store) as (service, archiver):
        now = integrity.names_and_digests(service)
        assert now in (before, after), f"neither before nor after: {sorted(set(now.items()) ^ set(before.items()))}"
        integrity.check_whole(service)
        if now == before:
            act(service, archiver)
            assert integrity.names_and_digests(service) == after
            integrity.check_whole(service)


def attempt(store: Path, act: Any, arm: Callable[[], None]) -> None:
    with opened(store) as (service, archiver):
        arm()
        act(service, archiver)


def points(work: Path, scenario: str, numbers: list[int], how: str) -> int:
    arrange, act = SCENARIOS[scenario]
    template = work / "template"
    before = prepare(template, arrange)
    untouched = work / "untouched"
    shutil.copytree(template, untouched)
    began = time.monotonic()
    with opened(untouched) as (service, archiver):
        act(service, archiver)
        after = integrity.names_and_digests(service)
    took = time.monotonic() - began
    assert before != after
    killed = 0
    seed = random.Random(numbers[0]) if numbers else random.Random(0)
    chosen = list(range(1, ENOUGH)) if len(numbers) < 2 else sorted(seed.sample(range(1, 140), numbers[1]))
    for point in chosen if how == "points" else range(numbers[1]):
        store = work / "store"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(template, store)
        after_seconds = seed.uniform(0, took)
        arm = (lambda point=point: killing_at(point)) if how == "points" else lambda s=after_seconds: killing_after(s)
        ended = in_child(lambda store=store, arm=arm: attempt(store, act, arm))
        assert ended in {0, -signal.SIGKILL}, f"point {point}: {ended}"
        killed += ended != 0
        assert in_child(lambda store=store: look(store, act, before, after)) == 0, f"{scenario} {how} {point} {numbers}"
        if ended == 0 and how == "points":
            break
    return killed


if __name__ == "__main__":
    folder, name, kind, *rest = sys.argv[1:]
    print("killed", points(Path(folder), name, [int(each) for each in rest], kind))
