"""Killed at each file operation, sync and commit: after the next start a session is the old or the new one, whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("operation_kills.py")


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("operation", ["build", "move", "delete", "delete-scan", "separate"])
def test_killed_at_each_step(tmp_path, upload, operation):
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path, upload, operation], capture_output=True, text=True, check=False, timeout=580
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.rpartition("killed ")[2]) > 10


@pytest.fixture
def upload(tmp_path, pet_mr, zip_of):
    path = tmp_path / "upload.zip"
    path.write_bytes(zip_of(pet_mr))
    return path
