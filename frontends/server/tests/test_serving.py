"""``xnat-import serve`` and ``user`` as a person starts them: a process, a port, a signal."""

from __future__ import annotations

import base64
import re
import socket
import time

import httpx
import pytest
from click.testing import CliRunner
from xnat_import_server import Users
from xnat_import_server.commands import serve, user
from xnat_import_server.serving import claim_port

from xnat_import_core.errors import InvalidRequestError
from xnat_import_core.service import Service
from xnat_import_core.settings import Settings


def test_a_real_upload_to_a_real_process_that_ends_on_sigterm(start, xnat_import_store, one_study):
    server = start(xnat_import_store)
    password = re.search(r"Password, shown only now: (\S+)", "".join(server.lines)).group(1)
    with httpx.Client(base_url=server.url, auth=("admin", password), timeout=60) as client:
        assert client.put("/data/projects/KNEE").status_code == 201
        pieces = (one_study[start : start + 777] for start in range(0, len(one_study), 777))
        headers = {"Content-Type": "application/zip"}
        answer = client.post("/data/services/import?project=KNEE&import-handler=SI", content=pieces, headers=headers)
        assert answer.status_code == 200, answer.text
        uri = answer.text.removesuffix("\r\n")
        assert client.get(f"{uri}/scans").json()["ResultSet"]["totalRecords"] == "2"
        receipt = client.get(f"/xapi/imports/{answer.headers['x-import-id']}").json()
        assert receipt["counts"]["stored"] == 7
        head = client.head("/data/projects")
        assert (head.status_code, head.content) == (200, b"")
    server.stop()
    again = start(xnat_import_store)
    assert not any("Password" in line for line in again.lines)
    assert httpx.get(f"{again.url}{uri}", auth=("admin", password)).status_code == 200
    again.stop()


def speak(port, text):
    """Send raw bytes and read until the server closes."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(30)
        connection.sendall(text)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def test_on_the_wire(start, xnat_import_store, monkeypatch):
    monkeypatch.setenv("XNAT_IMPORT_ADMIN_PASSWORD", "given")
    server = start(xnat_import_store, "--body-timeout", "0.5")
    assert not any("given" in line for line in server.lines)
    login = b"Authorization: Basic " + base64.b64encode(b"admin:given")
    head = b"POST /data/services/import?inbody=true%s HTTP/1.1\r\nHost: x\r\n" + login + b"\r\n"
    stalled = speak(server.port, head % b"" + b"Content-Length: 500\r\n\r\nPK")
    assert stalled.startswith(b"HTTP/1.1 408 ")
    early = speak(server.port, head % b"&dest=/x" + b"Content-Length: 500\r\nExpect: 100-continue\r\n\r\n")
    assert early.startswith(b"HTTP/1.1 400 ")
    assert b"100 Continue" not in early
    inner = b"GET /xapi/users/username HTTP/1.1\r\nHost: x\r\n" + login + b"\r\n\r\n"
    framing = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    smuggled = speak(server.port, head % b"" + framing + inner)
    assert smuggled.startswith(b"HTTP/1.1 400 ")
    assert smuggled.count(b"HTTP/1.1 ") == 1
    server.stop()


def test_a_broken_connection_leaves_nothing(start, xnat_import_store, monkeypatch):
    monkeypatch.setenv("XNAT_IMPORT_ADMIN_PASSWORD", "given")
    server = start(xnat_import_store)
    login = b"Authorization: Basic " + base64.b64encode(b"admin:given")
    head = b"POST /data/services/import?inbody=true HTTP/1.1\r\nHost: x\r\n" + login + b"\r\nContent-Length: 9\r\n\r\n"
    staging = xnat_import_store / "staging"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head + b"PK")
        wait_for(lambda: list(staging.glob("*/spool/upload")))
    wait_for(lambda: not list(staging.glob("*/spool/upload")))
    server.stop()


def wait_for(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def test_a_port_that_is_taken_is_told_in_one_line(xnat_import_store):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InvalidRequestError, match=f"port {port}"):
            claim_port("127.0.0.1", port)
        result = CliRunner().invoke(serve, ["--store", str(xnat_import_store), "--port", str(port)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: Cannot listen at")
    assert claim_port("127.0.0.1", 0) > 0


def test_users_and_roles_by_command(xnat_import_store):
    def run(*arguments, **options):
        return CliRunner().invoke(user, [*arguments, "--store", str(xnat_import_store)], **options)

    assert run("add", "anna", "--password-stdin", input="right\n").output == "User anna is ready.\n"
    made = re.search(r"Password: (\S+)", run("add", "bob", "--admin").output).group(1)
    assert run("role", "anna", "KNEE", "member").exit_code == 1
    with Service(Settings(xnat_import_store)) as service:
        service.projects.create("KNEE")
    assert run("role", "anna", "KNEE", "member").output == "User anna is member of project KNEE.\n"
    assert run("role", "zed", "KNEE", "member").exit_code == 1
    assert run("disable", "bob").exit_code == 0
    with Service(Settings(xnat_import_store)) as service:
        users = Users(service.database)
        assert users.authenticate("anna", "right").roles == {"KNEE": "member"}
        assert users.authenticate("bob", made) is None
