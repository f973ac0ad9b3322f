"""Two processes on one store: whoever writes is alone, and what it has read is still so when it writes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, select, update

from xnat_import_core import Service, ServiceBusyError, Settings
from xnat_import_core.database import Database
from xnat_import_core.database.tables import counter

BEGIN = """
import sys
from pathlib import Path
from sqlalchemy import select, update
from xnat_import_core import Service, Settings
from xnat_import_core.database.tables import counter

service = Service(Settings(store=Path(sys.argv[1]), threads=1))
service.start()
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def both(store):
    """``both(program, *arguments)``: run it in two processes that begin at once; what they printed."""

    def run(program, *arguments):
        command = [sys.executable, "-c", BEGIN + textwrap.dedent(program), store, *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started = [subprocess.Popen(command, **pipes) for _ in range(2)]
        for process in started:
            assert process.stdout.readline() == "ready\n"
        with ThreadPoolExecutor(2) as threads:
            said = list(threads.map(lambda process: process.communicate("go\n", 60)[0].split(), started))
        assert [process.returncode for process in started] == [0, 0]
        return said

    return run


def test_what_one_reads_and_writes_back_no_other_changes_meanwhile(store, both):
    with Service(Settings(store=store)) as service, service.database.write() as connection:
        connection.execute(insert(counter).values(name="x", value=0))
    both("""
        for _ in range(50):
            with service.database.write() as connection:
                value = connection.execute(select(counter.c.value).where(counter.c.name == "x")).scalar_one()
                connection.execute(update(counter).where(counter.c.name == "x").values(value=value + 1))
        """)
    with Service(Settings(store=store)) as service, service.database.read() as connection:
        assert connection.execute(select(counter.c.value)).scalar() == 100


def test_a_project_is_new_to_one_of_those_who_make_it(store, both):
    one, other = both("""
        print(*(n for n in range(30) if service.projects.create(f"P{n}")))
        """)
    assert sorted(map(int, one + other)) == list(range(30))


def test_two_that_start_at_once_make_the_tables_once(store, both):
    assert both("print(len(service.projects.all()))") == [["0"], ["0"]]


def test_the_same_study_from_two_at_once_is_one_session_with_each_file_once(store, both, shipped):
    study = shipped / "pydicom/test_files/dicomdirtests/98892003/MR700"
    said = both(
        """
        outcome = service.import_upload(sys.argv[2], import_handler="SI")
        print(sum(session.stored for session in outcome.sessions), sum(session.same for session in outcome.sessions))
        """,
        study,
    )
    assert sorted(said) == [["0", "7"], ["7", "0"]]
    with Service(Settings(store=store)) as service:
        (row,) = service.prearchive.rows()
        (scan,) = service.prearchive.scans(row)
        assert len(service.prearchive.files(row, scan.id, "DICOM")) == 7


def test_who_waits_too_long_for_a_writer_is_told_to_try_again(store):
    holds, over = threading.Event(), threading.Event()

    def hold(database):
        with database.write() as connection:
            connection.execute(update(counter).values(value=1))
            holds.set()
            over.wait(60)

    with Service(Settings(store=store)) as service, ThreadPoolExecutor(1) as threads:
        holding = threads.submit(hold, service.database)
        holds.wait(60)
        hasty = Database(service.database.url, busy_timeout=0.2)
        with pytest.raises(ServiceBusyError, match="busy"), hasty.write():
            pass
        with hasty.read() as connection:
            assert connection.execute(select(counter)).all() == []
        over.set()
        holding.result()
        with hasty.write() as connection:
            connection.execute(insert(counter).values(name="x", value=0))
        hasty.close()
