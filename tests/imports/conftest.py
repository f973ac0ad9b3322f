from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pydicom
import pytest

from xnat_import_core import Service, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def service(store: Path) -> Iterator[Service]:
    with Service(Settings(store=store)) as service:
        service.projects.create("P")
        yield service


@pytest.fixture(scope="session")
def study(shipped: Path) -> dict[str, list[Path]]:
    """Real MR: two series of one study (seven objects, and some more), and another study of the same patient."""
    folder = shipped / "pydicom/test_files/dicomdirtests/98892003"
    by_study: dict[str, dict[str, list[Path]]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            header = pydicom.dcmread(path, stop_before_pixels=True)
            of_study = by_study.setdefault(header.StudyInstanceUID, {})
            of_study.setdefault(str(header.SeriesNumber), []).append(path)
    whole = next(series for series in by_study.values() if "700" in series)
    other = next(series for series in by_study.values() if "700" not in series)
    return {"series": whole["700"][:6], "second": whole["2"], "other": other["2"]}


class Pack:
    """Makes archives of files, or of names and bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0

    @staticmethod
    def members(*files: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in files}

    @staticmethod
    def zip_bytes(content: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", method) as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        return made.getvalue()

    @staticmethod
    def tgz_bytes(content: Mapping[str, bytes]) -> bytes:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w:gz") as archive:
            for name, data in content.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return made.getvalue()

    def zip(self, *files: Path, **named: bytes) -> Path:
        return self.write(self.zip_bytes(self.members(*files) | named))

    def tree(self, content: Mapping[str, bytes]) -> Path:
        return self.write(self.zip_bytes(content))

    def write(self, data: bytes, name: str = "") -> Path:
        self.made += 1
        path = self.folder / (name or f"upload-{self.made}.zip")
        path.write_bytes(data)
        return path


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    (tmp_path / "uploads").mkdir()
    return Pack(tmp_path / "uploads")


class Room:
    """What lies in a store."""

    def __init__(self, store: Path) -> None:
        self.store = store

    def files(self) -> list[str]:
        """Data files of the prearchive, without project and timestamp."""
        room = self.store / "prearchive" / "P"
        paths = (path.relative_to(room) for path in room.rglob("*") if path.is_file())
        return sorted(
            "/".join(path.parts[1:]) for path in paths if path.suffix != ".xml" and ".import" not in path.parts
        )

    def nothing_left(self) -> bool:
        """No session, no staging."""
        sessions = [path for path in (self.store / "prearchive").rglob("*") if path.is_file()]
        return not sessions and not any((self.store / "staging").iterdir())

    def all_bytes(self) -> dict[str, bytes]:
        """Every file of the prearchive, with receipts left out."""
        room = self.store / "prearchive"
        return {
            "/".join(
                part for part in path.relative_to(room).parts if not part[0].isdigit() or "_" not in part
            ): path.read_bytes()
            for path in room.rglob("*")
            if path.is_file() and ".import" not in path.parts
        }


@pytest.fixture
def room(store: Path) -> Room:
    return Room(store)
