"""What a program can rely on that reads and writes the database, alone or beside others."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text

from xnat_import_core.database import Database
from xnat_import_core.database.tables import project


@pytest.fixture
def open_database(tmp_path):
    opened = []

    def open_():
        opened.append(Database(f"sqlite:///{tmp_path / 'x.db'}", busy_timeout=30))
        return opened[-1]

    yield open_
    for database in opened:
        database.close()


def note(database, name, **how):
    with database.write(**how) as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS note (name TEXT)"))
        connection.execute(text("INSERT INTO note VALUES (:name)"), {"name": name})


def notes(database):
    with database.read() as connection:
        return sorted(connection.execute(text("SELECT name FROM note")).scalars())


def test_a_block_that_raises_leaves_nothing(open_database):
    database = open_database()
    note(database, "kept")

    def fail():
        with database.write() as connection:
            connection.execute(text("INSERT INTO note VALUES ('dropped')"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert notes(database) == ["kept"]


def test_what_is_written_is_seen_by_others_at_once_synced_or_not(open_database):
    one, other = open_database(), open_database()
    note(one, "a")
    note(one, "b", durable=False)
    assert notes(other) == ["a", "b"]


@pytest.mark.sqlite
@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_only_what_may_be_lost_in_a_power_cut_is_not_synced(open_database, durable, level):
    database = open_database()
    for asked, expected in ((durable, level), (not durable, 3 - level), (durable, level)):
        with database.write(durable=asked) as connection:
            assert connection.execute(text("PRAGMA synchronous")).scalar() == expected


@pytest.mark.sqlite
def test_a_log_that_is_written_on_while_open_and_gone_when_closed(open_database, tmp_path):
    database = open_database()
    log = tmp_path / "x.db-wal"
    note(database, "a")
    before = log.stat().st_ino
    note(database, "b")
    assert log.stat().st_ino == before
    database.close()
    assert not log.exists()


@pytest.mark.sqlite
def test_a_database_that_nobody_closed_is_closed_with_its_last_reference(tmp_path):
    note(Database(f"sqlite:///{tmp_path / 'x.db'}", busy_timeout=30), "a")
    assert [path.name for path in tmp_path.iterdir()] == ["x.db"]


def test_many_threads_write_and_read_at_once(open_database):
    database = open_database()
    note(database, "0")

    def work(number):
        note(database, str(number))
        return str(number) in notes(database)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(1, 41)))
    assert len(notes(database)) == 41


@pytest.mark.sqlite
def test_a_fork_inherits_no_connection_and_both_sides_write_on(tmp_path):
    script = textwrap.dedent(
        """
        import os, sys
        from pathlib import Path
        from sqlalchemy import text
        from xnat_import_core.database import Database

        def note(name):
            with database.write() as connection:
                connection.execute(text("CREATE TABLE IF NOT EXISTS note (name TEXT)"))
                connection.execute(text("INSERT INTO note VALUES (:name)"), {"name": name})

        def is_open():
            return any(os.readlink(entry).startswith(sys.argv[1]) for entry in Path("/proc/self/fd").iterdir()
                       if entry.exists())

        database = Database(f"sqlite:///{sys.argv[1]}", busy_timeout=30)
        note("parent")
        assert is_open()
        child = os.fork()
        if not child:
            assert not is_open()
            for number in range(20):
                note(f"child {number}")
            os._exit(0)
        for number in range(20):
            note(f"parent {number}")
        database.close()
        assert os.waitpid(child, 0)[1] == 0
        with database.read() as connection:
            print(connection.execute(text("SELECT count(*) FROM note")).scalar())
            print(connection.execute(text("PRAGMA integrity_check")).scalar())
        """
    )
    command = [sys.executable, "-c", script, str(tmp_path / "x.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.split() == ["41", "ok"], done.stderr


def test_two_that_start_at_once_make_the_tables_once(open_database):
    both = open_database(), open_database()
    note(both[0], "the file is there")

    def start(database):
        database.migrate("xnat_import_core.database", "version")

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(start, both))
    for database in both:
        with database.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM version")).scalar() == 1
            assert connection.execute(select(func.count()).select_from(project)).scalar() == 0
