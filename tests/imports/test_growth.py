"""What must not grow: memory with the members of an upload, the end of an import with what the store holds."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from xnat_import_core import Fate

SCRIPT = Path(__file__).with_name("growing.py")
MAX_GROWTH = 6 * 1024
"""KiB for 8,000 members more: three quarters of a KiB each, where a row in memory takes more than one."""


@pytest.mark.sqlite
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak of a process")
def test_memory_does_not_grow_with_the_members_of_a_folder_that_all_wish_for_one_name(tmp_path):
    uploads = []
    for size in (8000, 16000):
        uploads.append(tmp_path / f"S{size}.zip")
        with zipfile.ZipFile(uploads[-1], "w") as archive:
            for number in range(size):
                archive.writestr(f"{number}/same.dcm", str(number))
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "store", *uploads], capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stderr[-3000:]
    small, large = json.loads(done.stdout)
    assert large - small < MAX_GROWTH


@pytest.mark.sqlite
def test_no_statement_of_an_import_looks_at_every_file_of_the_store(service, pack, study):
    service.import_upload(pack.zip(*study["series"][:4]), project="P", import_handler="DICOM-zip")
    statements: dict[str, object] = {}

    def note(connection, cursor, statement, parameters, context, executemany):
        statements[statement] = parameters[0] if executemany else parameters

    changed = study["series"][0].read_bytes()[:-1] + b"!"
    event.listen(Engine, "before_cursor_execute", note)
    try:
        outcome = service.import_upload(
            pack.tree(pack.members(*study["series"]) | {study["series"][0].name: changed}),
            project="P", import_handler="DICOM-zip",
        )  # fmt: skip
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert outcome.counts == {**dict.fromkeys(Fate, 0), Fate.STORED: 3, Fate.SAME: 3}
    with service.database.read() as connection:
        plans = {
            statement: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for statement, parameters in statements.items()
            if statement.startswith(("SELECT", "UPDATE", "DELETE"))
        }
    assert [statement for statement, plan in plans.items() if "file" in statement and "SCAN file" in plan] == []
    assert sum("file" in statement for statement in plans) > 5
