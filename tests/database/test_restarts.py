"""PostgreSQL goes away and comes back in the middle of an import: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from attrs import define
from sqlalchemy import Engine, event, select

from xnat_import_core import Overwrite, Service, Settings, XnatImportError
from xnat_import_core.archive import ArchiveRequest
from xnat_import_core.database.tables import deed, experiment, file, import_, operation, session

pytest.importorskip("psycopg")
import psycopg

BEFORE, AFTER, UNANSWERED, STATEMENT = HOWS = (
    "before a commit", "after a commit", "after a commit, unanswered", "before a statement",
)  # fmt: skip

ROOMS = ("prearchive/*/*/*", "archive/*/*/*")


@pytest.fixture(scope="module")
def series(shipped):
    """Two series of one study, by number."""
    of_studies = {}
    for path in sorted((shipped / "pydicom/test_files/dicomdirtests/98892003").glob("*/*")):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        of_studies.setdefault(header.StudyInstanceUID, {}).setdefault(int(header.SeriesNumber), []).append(path)
    return next(study for study in of_studies.values() if 700 in study)


@pytest.fixture
def opened(tmp_path, postgresql):
    """``opened()``: a service on a new store and a new database."""

    @contextmanager
    def open_():
        store = Path(tempfile.mkdtemp(dir=tmp_path))
        with Service(Settings(store=store, database=postgresql.new("restarted"), threads=1)) as service:
            for project in ("P", "Q"):
                service.projects.create(project)
            yield service

    yield open_
    postgresql.drop("restarted")


@define
class Interruption:
    """Restarts the server at one commit, or before one statement.

    Attributes:
        left: So many to go.
    """

    server: object
    how: str
    left: int

    def commit(self, connection, commit):
        if self.how == STATEMENT or not self.is_due():
            commit(connection)
            return
        if self.how == BEFORE:
            self.restart()
        commit(connection)
        self.restart()
        if self.how == UNANSWERED:
            connection.close()
            lost = "the connection is lost"
            raise psycopg.OperationalError(lost)

    def before_statement(self, *_):
        if self.how == STATEMENT and self.is_due():
            self.restart()

    def is_due(self) -> bool:
        self.left -= 1
        return not self.left

    def restart(self) -> None:
        self.server.stop()
        self.server.start()


@pytest.fixture
def interrupted(postgresql):
    """``with interrupted(how, point) as interruption``: it comes about in this block."""

    @contextmanager
    def arm(how, point):
        interruption, commit = Interruption(postgresql, how, point), psycopg.Connection.commit
        listener = interruption.before_statement
        event.listen(Engine, "before_cursor_execute", listener)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(psycopg.Connection, "commit", lambda connection: interruption.commit(connection, commit))
            yield interruption
        event.remove(Engine, "before_cursor_execute", listener)

    return arm


class Work:
    """What is done meanwhile, step by step; a step that fails is asked for again, and does what is not done yet."""

    def __init__(self, service, series):
        self.service = service
        self.series = series

    def run(self, *steps):
        for step in steps:
            for left in (2, 1, 0):
                try:
                    step(self)
                    break
                except XnatImportError:
                    if not left:
                        raise

    def rows(self):
        return self.service.prearchive.rows()

    def send(self, number, project):
        self.service.import_upload(*self.series[number][:4], project=project, import_handler="SI")

    def send_one(self):
        self.send(700, "P")

    def send_the_other(self):
        self.send(2, "P")

    def send_for_a_merge(self):
        self.send(2, "Q")

    def move(self):
        for row in self.rows():
            if row.project == "P":
                self.service.operations.move(row, self.service.owner, "Q")

    def archive(self):
        for row in self.rows():
            self.service.archiver.archive(row, ArchiveRequest(overwrite=Overwrite.APPEND), self.service.owner)

    def undo(self):
        with self.service.database.read() as connection:
            merge = select(deed.c.id).where(deed.c.kind == "merge", deed.c.state == "done", deed.c.undone_by == "")
            done = connection.execute(merge).scalars().all()
        for each in done:
            self.service.archiver.undo(each, self.service.owner)

    def delete(self):
        for row in self.rows():
            self.service.operations.delete(row, self.service.owner)


WORKS = {
    "imports": (Work.send_one, Work.send_the_other),
    "archive": (Work.send_one, Work.move, Work.archive, Work.send_for_a_merge, Work.archive, Work.undo, Work.delete),
}


def everything(service):
    """Sessions, experiments and visible files; nothing is held or half-done, and rows and files agree."""
    visible = select(file.c.session_id, file.c.identity).where(file.c.pending.is_(False), file.c.replaced_by.is_(None))
    with service.database.read() as connection:
        sessions = connection.execute(select(session.c.id, session.c.status, session.c.locked_by)).all()
        assert not connection.execute(select(operation)).all()
        labels = connection.execute(select(experiment.c.label)).scalars().all()
        files = sorted(row.identity for row in connection.execute(visible))
    assert {row.locked_by for row in sessions} <= {None}
    store = service.settings.store
    assert not any((store / "staging").iterdir())
    on_disk = [path for room in ROOMS for path in store.glob(f"{room}/SCANS/*/DICOM/*") if path.suffix != ".xml"]
    assert len(on_disk) == len(files)
    return sorted(row.status for row in sessions), labels, files


def unfinished(service):
    """What has no end: its beginning was not confirmed, so that the next start ends it."""
    queries = (select(table.c.id).where(table.c.finished_at.is_(None)) for table in (import_, deed))
    with service.database.read() as connection:
        return [row for query in queries for row in connection.execute(query)]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
@pytest.mark.parametrize("how", HOWS)
def test_a_restart_at_any_instant_loses_nothing_and_doubles_nothing(opened, series, interrupted, how, work, request):
    with opened() as service:
        with interrupted(how, 0) as counting:
            Work(service, series).run(*work)
        expected = everything(service)
    points = range(1, 1 - counting.left)
    assert len(points) > 10
    if request.config.getoption("--database") != "postgresql":
        seed = random.SystemRandom().randrange(10**6)
        print("seed", seed)
        points = random.Random(seed).sample(points, 3)
    for point in points:
        print(how, point)
        with opened() as service:
            with interrupted(how, point) as interruption:
                Work(service, series).run(*work)
            assert interruption.left <= 0
            assert everything(service) == expected
            with Service(service.settings) as again:
                assert everything(again) == expected
                assert not unfinished(again)
