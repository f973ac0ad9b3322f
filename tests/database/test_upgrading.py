"""A site's database of the first release, with its data, becomes one of this release."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, insert, select

from xnat_import_core import Service, Settings
from xnat_import_core.database import Database, tables

CORE, VERSION = "xnat_import_core.database", "xnat_import_version"
TIME = "2026-01-02 03:04:05.000006"
DATA = {
    "import": {"id": "i", "handler_key": "SI", "user": "anna", "status": "done", "planned": False, "started_at": TIME,
               "finished_at": TIME, "message": "", "outcome": "{}"},
    "project": {"id": "P", "name": "Knees", "code": 0, "created_at": TIME, "created_by": "anna"},
    "project_alias": {"alias": "Q", "project": "P"},
    "session": {"project": "P", "timestamp": "20260102_030405000", "folder": "S", "label": "S", "subject": "A",
                "tag": "1.2", "status": "READY", "type": "xnat:mrSessionData", "uploaded": TIME, "lastmod": TIME,
                "scan_date": "", "scan_time": "", "prevent_anon": False, "prevent_auto_commit": True, "source": "",
                "visit": "", "protocol": "", "timezone": "", "user": "anna", "handler_key": "SI", "nameless": False,
                "import_id": "i"},
    "study": {"session_id": 1, "tag": "1.3", "position": 0},
    "scan": {"session_id": 1, "key": "1.2.1", "label": "7", "type": "xnat:mrScanData", "series_description": "t1",
             "position": 0, "fold": "{}"},
    "file": {"session_id": 1, "place": "scan:1.2.1", "resource": "DICOM", "name": "a.dcm", "format": "DICOM",
             "content": "RAW", "tag": "1.2", "uid": "1.2.1.1", "size": 5, "received_sha256": "r", "stored_sha256": "s",
             "import_id": "i", "member": 0, "member_name": "a.dcm", "hint": b"\0h", "pending": False},
}  # fmt: skip


@pytest.fixture
def first_release(tmp_path):
    """A store whose database has the tables of 0001 and a row in each."""
    database = Database(f"sqlite:///{tmp_path / 'xnat-import.db'}", busy_timeout=30)
    config = Config(attributes={"version_table": VERSION})
    config.set_main_option("script_location", str(Path(str(files(CORE))) / "migrations"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        then = MetaData()
        then.reflect(connection)
        for name, row in DATA.items():
            connection.execute(insert(then.tables[name]).values(row))
    database.close()
    return tmp_path


def test_its_rows_are_kept_and_its_tables_are_those_of_a_new_one(first_release):
    with Service(Settings(store=first_release)) as service:
        with service.database.read() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION, "compare_type": True})
            assert compare_metadata(context, tables.metadata) == []
            for name, row in DATA.items():
                (kept,) = connection.execute(select(tables.metadata.tables[name])).mappings()
                assert {key: as_text(kept[key]) for key in row} == row
        assert service.projects.find("Q").name == "Knees"
        (row,) = service.prearchive.rows()
        assert [file.name for file in service.prearchive.files(row, "7", "DICOM")] == ["a.dcm"]


def test_it_works_on(first_release, shipped):
    with Service(Settings(store=first_release)) as service:
        service.import_upload(shipped / "pydicom/test_files/MR_small.dcm", project="P", import_handler="SI")
        assert len(service.prearchive.rows()) == 2


def as_text(value):
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if hasattr(value, "strftime") else value
