"""One operation in a child process that is killed, and what the next start makes of it. Run by ``test_kills.py``.

operation_kills.py WORK UPLOAD OPERATION
"""

from __future__ import annotations

import hashlib
import shutil
import signal
import sys
from pathlib import Path

from xnat_import_core import Service, Settings
from xnat_import_core.documents import read_catalog, read_session_xml
from xnat_import_core.operations import FINISHERS, Operations, changes
from xnat_import_core.placing import placer
from xnat_import_core.prearchive import deleting
from xnat_import_core.prearchive.recovery import recover

sys.path.insert(0, str(Path(__file__).parents[1] / "recovery"))
from kills import in_child, killing_at

OPERATIONS = {
    "build": lambda ask, row, owner: ask.build(row, owner),
    "move": lambda ask, row, owner: ask.move(row, owner, "Q"),
    "delete": lambda ask, row, owner: ask.delete(row, owner),
    "delete-scan": lambda ask, row, owner: ask.delete_scan(row, "1", owner),
    "separate": lambda ask, row, owner: ask.separate(row, owner),
}


def opened(store: Path) -> Service:
    return Service(Settings(store=store, threads=1))


def prepare(store: Path, upload: Path, operation: str) -> None:
    with opened(store) as service:
        for project in ("P", "Q"):
            service.projects.create(project)
        service.import_upload(upload, project="P", session="S", import_handler="DICOM-zip")
        if operation != "build":
            do(service, "build")


def do(service: Service, operation: str) -> None:
    ask = Operations(service._store, service._host, service._crew, None)
    (row,) = service.prearchive.rows()
    OPERATIONS[operation](ask, row, service.owner)


def attempt(store: Path, operation: str, point: int) -> None:
    with opened(store) as service:
        for module in (changes, deleting):  # their syncs count as those of an import do
            module.sync_filesystem = lambda descriptor: placer.sync_filesystem(descriptor)
        killing_at(point)
        do(service, operation)


def recovered(store: Path, point: int) -> None:
    with opened(store) as service:
        if point:
            killing_at(point)
        recover(service.database, service._store.tree, FINISHERS)


def state(service: Service) -> dict[str, str]:
    """What is shown: every file with its digest; asserts that rows, files, catalogs and document agree."""
    found: dict[str, str] = {}
    for row in service.prearchive.rows():
        session = f"{row.project}/{row.name}"
        folder = service._store.tree.session_folder(row.project, row.timestamp, row.folder)
        document = read_session_xml(folder.with_name(f"{row.folder}.xml"))
        scans = service.prearchive.scans(row)
        assert [scan.id for scan in document.scans] == [scan.id for scan in scans]
        assert (document.project, document.label) == (row.project, row.name)
        found[session] = f"{row.status} {document.type} {row.version} {row.built}"
        names = set()
        for scan in scans:
            for file in service.prearchive.files(row, scan.id, "DICOM"):
                path = service.prearchive.file(row, scan.id, "DICOM", file.name)
                assert hashlib.sha256(path.read_bytes()).hexdigest() == file.digest
                found[f"{session}/{scan.id}/{file.name}"] = file.digest
                names.add(path)
            (catalog,) = path.parent.glob("*_catalog.xml")
            entries = {path.parent / entry.uri for entry in read_catalog(catalog).entries}
            assert {catalog, *entries} == set(path.parent.iterdir())
        assert {path for path in (folder / "SCANS").rglob("*") if path.is_file() and path.suffix != ".xml"} == names
    return found


def digests(store: Path) -> set[str]:
    """Of every data file in the prearchive and the trash."""
    files = (path for room in ("prearchive", "trash") for path in (store / room).rglob("*.dcm"))
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def look(store: Path, operation: str, before: dict[str, str], after: dict[str, str], data: set[str]) -> None:
    """After the next start: the old or the new, nothing in between, nothing lost; and it can be done again."""
    with opened(store) as service:
        now = state(service)
        assert now in (before, after), f"neither before nor after: {sorted(now)}"
        assert digests(store) == data
        assert not any((store / "staging").iterdir())
        documents = [path for path in (store / "prearchive").rglob("*.xml") if "SCANS" not in path.parts]
        assert len(documents) == len(service.prearchive.rows())
        with service.database.read() as connection:
            left = connection.exec_driver_sql(
                "SELECT (SELECT count(*) FROM session WHERE status = 'STAGING' OR locked_by IS NOT NULL) + "
                "(SELECT count(*) FROM deed WHERE finished_at IS NULL)"
            ).scalar()
        assert left == 0
        if now == before and operation != "build":
            do(service, operation)
            assert state(service) == after


def main(work: Path, upload: Path, operation: str) -> int:
    template, untouched = work / "template", work / "untouched"
    prepare(template, upload, operation)
    shutil.copytree(template, untouched)
    with opened(untouched) as service:
        before, data = state(service), digests(untouched)
        do(service, operation)
        after = state(service)
        assert before != after
    killed = 0
    for point in range(1, 1000):
        store = work / "store"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(template, store)
        ended = in_child(lambda store=store, point=point: attempt(store, operation, point))
        assert ended in {0, -signal.SIGKILL}, f"point {point}: {ended}"
        for again in (1 + point % 9, 0):  # recovery is killed, too
            assert in_child(lambda store=store, again=again: recovered(store, again)) in {0, -signal.SIGKILL}
        assert in_child(lambda store=store: look(store, operation, before, after, data)) == 0, f"point {point}"
        if ended == 0:
            break
        killed += 1
    print(f"killed {killed}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
