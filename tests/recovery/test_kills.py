"""Statement 40: a kill at any moment leaves every session complete or absent."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("kills.py")


@pytest.fixture
def uploads(tmp_path, shipped):
    """A first upload of one series, and a second with the rest of it, a changed file of it and another series."""
    folder = shipped / "pydicom/test_files/dicomdirtests/98892003"
    series, other = sorted((folder / "MR700").iterdir()), sorted((folder / "MR2").iterdir())
    changed = bytearray(series[0].read_bytes())
    changed[-1] ^= 1
    contents = {
        "first.zip": {path.name: path.read_bytes() for path in series[:3]},
        "second.zip": {path.name: path.read_bytes() for path in (*series[2:5], *other[:4])}
        | {series[0].name: bytes(changed)},
    }
    for name, content in contents.items():
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for inner, data in content.items():
                archive.writestr(inner, data)
        (tmp_path / name).write_bytes(made.getvalue())
    return tmp_path


def kill(uploads, first, *how):
    work = uploads / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, SCRIPT, work, uploads / "second.zip", uploads / first, *how],
        capture_output=True, text=True, check=False, timeout=580,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.rpartition("killed ")[2])


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", ["none", "first.zip"], ids=["new sessions", "joining and replacing"])
def test_40_killed_at_each_file_operation_sync_and_commit(uploads, first):
    assert kill(uploads, first, "points") > 20


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", ["none", "first.zip"], ids=["new sessions", "joining and replacing"])
def test_40_killed_at_random_instants(uploads, first, record_property, database_kind):
    seed = str(random.SystemRandom().randrange(10**6))
    record_property("seed", seed)
    print("seed", seed)
    assert kill(uploads, first, "random", seed, "25" if database_kind == "sqlite" else "5") > 0
