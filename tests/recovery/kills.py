"""Imports in a child process that is killed, and looks at what the next start makes of it. Run by ``test_kills.py``.

kills.py WORK UPLOAD SCENARIO points            kill at each file operation, sync and commit in turn
kills.py WORK UPLOAD SCENARIO random SEED N     kill at N random instants
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

from sqlalchemy import Engine, event

from xnat_import_core import Service, Settings, XnatImportError
from xnat_import_core.documents import read_catalog, read_session_xml
from xnat_import_core.placing import placer
from xnat_import_core.storage import redo

AUDITED = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "open"}


def in_child(work) -> int:
    """Run in a fork; the exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the parent sees the status, a person the trace
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killing_at(point: int) -> None:
    """Arm this process: SIGKILL just before the operation of that number."""
    left = [point]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(name: str, arguments: tuple[object, ...]) -> None:
        if name in AUDITED and (name != "open" or (isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE)):
            count()

    event.listen(Engine, "commit", count)
    redo.sync_folder = lambda folder, real=redo.sync_folder: (count(), real(folder))[1]
    placer.sync_filesystem = lambda descriptor, real=placer.sync_filesystem: (count(), real(descriptor))[1]
    sys.addaudithook(audit)


def killing_after(seconds: float) -> None:
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, seconds)


def prepare(store: Path, first: Path | None) -> None:
    with Service(Settings(store=store, threads=1)) as service:
        service.projects.create("P")
        if first is not None:
            service.import_upload(first, project="P", import_handler="DICOM-zip")


def send(store: Path, upload: Path) -> None:
    with Service(Settings(store=store, threads=1)) as service:
        service.import_upload(upload, project="P", import_handler="DICOM-zip", action="commit")


def state(service: Service) -> dict[str, str]:
    """Every visible file with its digest; asserts that rows, files, catalogs and document agree."""
    found: dict[str, str] = {}
    for row in service.prearchive.rows():
        folder = service.settings.store / "prearchive" / "P" / row.timestamp / row.folder
        document = read_session_xml(folder.with_name(f"{row.folder}.xml"))
        assert {scan.id for scan in document.scans} == {scan.id for scan in service.prearchive.scans(row)}
        for scan in service.prearchive.scans(row):
            for resource in service.prearchive.resources(row, scan.id):
                files = service.prearchive.files(row, scan.id, resource.label)
                paths = [service.prearchive.file(row, scan.id, resource.label, file.name) for file in files]
                catalog = next(paths[0].parent.glob("*_catalog.xml"))
                assert sorted(entry.uri for entry in read_catalog(catalog).entries) == [file.name for file in files]
                assert {path.name for path in paths[0].parent.iterdir()} == {file.name for file in files} | {
                    catalog.name
                }
                for file, path in zip(files, paths, strict=True):
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    assert digest == file.digest
                    found[f"{row.name}/{scan.id}/{file.name}"] = digest
    return found


def look(store: Path, upload: Path, before: dict[str, str], after: dict[str, str]) -> None:
    """After the next start: all or nothing, nothing left in staging, no hidden row, and the next upload works."""
    with Service(Settings(store=store, threads=1)) as service:
        now = state(service)
        assert now in (before, after), f"neither before nor after: {sorted(set(now) ^ set(after))}"
        assert not any((store / "staging").iterdir())
        on_disk = [
            p
            for p in (store / "prearchive").rglob("*")
            if p.is_file() and p.suffix != ".xml" and ".import" not in p.parts
        ]
        assert len(on_disk) == len(now)
        with service.database.read() as connection:
            hidden = connection.exec_driver_sql(
                "SELECT "
                "(SELECT count(*) FROM session WHERE status IN ('STAGING', 'PLACING') OR locked_by IS NOT NULL) + "
                "(SELECT count(*) FROM file WHERE pending OR replaced_by IS NOT NULL) + "
                "(SELECT count(*) FROM file WHERE session_id NOT IN (SELECT id FROM session)) + "
                "(SELECT count(*) FROM operation) + "
                "(SELECT count(*) FROM import WHERE finished_at IS NULL)"
            ).scalar()
        assert hidden == 0
    send(store, upload)
    with Service(Settings(store=store, threads=1)) as service:
        assert state(service) == after


def expected(work: Path, upload: Path, first: Path | None) -> tuple[dict[str, str], dict[str, str], float]:
    store = work / "untouched"
    prepare(store, first)
    with Service(Settings(store=store, threads=1)) as service:
        before = state(service)
    began = time.monotonic()
    send(store, upload)
    took = time.monotonic() - began
    with Service(Settings(store=store, threads=1)) as service:
        return before, state(service), took


def main(work: Path, upload: Path, first: Path | None, how: str, *numbers: str) -> int:
    before, after, took = expected(work, upload, first)
    assert before != after
    template = work / "template"
    prepare(template, first)
    seed = random.Random(int(numbers[0])) if numbers else None
    count = int(numbers[1]) if numbers else 1000
    killed = 0
    for point in range(1, count + 1):
        store = work / "store"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(template, store)

        def attempt(
            point: int = point, after: float = seed.uniform(0, took * 1.2) if seed else 0, store: Path = store
        ) -> None:
            killing_after(after) if how == "random" else killing_at(point)
            send(store, upload)

        ended = in_child(attempt)
        assert ended in {0, -signal.SIGKILL}, f"point {point}: {ended}"
        killed += ended != 0
        assert in_child(lambda store=store: look(store, upload, before, after)) == 0, (
            f"point {point} of {how} {numbers}"
        )
        if ended == 0 and how == "points":
            break
    print(f"killed {killed}")
    return 0


if __name__ == "__main__":
    first = Path(sys.argv[3])
    try:
        sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), first if first.name != "none" else None, *sys.argv[4:]))
    except XnatImportError as error:
        sys.exit(f"{type(error).__name__}: {error.message}")
