"""``make demo``: the real service, a real study, status 0."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "examples" / "demo" / "demo.py"


def test_the_demo_shows_answer_receipt_and_tree_and_leaves_nothing(tmp_path):
    pytest.importorskip("xnat_import_server", reason="the demo needs xnat-import-server")
    answer = subprocess.run(
        [sys.executable, str(DEMO)],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "/data/prearchive/projects/DEMO/" in answer.stdout
    assert "11 stored" in answer.stdout
    assert "SCANS/" in answer.stdout
    assert "scan_700_catalog.xml" in answer.stdout
    assert "What to try next" in answer.stdout
    assert list(tmp_path.iterdir()) == []
