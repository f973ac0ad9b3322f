"""PostgreSQL goes away and comes back in the middle of an import: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define
from sqlalchemy import Engine, event, select

from xnat_import_core import Service, Settings, XnatImportError
from xnat_import_core.database.tables import file, import_, operation, session

pytest.importorskip("psycopg")
import psycopg

BEFORE, AFTER, UNANSWERED, STATEMENT = HOWS = (
    "before a commit", "after a commit", "after a commit, unanswered", "before a statement",
)  # fmt: skip


@pytest.fixture
def uploads(shipped):
    """Two series of one study: the second joins the session that the first has made."""
    folder = shipped / "pydicom/test_files/dicomdirtests/98892003"
    return folder / "MR700", folder / "MR2"


@pytest.fixture
def opened(tmp_path, postgresql):
    """``opened()``: a service on a new store and a new database."""

    @contextmanager
    def open_():
        store = Path(tempfile.mkdtemp(dir=tmp_path))
        with Service(Settings(store=store, database=postgresql.new("restarted"), threads=1)) as service:
            service.projects.create("P")
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


def send(service, upload):
    """Send it until it is there, as a client would."""
    for left in (2, 1, 0):
        try:
            return service.import_upload(upload, project="P", import_handler="SI")
        except XnatImportError:
            if not left:
                raise
    return None


def everything(service):
    """The sessions and their files; nothing is hidden or held, and rows and files agree."""
    with service.database.read() as connection:
        rows = connection.execute(select(session.c.status, session.c.locked_by)).all()
        assert [tuple(row) for row in rows] == [("READY", None)] * len(rows)
        assert not connection.execute(select(operation)).all()
        assert not connection.execute(select(file.c.id).where(file.c.pending | file.c.replaced_by.is_not(None))).all()
        identities = sorted(connection.execute(select(file.c.identity)).scalars())
    store = service.settings.store
    assert not any((store / "staging").iterdir())
    folders = [path for path in (store / "prearchive").glob("P/*/*") if path.is_dir()]
    on_disk = [path for folder in folders for path in folder.glob("SCANS/*/DICOM/*") if path.suffix != ".xml"]
    assert len(on_disk) == len(identities)
    return len(rows), len(folders), identities


def unfinished(service):
    """Imports that have no end: one whose beginning was not confirmed is ended by the next start."""
    with service.database.read() as connection:
        return connection.execute(select(import_).where(import_.c.finished_at.is_(None))).all()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", HOWS)
def test_a_restart_at_any_instant_loses_nothing_and_doubles_nothing(opened, uploads, interrupted, how, request):
    with opened() as service:
        with interrupted(how, 0) as counting:
            for upload in uploads:
                send(service, upload)
        expected = everything(service)
    points = range(1, 1 - counting.left)
    assert len(points) > 10
    if request.config.getoption("--database") != "postgresql":
        seed = random.SystemRandom().randrange(10**6)
        print("seed", seed)
        points = random.Random(seed).sample(points, 5)
    for point in points:
        print(how, point)
        with opened() as service:
            with interrupted(how, point) as interruption:
                for upload in uploads:
                    send(service, upload)
            assert interruption.left <= 0
            assert everything(service) == expected
            with Service(service.settings) as again:
                assert everything(again) == expected
                assert not unfinished(again)
