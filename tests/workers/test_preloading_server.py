"""gunicorn, which loads the application once and then forks: four servers, each with its own workers, on one store."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import gate
import httpx
import pytest
from processes import with_variable

from xnat_import_core import Fate, Service, Settings

APPLICATION = """
import os
from pathlib import Path
from xnat_import_core import Service, Settings
from xnat_import_server import create_app

service = Service(Settings(Path(os.environ["PRELOADED_STORE"]), workers=1))
service.start()
service.projects.create("P")
service.warm()
application = create_app(service, identify=lambda _request: service.owner)
"""
LISTENS = re.compile(r"Listening at: (http://127\.0\.0\.1:\d+)")
UPLOADS = 16


@pytest.fixture
def server(tmp_path):
    (tmp_path / "preloaded.py").write_text(APPLICATION)
    command = [sys.executable, "-m", "gunicorn", "preloaded:application", "--preload", "--workers", "4"]
    options = ["--worker-class", "asgi", "--bind", "127.0.0.1:0", "--chdir", tmp_path, "--log-file", "-"]
    process = subprocess.Popen(
        [*command, *options], env=os.environ | {"PRELOADED_STORE": str(tmp_path / "store")}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    yield process
    process.terminate()
    process.communicate(timeout=60)


def test_four_forks_of_one_application(tmp_path, server, study, pack):
    store, upload = tmp_path / "store", pack(tmp_path / "study.zip", study).read_bytes()
    url = next(found[1] for line in server.stdout if (found := LISTENS.search(line)))

    def send(number):
        query = {"import-handler": "SI", "project": "P", "session": f"S{number}", "inbody": "true"}
        answer = httpx.post(f"{url}/data/services/import", params=query, content=upload, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.headers["x-import-id"]

    with ThreadPoolExecutor(8) as pool:
        imports = list(pool.map(send, range(UPLOADS)))
    server.terminate()
    assert server.wait(60) == 0
    gate.until(lambda: not with_variable("PRELOADED_STORE", str(store)))
    with Service(Settings(store)) as service:
        assert len(service.prearchive.rows()) == UPLOADS
        for import_id in imports:
            assert [line.fate for line in service.receipt_lines(import_id)] == [Fate.STORED] * len(study)
    assert not any((store / "staging").iterdir())
