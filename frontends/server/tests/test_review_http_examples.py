"""The commands of ``docs/http.md`` are typed into a shell, in order, against a real server."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[3] / "docs" / "http.md"
START = "import sys; from xnat_import_server.commands import serve; serve(sys.argv[1:])"
LISTENS = re.compile(r"http://127\.0\.0\.1:\d+")


def examples() -> list[str]:
    """Indented blocks with ``curl``; a block of several commands ends each at a line that goes on nowhere."""
    blocks = re.findall(r"(?:^ {4}\S.*\n(?: {4}.*\n)*)", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    joined = [block.replace("\\\n", " ") for block in blocks if "curl" in block]
    return [line.strip() for block in joined for line in block.splitlines()]


@pytest.fixture
def site(xnat_import_store, monkeypatch):
    monkeypatch.setenv("XNAT_IMPORT_ADMIN_PASSWORD", "secret")
    command = [sys.executable, "-c", START, "--store", str(xnat_import_store), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = LISTENS.search(process.stdout.readline())
        yield url[0]
        process.terminate()


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="they need bash and curl")
@pytest.mark.skipif(not DOCUMENT.is_file(), reason="docs/http.md comes with the project, not with the distribution")
def test_every_command_of_the_http_document_works(site, tmp_path, one_study, shipped):
    (tmp_path / "study.zip").write_bytes(one_study)
    shutil.copytree(shipped / "pydicom" / "test_files" / "dicomdirtests" / "98892001", tmp_path / "study")
    commands = examples()
    assert len(commands) >= 8
    failing = 'curl() { command curl --fail-with-body -sS -D headers "$@"; }'
    begin = f"{failing}; export SITE={site} LOGIN=admin:secret ID"
    known = 'ID=$(sed -n "s/^x-import-id: *//Ip" headers 2>/dev/null | tr -d "\\r")'
    script = "\n".join([begin, *(f'[ -z "$ID" ] && {known}\n{command} || exit 9' for command in commands)])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],  # noqa: S607 - the reader's shell
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("/data/prearchive/projects/KNEE/") == 4
    assert "/data/archive/projects/KNEE/subjects/ben/experiments/ben_mr1\n" in done.stdout
    assert "<xnat:CTSession" in done.stdout
    assert '"stored"' in done.stdout
