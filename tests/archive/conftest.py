from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from xnat_import_core import Overwrite, Service, Settings
from xnat_import_core.archive import Archiver, ArchiveRequest, MergeRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xnat_import_core.archive import ExperimentRow
    from xnat_import_core.models import ArchiveOutcome, ArchivePlan
    from xnat_import_core.prearchive import PrearchiveRow


def _beside(name: str) -> Any:
    """A module of this folder: the scripts of this folder use it too."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


integrity = _beside("integrity")
studies = _beside("studies")

WORDS = {
    "none": {},
    "append": {"overwrite": Overwrite.APPEND},
    "append+files": {"overwrite": Overwrite.APPEND, "overwrite_files": True},
    "delete": {"overwrite": Overwrite.DELETE},
}
"""The four ways to ask (chapter 8.10)."""


class Site:
    """A service with its archive, and what a test wants to do with it."""

    def __init__(self, service: Service, folder: Path, rules: MergeRules | None = None) -> None:
        self.service = service
        self.folder = folder
        self.owner = service.owner
        self.tree = service._store.tree
        self.archive = service.archive
        own = rules is not None
        self.archiver = Archiver(service._store, service._host, service._crew, rules) if own else service.archiver

    def with_rules(self, **rules: Any) -> Site:
        return Site(self.service, self.folder, MergeRules(**rules))

    def send(self, members: dict[str, bytes], **parameters: Any) -> PrearchiveRow:
        """Import an upload into the prearchive; the session that it came to."""
        path = self.folder / "upload.zip"
        path.write_bytes(studies.zipped(members))
        sent = {"project": "P", "import_handler": "DICOM-zip", "action": "commit"} | parameters
        outcome = self.service.import_upload(path, **sent)
        return self.at(outcome.sessions[0].uri)

    def at(self, uri: str) -> PrearchiveRow:
        _, _, _, name, timestamp, folder = uri.split("/")
        return self.service.prearchive.find(name, timestamp, folder)

    def again(self, row: PrearchiveRow) -> PrearchiveRow:
        return self.at(row.uri)

    def plan(self, row: PrearchiveRow, word: str = "none", **asked: Any) -> ArchivePlan:
        return self.archiver.plan(row, ArchiveRequest(**WORDS[word], **asked), self.owner)

    def put(self, row: PrearchiveRow, word: str = "none", **asked: Any) -> ArchiveOutcome:
        """Archive a session."""
        return self.archiver.archive(row, ArchiveRequest(**WORDS[word], **asked), self.owner)

    def store(self, members: dict[str, bytes], word: str = "none", **asked: Any) -> ExperimentRow:
        """Send and archive in one go; the experiment."""
        return self.archive.find(self.put(self.send(members), word, **asked).experiment)

    def files(self, row: ExperimentRow, scan: str) -> set[str]:
        return {each.name for each in self.archive.files(row, scan, "DICOM")}

    def scans(self, row: ExperimentRow) -> dict[str, int]:
        """Number of DICOM files by scan."""
        return {each.id: len(self.files(row, each.id)) for each in self.archive.scans(row)}

    def check(self, **found: Any) -> None:
        integrity.check_whole(self.service, **found)


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """A function: a site with these settings."""
    opened = []

    def make(plugins: Any = None, **settings: Any) -> Site:
        service = Service(Settings(store=tmp_path / "store", threads=2, **settings), plugins)
        service.start()
        opened.append(service)
        for project in ("P", "Q"):
            service.projects.create(project)
        return Site(service, tmp_path)

    yield make
    for service in opened:
        service.close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()


@pytest.fixture
def frames() -> Callable[..., dict[str, bytes]]:
    return studies.frames


@pytest.fixture
def words() -> dict[str, Any]:
    return WORDS


@pytest.fixture
def whole() -> Any:
    """The functions that look whether a store is whole."""
    return integrity
