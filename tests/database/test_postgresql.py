"""What PostgreSQL's own ways do not change: order, sizes, odd text, patience; and which database is refused."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, insert, select, text

from xnat_import_core import InvalidRequestError, Service, ServiceBusyError, Settings, StorageError
from xnat_import_core.database import Database
from xnat_import_core.database.tables import file, project, session

CORE = "xnat_import_core.database"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
A_PROJECT = {"name": "", "code": 0, "created_at": NOW}
A_SESSION = {
    "id": 1, "timestamp": "20260102_000000000", "folder": "S", "label": "S", "tag": "1.2", "status": "READY",
    "uploaded": NOW, "lastmod": NOW, "handler_key": "SI", "import_id": "x",
}  # fmt: skip
A_FILE = {
    "session_id": 1, "place": "scan:1", "resource": "DICOM", "tag": "1.2", "received_sha256": "", "stored_sha256": "",
    "import_id": "x", "member": 0,
}  # fmt: skip
NAMES = ["a", "B", "_b", "ä", "Z", "z-1", "z 2", "10", "9"]


@pytest.fixture
def url(postgresql):
    """Of an empty database."""
    yield postgresql.new("own")
    postgresql.drop("own")


@pytest.fixture
def database(url):
    made = Database(url, busy_timeout=30)
    made.migrate(CORE, "version")
    yield made
    made.close()


def ask(url, patience=30):
    database = Database(url, busy_timeout=patience)
    with database.read() as connection:
        return connection.execute(text("SELECT 1")).scalar()


def test_it_is_chosen_by_its_url_alone(tmp_path, url, shipped):
    settings = Settings(store=tmp_path, database=url.replace("postgresql+psycopg", "postgresql"))
    with Service(settings) as service:
        service.import_upload(shipped / "pydicom/test_files/MR_small.dcm", import_handler="SI")
    assert not (tmp_path / "xnat-import.db").exists()
    with Service(settings) as service:
        assert [row.status for row in service.prearchive.rows()] == ["READY"]


@pytest.mark.parametrize(
    "how", ["ENCODING 'SQL_ASCII' LOCALE 'C'", "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"]
)
def test_a_database_of_another_encoding_or_order_is_refused_with_the_remedy(tmp_path, postgresql, how):
    if "icu" in how and postgresql.version < 15:
        pytest.skip("this PostgreSQL has no such databases")
    service = Service(Settings(store=tmp_path, database=postgresql.new("own", how=how)))
    with pytest.raises(InvalidRequestError, match=r"CREATE DATABASE NAME .* TEMPLATE template0"):
        service.start()
    service.close()
    postgresql.drop("own")


@pytest.mark.parametrize("url", ["mysql://anna:secret@host/x", "postgresql+psycopg2://anna:secret@host/x", "no url"])
def test_another_url_is_refused_without_its_password(url):
    with pytest.raises(InvalidRequestError, match="postgresql://USER@HOST/NAME") as caught:
        ask(url)
    assert "secret" not in str(caught.value)


def test_a_missing_driver_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InvalidRequestError, match=r"xnat-import-core\[postgresql\]"):
        ask("postgresql://anna@host/x")


def test_a_wrong_name_is_told_at_once_and_an_absent_server_is_waited_for(postgresql, url):
    with pytest.raises(StorageError, match="setting database"):
        ask(url.replace("/own", "/other"), patience=600)
    postgresql.stop()
    try:
        with pytest.raises(ServiceBusyError, match="cannot be reached"):
            ask(url, patience=0.2)
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(ask, url)
            postgresql.start()
            assert answer.result() == 1
    finally:
        postgresql.start()


def test_names_sort_as_everywhere_else(database, tmp_path):
    with database.write() as connection:
        rows = [A_PROJECT | {"id": name} for name in NAMES]
        connection.execute(insert(project), rows)
    with database.read() as connection:
        assert list(connection.execute(select(project.c.id).order_by(project.c.id)).scalars()) == sorted(NAMES)


def test_files_of_many_gigabytes_are_counted_in_whole_numbers(database):
    with database.write() as connection:
        connection.execute(insert(session).values(**A_SESSION))
        connection.execute(insert(file), [A_FILE | {"name": name, "size": 2**40} for name in "ab"])
    with database.read() as connection:
        total = connection.execute(select(func.sum(file.c.size))).scalar()
    assert json.dumps(total) == str(2**41)


def test_a_nul_in_a_text_is_no_reason_to_fail(database):
    with database.write() as connection:
        connection.execute(insert(project).values(A_PROJECT | {"id": "P", "name": "a\0b"}))
    with database.read() as connection:
        assert connection.execute(select(project.c.name).where(project.c.id == "P")).scalar() == "a\ufffdb"
        assert connection.execute(select(project.c.id).where(project.c.id == "P\0")).first() is None


def test_what_is_too_large_for_it_is_the_callers_to_mend(database):
    with pytest.raises(InvalidRequestError, match="larger than"), database.write() as connection:
        connection.execute(insert(project).values(A_PROJECT | {"id": "P" * 65}))


def test_a_reader_sees_one_state_and_changes_nothing(database):
    with database.read() as connection:
        before = connection.execute(select(func.count()).select_from(project)).scalar()
        with database.write() as writer:
            writer.execute(insert(project).values(A_PROJECT | {"id": "P"}))
        assert connection.execute(select(func.count()).select_from(project)).scalar() == before
    with pytest.raises(StorageError), database.read() as connection:
        connection.execute(insert(project).values(A_PROJECT | {"id": "Q"}))


@pytest.mark.parametrize(("durable", "level"), [(True, "on"), (False, "off")])
def test_only_what_may_be_lost_in_a_power_cut_is_not_synced(database, durable, level):
    with database.write() as connection:
        connection.execute(text("ALTER DATABASE own SET synchronous_commit = 'off'"))
    database.close()
    with database.write(durable=durable) as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == level
