"""Services whose plugins do wrong when a member's name says so, and what is left when they did."""

from __future__ import annotations

import pickle
import sys
import zipfile
from collections import Counter
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from attrs import define, field

HASTE = 1.0
"""Seconds that a plugin may take where a test waits for the end of its patience."""

PATIENCE = 60.0
"""Seconds that all others may take there: a slow machine decides nothing."""

PLUGINS = Path(__file__).parent / "plugins"
sys.path.append(str(PLUGINS))  # workers find plugins where the service finds them

import calm_handler  # noqa: E402 - from that folder
import gate  # noqa: E402
import misdeeds  # noqa: E402
import wild_extension  # noqa: E402
import wild_handler  # noqa: E402

from xnat_import_core import ExplicitPlugins, Fate, Limits, PluginError, Service, Settings  # noqa: E402
from xnat_import_core.workers import slots as slots_  # noqa: E402
from xnat_import_core.workers import threads as threads_  # noqa: E402
from xnat_import_core.workers.jobs import Calling  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xnat_import_core.workers.jobs import Job

WILD = ExplicitPlugins(handlers={"WILD": wild_handler, "CALM": calm_handler}, extensions={"obedient": wild_extension})


def digests(files: Mapping[str, bytes]) -> Counter[str]:
    return Counter(sha256(data).hexdigest() for data in files.values())


def packed(path: Path, members: Mapping[str, bytes]) -> Path:
    """A zip of these members."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@define
class Lab:
    """A service, and uploads for it."""

    service: Service
    store: Path
    uploads: Path
    _numbers: Iterator[int] = field(factory=count)

    def import_(self, members: Mapping[str, bytes], handler: str, project: str = "", **parameters):
        project = project or f"P{next(self._numbers)}"
        self.service.projects.create(project)
        upload = packed(self.uploads / f"{next(self._numbers)}.zip", members)
        return self.service.import_upload(upload, import_handler=handler, project=project, **parameters)

    def stored(self, project: str) -> Counter[str]:
        """Digests of a project's data files."""
        room = self.store / "prearchive" / project
        files = (path for path in room.rglob("*") if path.is_file() and path.suffix != ".xml")
        return Counter(sha256(path.read_bytes()).hexdigest() for path in files if ".import" not in path.parts)

    def is_whole(self, outcome, members: Mapping[str, bytes]) -> bool:
        """Every byte of the upload is there, once, and the receipt says so."""
        lines = list(self.service.receipt_lines(outcome.import_id))
        projects = {session.project for session in outcome.sessions}
        stored = sum((self.stored(project) for project in projects), Counter())
        return stored == digests(members) and {line.fate for line in lines} == {Fate.STORED}

    def has_nothing_of(self, error, project: str, names) -> bool:
        """Nothing is in prearchive or staging, and the receipt says of every member why."""
        lines = list(self.service.receipt_lines(error.import_id))
        assert [line.name for line in lines] == list(names)
        assert all(line.fate == Fate.REJECTED and error.plugin in line.reason for line in lines)
        assert self.service.receipt(error.import_id).status == "failed"
        assert not [row for row in self.service.prearchive.rows() if row.project == project]
        assert not any((self.store / "staging").glob("*"))
        return not self.stored(project)

    def names_culprits(self, misdeed: str) -> bool:
        """A thread that hangs or is left is not tried again: what it holds may stop the innocent."""
        return self.service.settings.workers > 0 or misdeed not in {"sleep", "leave"}

    @contextmanager
    def neighbour(self, members: Mapping[str, bytes]):
        """An import of another handler, in ``extract`` when the block begins; it is whole when the block ends."""
        outcomes = []
        gate.close()
        beside = Thread(target=lambda: outcomes.append(self.import_(members, "CALM")))
        beside.start()
        try:
            gate.arrivals()
            yield
        finally:
            gate.lift()
            beside.join()
        assert outcomes
        assert self.is_whole(outcomes[0], members)


@pytest.fixture(scope="session")
def study(shipped: Path) -> dict[str, bytes]:
    """A real study: seven CT objects in two series."""
    folder = shipped / "pydicom/test_files/dicomdirtests/98892001"
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="session")
def hundred(shipped: Path) -> dict[str, bytes]:
    """A hundred real objects, under as many names."""
    folder = shipped / "pydicom/test_files/dicomdirtests"
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "DICOMDIR")[:25]
    return {f"{turn}/{path.name}": path.read_bytes() for turn in range(4) for path in files}


@pytest.fixture(scope="session", autouse=True)
def _gate(tmp_path_factory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(gate.VARIABLE, str(tmp_path_factory.mktemp("gate")))
        yield


@contextmanager
def opened(folder: Path, **settings) -> Iterator[Lab]:
    """A lab in an empty folder."""
    (folder / "uploads").mkdir()
    with Service(Settings(folder / "store", **settings), WILD) as service:
        yield Lab(service, folder / "store", folder / "uploads")


@pytest.fixture(scope="module")
def slots(tmp_path_factory) -> Iterator[Lab]:
    with opened(tmp_path_factory.mktemp("slots"), workers=2, limits=Limits(worker_bytes=512 << 20)) as lab:
        yield lab


@pytest.fixture(scope="module")
def threads(tmp_path_factory) -> Iterator[Lab]:
    with opened(tmp_path_factory.mktemp("threads"), workers=0, threads=2) as lab:
        yield lab


def seconds(job: Job, deadline: float) -> float:
    """A deadline for those that are told to hang, and much more for everybody else."""
    order = f"--{job.hook}--".encode()
    cells = (job.run.__closure__ or ()) if isinstance(job, Calling) else ()
    parts = [cell.cell_contents for cell in cells] or [job]
    return deadline if any(order in _pickled(part) for part in parts) else PATIENCE


def _pickled(part: object) -> bytes:
    try:
        return pickle.dumps(part)
    except Exception:  # noqa: BLE001 - what cannot travel gives no orders
        return b""


@pytest.fixture(scope="module")
def patient() -> Iterator[None]:
    """Only those have to hurry that are told to hang."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots_, "seconds_for", seconds)
        patch.setattr(threads_, "seconds_for", seconds)
        yield


@pytest.fixture(scope="module")
def hasty_slots(tmp_path_factory, patient) -> Iterator[Lab]:
    with opened(tmp_path_factory.mktemp("hasty-slots"), workers=2, plugin_deadline=HASTE) as lab:
        yield lab


@pytest.fixture(scope="module")
def hasty_threads(tmp_path_factory, patient) -> Iterator[Lab]:
    with opened(tmp_path_factory.mktemp("hasty-threads"), workers=0, threads=2, plugin_deadline=HASTE) as lab:
        yield lab
    misdeeds.AWAKE.set()


@pytest.fixture
def pack():
    """``pack(path, members)``: a zip."""
    return packed


@pytest.fixture
def open_lab():
    """``open_lab(folder, **settings)``, a context manager."""
    return opened


@pytest.fixture
def lab(request) -> Lab:
    """The one of these that a test's parameter names."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def only_its_own_import_fails():
    """``only_its_own_import_fails(lab, hook, misdeed, members, study)``."""
    return check


@pytest.fixture
def order():
    """``order(members, hook, misdeed)``: with an order for the last but one, and its name."""
    return ordered


def ordered(members: Mapping[str, bytes], hook: str, misdeed: str) -> tuple[dict[str, bytes], str]:
    """The same members, the last but one with an order; and its name."""
    names = list(members)
    names[-2] += f"--{hook}--{misdeed}"
    return dict(zip(names, members.values(), strict=True)), names[-2]


def check(lab: Lab, hook: str, misdeed: str, members: Mapping[str, bytes], study: Mapping[str, bytes]) -> None:
    """What every misdeed comes to; of a member that is its cause, the name is told."""
    upload, culprit = ordered(members, hook, misdeed)
    project = f"BAD-{hook}-{misdeed}-{len(members)}"
    with lab.neighbour(study), pytest.raises(PluginError) as caught:
        lab.import_(upload, "WILD", project)
    error = caught.value
    who = "obedient" if hook == "transform_files" else "WILD"
    asked = "extract" if hook == "again" else hook
    assert (error.plugin, error.hook) == (who, asked)
    assert who in error.message
    assert asked in error.message
    assert "Jane" not in error.message
    if asked == "extract" and lab.names_culprits(misdeed):
        assert error.members == (culprit,)
    assert lab.has_nothing_of(error, project, upload)
    assert lab.is_whole(lab.import_(study, "WILD"), study)
