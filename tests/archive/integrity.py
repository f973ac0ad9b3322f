"""What must always be true of a store: rows = files = catalogs = documents = digests, and nothing half done."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lxml import etree
from sqlalchemy import func, select

from xnat_import_core.archive import Archive
from xnat_import_core.database.tables import deed, experiment, file, outbox, scan, session, study, subject, workflow
from xnat_import_core.documents import read_catalog, read_session_xml
from xnat_import_core.storage.names import clean_label
from xnat_import_core.storage.tree import place_folder

if TYPE_CHECKING:
    from xnat_import_core import Service
    from xnat_import_core.archive import ExperimentRow

SCHEMAS = Path(__file__).resolve().parents[3] / "shared" / "spec" / "schemas"


def check_whole(service: Service, *, strays: int = 0) -> None:
    """Assert it all. ``strays``: so many files in the archive belong to nobody, as the test wants it."""
    check_at_rest(service)
    found = sum(check_experiment(service, row) for row in Archive(service.database, service._store.tree).experiments())
    root = service._store.tree.archive
    on_disk = [path for path in root.rglob("*") if path.is_file() and ".import" not in path.parts]
    data = [path for path in on_disk if not path.name.endswith("_catalog.xml")]
    assert len(data) == found + strays, sorted(str(path.relative_to(root)) for path in data)
    check_prearchive(service)


def check_at_rest(service: Service) -> None:
    """Nobody holds anything, nothing is hidden that nobody could find again."""
    with service.database.read() as connection:

        def count(table: Any, *where: Any) -> int:
            return connection.execute(select(func.count()).select_from(table).where(*where)).scalar()

        assert not count(session, session.c.locked_by.is_not(None))
        assert not count(session, session.c.status.in_(("STAGING", "PLACING", "ARCHIVING")))
        assert not count(file, file.c.pending, file.c.trashed_by.is_(None))
        assert not count(file, file.c.replaced_by.is_not(None))
        assert not count(deed, deed.c.state.in_(("begun", "forward")))
        assert not count(outbox)
        archived = connection.execute(select(session.c.id, session.c.folder).where(session.c.status == "ARCHIVED"))
        owned = set(connection.execute(select(experiment.c.session_id)).scalars())
        merged = {row.folder for row in archived if row.id not in owned}
        kept = set(connection.execute(select(deed.c.id).where(deed.c.state == "done")).scalars())
        assert merged <= kept
    assert not list(service._store.tree.staging.iterdir())


def check_experiment(service: Service, row: ExperimentRow) -> int:
    """One archived session; the number of its files."""
    tree = service._store.tree
    folder = tree.experiment_folder(row.project, row.arc, row.label)
    document = read_session_xml(folder / ".import" / "session.xml")
    assert (document.id, document.label, document.project) == (row.id, row.label, row.project)
    assert (document.subject, document.type) == (row.subject_id, row.type)
    check_valid(folder / ".import" / "session.xml", "xnat")
    with service.database.read() as connection:
        scans = connection.execute(select(scan).where(scan.c.session_id == row.session_id).order_by(scan.c.position))
        scans = list(scans)
        here = (file.c.session_id == row.session_id) & file.c.pending.is_(False)
        files = connection.execute(select(file).where(here)).all()
        records = {each.id: each for each in connection.execute(select(workflow))}
        owner = connection.execute(select(subject).where(subject.c.id == row.subject_id)).one()
        further = connection.execute(select(study.c.tag).where(study.c.session_id == row.session_id)).scalars().all()
        tag = connection.execute(select(session.c.tag).where(session.c.id == row.session_id)).scalar()
    assert owner.project == row.project
    assert [each.id for each in document.scans] == [each.label for each in scans]
    assert [each.uid for each in document.scans if each.uid] == [each.key for each in scans if "." in each.key]
    labels = {f"scan:{each.key}": each.label for each in scans}
    by_resource: dict[tuple[str, str], list[Any]] = {}
    for each in files:
        by_resource.setdefault((each.place, each.resource), []).append(each)
    entries = {entry.uri.rpartition("/")[0]: entry for each in document.scans for entry in each.resources}
    entries |= {entry.uri.rpartition("/")[0]: entry for entry in document.resources}
    folders = {(place, resource): _folder(place, labels, resource) for place, resource in by_resource}
    assert entries.keys() == set(folders.values())
    for key, rows in by_resource.items():
        check_resource(folder, folder / folders[key], rows, entries[folders[key]], records)
    check_state(folder, row, owner, {each.label: each.key for each in scans}, {tag, *further})
    return len(files)


def _folder(place: str, labels: dict[str, str], resource: str) -> str:
    kind, _, key = place.partition(":")
    return f"{place_folder(kind, labels.get(place) or clean_label(key))}/{resource}"


def check_resource(session_folder: Path, folder: Path, rows: list[Any], entry: Any, records: dict[int, Any]) -> None:
    """Rows, files, catalog and the document's entry say one thing of a resource."""
    catalogs = list(folder.glob("*_catalog.xml"))
    assert len(catalogs) == 1
    assert entry.uri == str(catalogs[0].relative_to(session_folder))
    check_valid(catalogs[0], "catalog")
    catalog = {each.uri: each for each in read_catalog(catalogs[0]).entries}
    assert catalog.keys() == {row.name for row in rows}
    assert {path.name for path in folder.iterdir()} >= {row.name for row in rows}
    size = 0
    for row in rows:
        data, said = (folder / row.name).read_bytes(), catalog[row.name]
        assert hashlib.sha256(data).hexdigest() == row.stored_sha256
        assert hashlib.md5(data, usedforsecurity=False).hexdigest() == row.md5 == said.digest
        assert len(data) == row.size == said.size
        assert said.uid == row.uid
        assert (said.created.event, said.created.by) == (row.event, records[row.event].user)
        assert (said.modified.event if said.modified else 0) == row.modified_event
        size += len(data)
    assert (entry.file_count, entry.file_size) == (len(rows), size)


def check_state(folder: Path, row: ExperimentRow, owner: Any, scans: dict[str, str], studies: set[str]) -> None:
    """What only the state file can tell without the database."""
    state = json.loads((folder / ".import" / "state.json").read_text())
    assert (state["experiment"], state["label"], state["status"]) == (row.id, row.label, row.status)
    assert state["subject"] == {"id": owner.id, "label": owner.label}
    assert state["scans"] == scans
    assert set(state["studies"]) == studies


def check_prearchive(service: Service) -> None:
    """The waiting room: rows, files and documents."""
    for row in service.prearchive.rows():
        folder = service._store.tree.session_folder(row.project or "", row.timestamp, row.folder)
        document = read_session_xml(folder.with_name(f"{row.folder}.xml"))
        assert not document.id
        assert {each.id for each in document.scans} == {each.id for each in service.prearchive.scans(row)}
        for each in service.prearchive.scans(row):
            for resource in service.prearchive.resources(row, each.id):
                files = service.prearchive.files(row, each.id, resource.label)
                for one in files:
                    path = service.prearchive.file(row, each.id, resource.label, one.name)
                    assert hashlib.sha256(path.read_bytes()).hexdigest() == one.digest
                catalog = next(path.parent.glob("*_catalog.xml"))
                assert {entry.uri for entry in read_catalog(catalog).entries} == {one.name for one in files}
                assert {entry.digest for entry in read_catalog(catalog).entries} == {""}


def check_valid(path: Path, schema: str) -> None:
    """Valid against XNAT's own schema, where it lies beside this repository."""
    if SCHEMAS.is_dir():
        etree.XMLSchema(etree.parse(SCHEMAS / schema / f"{schema}.xsd")).assertValid(etree.parse(path))


def archive_bytes(service: Service) -> dict[str, bytes]:
    """Every file of the archive."""
    root = service._store.tree.archive
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def archive_rows(service: Service) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that tells of the archive."""
    columns = [column for column in session.c if column.name != "lastmod"]  # of a lock, too
    with service.database.read() as connection:
        inside = select(experiment.c.session_id)
        return {
            "experiment": sorted(map(tuple, connection.execute(select(experiment)))),
            "subject": sorted(map(tuple, connection.execute(select(subject)))),
            "workflow": sorted(map(tuple, connection.execute(select(workflow)))),
            "session": sorted(map(str, connection.execute(select(*columns).where(session.c.id.in_(inside))))),
            "scan": sorted(map(str, connection.execute(select(scan).where(scan.c.session_id.in_(inside))))),
            "file": sorted(map(str, connection.execute(select(file).where(file.c.session_id.in_(inside))))),
        }


def names_and_digests(service: Service) -> dict[str, str]:
    """Every visible file of both spaces by its place, with its digest; IDs and times do not count."""
    found: dict[str, str] = {}
    archive = Archive(service.database, service._store.tree)
    for row in archive.experiments():
        for each in archive.scans(row):
            for resource in archive.resources(row, each.id):
                for one in archive.files(row, each.id, resource.label):
                    found[f"archive/{row.label}/{each.id}/{resource.label}/{one.name}"] = one.digest
    for row in service.prearchive.rows():
        for each in service.prearchive.scans(row):
            for resource in service.prearchive.resources(row, each.id):
                for one in service.prearchive.files(row, each.id, resource.label):
                    found[f"prearchive/{row.name}/{each.id}/{resource.label}/{one.name}"] = one.digest
    return found
