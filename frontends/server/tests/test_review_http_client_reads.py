"""What real clients ask for before they import, and bodies that real networks break."""

from __future__ import annotations

import base64
import re
import subprocess
import sys

import anyio
import httpx
import pytest
from click.testing import CliRunner
from xnat_import_server.commands import serve
from xnat_import_server.serving import claim_port

from xnat_import_core.errors import InvalidRequestError


def broken_upload(app, begin: bytes) -> httpx.Response:
    """What a server tells the application of a body that breaks off, and what the application answers."""
    received = [{"type": "http.request", "body": begin, "more_body": True}, {"type": "http.disconnect"}]
    sent = []
    login = base64.b64encode(b"anna:right words")
    headers = [(b"authorization", b"Basic " + login), (b"content-type", b"application/zip")]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/data/services/import",
        "raw_path": b"/data/services/import",
        "query_string": b"project=P",
        "root_path": "",
        "headers": [*headers, (b"transfer-encoding", b"chunked")],
        "server": ("lab.example", 80),
        "client": ("127.0.0.1", 1),
    }

    async def receive():
        return received.pop(0)

    async def send(message):
        sent.append(message)

    anyio.run(app, scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=body)


def test_xnatpy_is_told_that_there_are_no_archived_types(lab):
    assert lab.client().get("/xapi/schemas?format=json").json() == []


def test_xnatpy_and_pyxnat_are_told_that_nothing_can_be_searched(lab):
    answer = lab.client().get("/data/search/elements")
    assert answer.json() == {"ResultSet": {"Result": [], "totalRecords": "0"}}
    answer = lab.client().get("/data/search/elements?format=csv")
    assert answer.text == '"ELEMENT_NAME","SINGULAR","PLURAL","SECURED","COUNT"\n'


@pytest.mark.parametrize("path", ["/xapi/schemas", "/data/search/elements"])
def test_both_need_a_login(lab, path):
    assert lab.client(None).get(path).status_code == 401


def test_a_body_that_breaks_off_is_the_senders_fault_and_names_its_import(lab, one_study):
    answer = broken_upload(lab.app, one_study[:1000])
    assert answer.status_code == 400
    assert re.search(r"<h3>The body ended before it was whole; nothing was stored\. Send it again\.</h3>", answer.text)
    receipt = lab.client().get(f"/xapi/imports/{answer.headers['x-import-id']}").json()
    assert receipt["message"] == "The body ended before it was whole; nothing was stored. Send it again."
    assert answer.headers["connection"] == "close"
    assert lab.leaves() == []


@pytest.mark.parametrize("port", ["65536", "-1"])
def test_a_port_that_is_none_is_misuse_and_no_traceback(xnat_import_store, port):
    answer = CliRunner().invoke(serve, ["--store", str(xnat_import_store), "--port", port])
    assert answer.exit_code == 2
    assert "--port" in answer.output


def test_a_host_that_is_none_is_told_in_words():
    with pytest.raises(InvalidRequestError, match=r"^Cannot listen at no host, port 0: [A-Z][A-Za-z ]+\.$") as caught:
        claim_port("no host", 0)
    assert "Unknown error" not in caught.value.message


def test_warnings_of_libraries_which_quote_uploads_stay_out_of_the_log():
    script = (
        "import logging, sys; from xnat_import_server.commands import _log; _log('info');"
        "logging.getLogger('python_multipart').warning('quoted bytes')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
