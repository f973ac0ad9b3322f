from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from sqlalchemy import select, update

from xnat_import_core import Service, Settings
from xnat_import_core.database.tables import deed, project, session
from xnat_import_core.database.tables import scan as scan_table
from xnat_import_core.documents import read_catalog, read_session_xml
from xnat_import_core.operations import Operations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Row

    from xnat_import_core.prearchive import PrearchiveRow

PET_IMAGE = "1.2.840.10008.5.1.4.1.1.128"


class NoArchive:
    """An archive that nobody should ask."""

    def archive(self, row: object, request: object, principal: object) -> None:
        message = "nothing is to be archived here"
        raise AssertionError(message)


class Site:
    """A service with its operations, and what a test wants to know of it."""

    def __init__(self, service: Service, archiver: object) -> None:
        self.service = service
        self.store = service._store
        self.owner = service.owner
        self.operations = Operations(service._store, service._host, service._crew, archiver)

    def send(self, *files: Path | bytes, principal: object = None, **parameters: Any) -> PrearchiveRow:
        """Import files as one upload; the session that they came to."""
        sent = {"import_handler": "DICOM-zip", "project": "P"} | parameters
        sent = {name: value for name, value in sent.items() if value is not None}
        path = self.store.tree.root / "upload.zip"
        path.write_bytes(zipped(files))
        outcome = self.service.import_upload(path, principal=principal or self.owner, **sent)
        return self.at(outcome.sessions[0].uri)

    def at(self, uri: str) -> PrearchiveRow:
        _, _, _, name, timestamp, folder = uri.split("/")
        return self.service.prearchive.find(name, timestamp, folder)

    def again(self, row: PrearchiveRow) -> PrearchiveRow:
        return self.at(row.uri)

    def columns(self, row: PrearchiveRow) -> Row[Any]:
        with self.service.database.read() as connection:
            return connection.execute(select(session).where(session.c.id == row.id)).one()

    def put(self, row: PrearchiveRow, **values: Any) -> None:
        with self.service.database.write() as connection:
            connection.execute(update(session).where(session.c.id == row.id).values(**values))

    def put_project(self, name: str, **values: Any) -> None:
        with self.service.database.write() as connection:
            connection.execute(update(project).where(project.c.id == name).values(**values))

    def scan_rows(self, row: PrearchiveRow) -> list[Row[Any]]:
        with self.service.database.read() as connection:
            return list(connection.execute(select(scan_table).where(scan_table.c.session_id == row.id)))

    def deeds(self) -> list[tuple[str, str]]:
        with self.service.database.read() as connection:
            rows = connection.execute(select(deed.c.kind, deed.c.state).order_by(deed.c.started_at))
            return [(row.kind, row.state) for row in rows]

    def folder(self, row: PrearchiveRow) -> Path:
        return self.store.tree.session_folder(row.project or "", row.timestamp, row.folder)

    def document(self, row: PrearchiveRow) -> Path:
        return self.store.tree.session_document(row.project or "", row.timestamp, row.folder)

    def files(self, row: PrearchiveRow) -> dict[str, str]:
        """Data files on the disk, by path in the session, with their digests."""
        folder = self.folder(row)
        paths = (path for path in (folder / "SCANS").rglob("*") if path.is_file() and path.suffix != ".xml")
        return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def check(self, row: PrearchiveRow) -> None:
        """Rows, files, catalogs and document of a session say the same."""
        parsed = read_session_xml(self.document(row))
        scans = self.service.prearchive.scans(row)
        assert [scan.id for scan in parsed.scans] == [scan.id for scan in scans]
        assert [scan.type for scan in parsed.scans] == [scan.xsi_type for scan in scans]
        assert (parsed.project, parsed.label, parsed.subject) == (row.project or "", row.name, row.subject)
        on_disk = self.files(row)
        for scan in scans:
            for resource in self.service.prearchive.resources(row, scan.id):
                folder = self.folder(row) / "SCANS" / scan.id / resource.label
                (catalog,) = folder.glob("*_catalog.xml")
                files = self.service.prearchive.files(row, scan.id, resource.label)
                assert sorted(entry.uri for entry in read_catalog(catalog).entries) == [file.name for file in files]
                for file in files:
                    assert on_disk.pop(f"SCANS/{scan.id}/{resource.label}/{file.name}") == file.digest
        assert not on_disk
        assert not any((self.store.tree.staging).iterdir())


def zipped(files: Iterable[Path | bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number, file in enumerate(files):
            name, data = (f"{number}.dcm", file) if isinstance(file, bytes) else (file.name, file.read_bytes())
            archive.writestr(name, data)
    return made.getvalue()


@pytest.fixture
def zip_of() -> Callable[[Iterable[Path | bytes]], bytes]:
    return zipped


@pytest.fixture
def make_site(tmp_path) -> Iterator[Callable[..., Site]]:
    opened: list[Service] = []

    def make(archiver: object = None, plugins: object = None, **settings: Any) -> Site:
        made = Settings(store=tmp_path / "store", **{"busy_timeout": 5, "threads": 1} | settings)
        service = Service(made, plugins=plugins)
        service.start()
        opened.append(service)
        for name in ("P", "Q"):
            service.projects.create(name)
        return Site(service, archiver or NoArchive())

    yield make
    for service in opened:
        service.close()


@pytest.fixture
def site(make_site) -> Site:
    return make_site()


@pytest.fixture(scope="session")
def study(shipped: Path) -> Mapping[str, list[Path]]:
    """A real MR study of two series, and another study of the same patient."""
    folder = shipped / "pydicom/test_files/dicomdirtests/98892003"
    studies: dict[str, dict[str, list[Path]]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        series = studies.setdefault(header.StudyInstanceUID, {})
        series.setdefault(str(header.SeriesNumber), []).append(path)
    whole = next(series for series in studies.values() if "700" in series)
    other = next(series for series in studies.values() if "700" not in series)
    return {"first": whole["700"][:4], "second": whole["2"], "other": other["2"]}


@pytest.fixture(scope="session")
def pet_mr(study: Mapping[str, list[Path]]) -> list[bytes]:
    """Real MR files as a study of PET with MR: a T1 series, an attenuation map, and a PET series made of MR slices."""
    parts = (
        ("T1", study["first"][:2], None),
        ("Head_MRAC", study["first"][2:], None),
        ("Brain", study["second"], "PT"),
    )
    return [
        _as_series(path, number, description, modality)
        for number, (description, paths, modality) in enumerate(parts, 1)
        for path in paths
    ]


def _as_series(path: Path, number: int, description: str, modality: str | None) -> bytes:
    header = pydicom.dcmread(path)
    header.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.77"
    header.SeriesInstanceUID = f"{header.StudyInstanceUID}.{number}"
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = f"{header.SOPInstanceUID}.{number}"
    header.SeriesNumber, header.SeriesDescription = number, description
    if modality:
        header.Modality = modality
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = PET_IMAGE
    made = io.BytesIO()
    header.save_as(made)
    return made.getvalue()
