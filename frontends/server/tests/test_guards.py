"""Against guessing and against foreign pages."""

from __future__ import annotations

import anyio
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from xnat_import_server.gate import basic_login
from xnat_import_server.guard import FailureDelay, check_origin
from xnat_import_server.logins import Login

LOGIN = Login("cookie", "anna", "the-token")


def connection(method="POST", query="", **headers):
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": "/", "query_string": query.encode(), "headers": raw}
    return HTTPConnection({**scope, "method": method})


FOREIGN = {"host": "lab.example", "origin": "https://evil.example"}
FORM = {"host": "lab.example", "origin": "https://lab.example", "content_type": "multipart/form-data; boundary=x"}


@pytest.mark.parametrize(
    "sent",
    [
        connection(host="lab.example", content_type="multipart/form-data; boundary=x"),
        connection(host="lab.example", origin="https://lab.example", content_type="application/zip"),
        connection(host="lab.example", sec_fetch_site="same-origin"),
        connection("GET", **FOREIGN),
        connection(query="XNAT_CSRF=the-token", **FOREIGN),
        connection(query="XNAT_CSRF=the-token", **FORM),
    ],
    ids=["a tool's form", "same origin", "same site", "a question", "foreign with token", "browser's form with token"],
)
def test_tools_and_pages_with_the_token_pass(sent):
    check_origin(sent, LOGIN)


@pytest.mark.parametrize(
    "sent",
    [
        connection(**FOREIGN),
        connection(query="XNAT_CSRF=another", **FOREIGN),
        connection(query="XNAT_CSRF=%C3%A4", **FOREIGN),
        connection(host="lab.example", origin="null"),
        connection(host="lab.example", sec_fetch_site="cross-site"),
        connection("DELETE", sec_fetch_site="same-site"),
        connection(**FORM),
    ],
    ids=["foreign", "wrong token", "odd token", "null origin", "cross site", "a neighbour", "browser's form"],
)
def test_what_a_foreign_page_makes_a_browser_send_is_refused(sent):
    with pytest.raises(HTTPException) as caught:
        check_origin(sent, LOGIN)
    assert caught.value.status_code == 403
    assert "XNAT_CSRF" in caught.value.detail


def test_guessing_gets_slower_and_a_right_password_wipes_the_slate():
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    async def guess(delay, times):
        for _ in range(times):
            await delay.wait("anna")
            delay.note("anna", right=False)
        await delay.wait("bob")

    delay = FailureDelay(sleep)
    anyio.run(guess, delay, 1000)
    assert waited[:6] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0]
    assert len(waited) == 995
    assert max(waited) == 8.0
    delay.note("anna", right=True)
    waited.clear()
    anyio.run(guess, delay, 5)
    assert waited == []


@pytest.mark.parametrize("header", ["Basic", "Basic abc", "Basic YW5uYQ==", "Basic !!!!", "basic /w=="])
def test_a_basic_header_that_is_none_is_401(header):
    with pytest.raises(HTTPException) as caught:
        basic_login(header)
    assert caught.value.status_code == 401


def test_a_basic_header_is_read_as_utf8_and_a_password_may_hold_colons():
    assert basic_login("Basic QW5uYTpwOnc=") == ("Anna", "p:w")
    assert basic_login("basic Wm/DqzrDqQ==") == ("Zoë", "é")
    assert basic_login("Bearer x") is None
    assert basic_login("") is None
