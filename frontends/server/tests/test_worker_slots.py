"""``xnat-import serve`` and a handler that takes its process down, or hangs: its import is a 500, the service lives."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

pytestmark = pytest.mark.sqlite

START = "import sys; from xnat_import_server.commands import serve; serve(sys.argv[1:])"
URL = re.compile(r"Listening at (\S+)")
ROGUE = """
import os, time
import xnat_import_si.handler as si
from attrs import evolve
from xnat_import_core import hookimpl

HANDLER = evolve(si.HANDLER, summary="SI that comes to a bad end")


@hookimpl
def extract(members, context):
    for member in members:
        if member.name == "exit":
            os._exit(3)
        if member.name == "hang":
            time.sleep(600)
    return si.extract(members, context)
"""
METADATA = "Metadata-Version: 2.1\nName: rogue\nVersion: 1.0\n"


@pytest.fixture
def server(tmp_path, xnat_import_store):
    """A process with the handler ROGUE installed beside the others; its log is in ``log``."""
    (tmp_path / "site" / "rogue-1.0.dist-info").mkdir(parents=True)
    (tmp_path / "site" / "rogue.py").write_text(ROGUE)
    (tmp_path / "site" / "rogue-1.0.dist-info" / "METADATA").write_text(METADATA)
    (tmp_path / "site" / "rogue-1.0.dist-info" / "entry_points.txt").write_text(
        "[xnat_import.handlers]\nROGUE = rogue\n"
    )
    surroundings = {
        "PYTHONPATH": str(tmp_path / "site"),
        "XNAT_IMPORT_ADMIN_PASSWORD": "given",
        "XNAT_IMPORT_PLUGIN_DEADLINE": "5",
        "XNAT_IMPORT_WORKERS": "2",
    }
    command = [sys.executable, "-c", START, "--store", str(xnat_import_store), "--port", "0"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | surroundings
        )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    ("misdeed", "told"), [("exit", "ended its process (exit status 3)"), ("hang", "did not answer")]
)
def test_a_handler_that_comes_to_a_bad_end(
    server, tmp_path, xnat_import_store, one_study, zip_of, shipped, misdeed, told
):
    folder = shipped / "pydicom" / "test_files" / "dicomdirtests" / "98892001"
    bad = zip_of(folder, **{misdeed: b"Doe^Peter"})
    url = next(found[1] for line in server.stdout if (found := URL.match(line)))
    with httpx.Client(base_url=url, auth=("admin", "given"), timeout=60) as client, ThreadPoolExecutor(1) as beside:

        def send(handler, data):
            query = {"project": "KNEE", "import-handler": handler, "inbody": "true"}
            return client.post("/data/services/import", params=query, content=data)

        assert client.put("/data/projects/KNEE").status_code == 201
        failing = beside.submit(send, "ROGUE", bad)
        good, failed = send("SI", one_study), failing.result()
        assert good.status_code == 200, good.text
        assert failed.status_code == 500
        assert f"Plugin ROGUE (rogue), hook extract, {told}" in failed.text
        assert f"Members: {misdeed}." in failed.text
        receipt = client.get(f"/xapi/imports/{failed.headers['x-import-id']}").json()
        assert receipt["status"] == "failed"
        assert receipt["counts"] == {"stored": 0, "same": 0, "rejected": 8, "filtered": 0, "ignored": 0}
        assert send("ROGUE", zip_of(folder, note=b"")).status_code == 200
        sessions = client.get("/data/prearchive/projects/KNEE").json()["ResultSet"]["Result"]
    assert len(sessions) == 2
    assert not any((xnat_import_store / "staging").iterdir())
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0
    assert "Doe" not in failed.text + (tmp_path / "log").read_text()
