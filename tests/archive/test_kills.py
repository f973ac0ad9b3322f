"""Statement 34: killed at any point, the old or the new session is complete, the row tells which, a repeat succeeds."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("killing.py")
SCENARIOS = ("archive", "merge", "undo-archive", "undo-merge")


def kill(tmp_path, *how):
    command = [sys.executable, SCRIPT, tmp_path, *how]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=580)
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.rpartition("killed ")[2])


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_34_killed_at_some_file_operations_syncs_and_commits(tmp_path, scenario, record_property):
    seed = str(random.SystemRandom().randrange(10**6))
    record_property("seed", seed)
    print("seed", seed)
    assert kill(tmp_path, scenario, "points", seed, "8") > 1


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_34_killed_at_random_instants(tmp_path, scenario, record_property):
    seed = str(random.SystemRandom().randrange(10**6))
    record_property("seed", seed)
    print("seed", seed)
    kill(tmp_path, scenario, "random", seed, "4")
