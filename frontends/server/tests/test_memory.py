"""``serve`` takes what it needs: its processes do not grow with what is sent, and it loads what its requests use."""

from __future__ import annotations

import base64
import http.client
import shutil
import struct
import zipfile
from itertools import chain
from pathlib import Path

import pytest

pytestmark = pytest.mark.sqlite

MB = 1000 * 1000
LOGIN = {"Authorization": "Basic " + base64.b64encode(b"admin:given").decode()}
PIXELS = b"\xe0\x7f\x10\x00OW\x00\x00"
PIECE, MEMBER = 1 << 20, 1 << 19


@pytest.fixture
def study(shipped, tmp_path):
    """Make a zip of about so many bytes: a shipped image with larger pixels, under many instance UIDs."""
    image = (shipped / "pydicom" / "test_files" / "MR_small.dcm").read_bytes()
    uid = b"1.3.6.1.4.1.5962.1.1.4.1.1.20040826185059.5457"
    head = image.partition(PIXELS)[0]
    assert head.count(uid) == 2
    pixels = PIXELS + struct.pack("<I", MEMBER) + bytes(range(256)) * (MEMBER // 256)

    def make(size):
        path = tmp_path / f"{size}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for number in range(size // MEMBER):
                archive.writestr(f"{number}.dcm", head.replace(uid, b"%s%04d" % (uid[:-4], number)) + pixels)
        return path

    return make


@pytest.fixture
def served(start, xnat_import_store, monkeypatch):
    """A server on a store that is emptied at the end: pytest keeps the folders of several runs."""
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read from /proc")
    monkeypatch.setenv("XNAT_IMPORT_ADMIN_PASSWORD", "given")
    yield start(xnat_import_store)
    shutil.rmtree(xnat_import_store)


def send(server, method, address, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, address, body, {**LOGIN, **headers})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status in {200, 201}, text


def raw(path):
    return pieces(path), {"Content-Type": "application/zip", "Content-Length": str(path.stat().st_size)}


def multipart(path):
    head = b'--edge\r\nContent-Disposition: form-data; name="image"; filename="study.zip"\r\n\r\n'
    tail = b"\r\n--edge--\r\n"
    length = len(head) + path.stat().st_size + len(tail)
    headers = {"Content-Type": "multipart/form-data; boundary=edge", "Content-Length": str(length)}
    return chain([head], pieces(path), [tail]), headers


def pieces(path):
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece


def peaks(pid):
    """Peak resident bytes of a process and of its children, by process ID."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    found = {pid: int(status["VmHWM"].split()[0]) * 1024}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            found |= peaks(int(child))
    return found


def test_no_process_grows_with_the_upload(served, study):
    after = []
    for size in (55 * MB, 529 * MB):
        path = study(size)
        for way in (raw, multipart):
            body, headers = way(path)
            project = f"{way.__name__}{size}"
            send(served, "PUT", f"/data/projects/{project}")
            send(served, "POST", f"/data/services/import?import-handler=SI&project={project}", body, **headers)
        path.unlink()
        after.append(peaks(served.process.pid))
        assert max(after[-1].values()) <= 100 * MB
        assert sum(after[-1].values()) <= 250 * MB
    small, large = after
    assert small.keys() == large.keys()
    assert len(small) > 1, "no worker process was counted"
    assert all(large[pid] / small[pid] <= 1.2 for pid in small)


@pytest.mark.parametrize("known", [False, True], ids=["a new store", "a known store"])
def test_a_server_that_waits_has_loaded_nothing_for_later(start, xnat_import_store, tmp_path, known):
    if known:
        start(xnat_import_store).stop()
    with (tmp_path / "imports").open("w+") as told:
        server = start(xnat_import_store, python=("-X", "importtime"), stderr=told)
        server.stop()
        told.seek(0)
        loaded = {line.rpartition("|")[2].strip() for line in told if line.startswith("import time:")}
    assert {"granian", "sqlalchemy", "structlog"} <= loaded
    later = {"alembic", "lxml", "mako", "nibabel", "numpy", "pydicom", "rich.console", "pygments"}
    assert not loaded & later
