"""Addresses, logins, listings, errors. Numbers are those of the REST chapter's acceptance statements (section 7)."""

from __future__ import annotations

import csv
import io
import re

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from xnat_import_server import create_app

EXPIRATION = re.compile(r'SESSION_EXPIRATION_TIME="\d+,900000"; Path=/')


def set_cookies(answer):
    return answer.headers.get_list("set-cookie")


def cookie_of(answer):
    return re.search(r"JSESSIONID=(\w+); Path=/; HttpOnly; SameSite=Lax", "\n".join(set_cookies(answer))).group(1)


def test_statement_1_the_start_page_needs_no_login(lab):
    answer = lab.client(None).get("/")
    assert answer.status_code == 200
    assert "var csrfToken = '" in answer.text


def test_statement_2_versions(lab):
    assert lab.client().get("/data/version").status_code == 404
    info = lab.client(None).get("/xapi/siteConfig/buildInfo").json()
    assert re.fullmatch(r"[\d.]+", info["version"])
    assert tuple(map(int, info["version"].split("."))) >= (1, 8, 3)
    assert lab.client(None).get("/xapi/siteConfig/buildInfo/version").text == info["version"]


def test_statement_3_nobody_gets_nothing_but_a_body(lab):
    data, xapi = (lab.client(None).get(path) for path in ("/data/projects", "/xapi/users/username"))
    assert (data.status_code, xapi.status_code) == (401, 401)
    assert "<h3>The request requires user authentication</h3>" in data.text
    assert xapi.text == "The request requires user authentication"
    assert data.headers["www-authenticate"].startswith("Basic realm=")
    for method, path in [("POST", "/data/services/import"), ("PUT", "/data/projects/X"), ("GET", "/data/nothing")]:
        assert lab.client(None).request(method, path).status_code == 401


def test_statement_4_a_form_opens_a_session_and_delete_ends_it(lab):
    client = lab.client(None)
    answer = client.put("/data/services/auth", data={"username": "anna", "password": "right words"})
    assert answer.status_code == 200
    assert answer.text == cookie_of(answer)
    assert client.get("/data/projects").status_code == 200
    assert client.get("/data/auth").text == "User 'anna' is logged in"
    assert client.get("/data/JSESSION").text == answer.text
    cookies = {"Cookie": f"JSESSIONID={answer.text}"}
    assert client.delete("/data/JSESSION").status_code == 200
    assert lab.client(None).get("/data/projects", headers=cookies).status_code == 401
    assert lab.client(None).delete("/data/JSESSION").status_code == 200


def test_a_login_by_form_gives_a_new_session_whatever_cookie_came(lab):
    old = lab.client().get("/data/JSESSION").text
    form = {"j_username": "anna", "j_password": "right words"}
    fresh = lab.client(None).post("/data/services/auth", data=form, headers={"Cookie": f"JSESSIONID={old}"})
    assert fresh.status_code == 200
    assert fresh.text != old


@pytest.mark.parametrize("form", [{"username": "anna", "password": "wrong"}, {"username": "zed", "password": "x"}, {}])
def test_a_wrong_form_is_401_in_xnats_words(lab, form):
    answer = lab.client(None).post("/data/services/auth", data=form)
    assert answer.status_code == 401
    assert "<h3>Authentication failed.</h3>" in answer.text
    assert lab.client(None).get("/data/services/auth").status_code == 405


def test_statement_5_every_answer_says_when_the_session_ends(lab):
    for client, path in [
        (lab.client(None), "/"),
        (lab.client(None), "/data/projects"),
        (lab.client(), "/data/projects"),
        (lab.client(), "/nothing"),
        (lab.client(), "/data/services/import"),
    ]:
        assert any(EXPIRATION.match(cookie) for cookie in set_cookies(client.get(path)))


def test_statement_6_ten_requests_are_one_session(lab):
    client = lab.client()
    first = cookie_of(client.get("/data/projects"))
    answers = [client.get("/data/JSESSION") for _ in range(10)]
    assert {answer.text for answer in answers} == {first}
    assert not any("JSESSIONID" in cookie for answer in answers for cookie in set_cookies(answer))


def test_basic_wins_over_a_cookie_and_a_wrong_password_beside_a_good_cookie_is_401(lab):
    session = lab.client("anna").get("/data/JSESSION").text
    cookies = {"Cookie": f"JSESSIONID={session}"}
    other = lab.client("max").get("/xapi/users/username", headers=cookies)
    assert other.text == "max"
    assert cookie_of(other) != session
    assert lab.client(None).get("/data/auth", headers=cookies, auth=("anna", "wrong")).status_code == 401
    assert lab.client(None).get("/data/auth", headers={"Authorization": "Basic YW5uYQ=="}).status_code == 401
    assert lab.client(None).get("/data/auth", headers={"Cookie": "JSESSIONID=0"}).status_code == 401


def test_a_disabled_user_is_shut_out_at_once(lab):
    client = lab.client("max")
    assert client.get("/data/auth").status_code == 200
    lab.users.disable("max")
    assert client.get("/data/auth").status_code == 401
    client.auth = None
    assert client.get("/data/auth").status_code == 401


def test_a_session_cookie_is_secure_when_the_request_was(lab):
    async def ask():
        transport = httpx.ASGITransport(lab.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://lab.example") as client:
            return await client.get("/data/auth", auth=("anna", "right words"))

    cookies = [cookie for cookie in set_cookies(anyio.run(ask)) if cookie.startswith("JSESSIONID")]
    assert [cookie.endswith("; Secure") for cookie in cookies] == [True]


def test_a_foreign_page_cannot_use_a_cookie_but_the_token_can(lab):
    client = lab.client(None)
    client.put("/data/services/auth", data={"username": "anna", "password": "right words"})
    token = client.get("/data/JSESSION?CSRF=true").text.partition("; XNAT_CSRF=")[2]
    assert f"var csrfToken = '{token}'" in client.get("/").text
    foreign = {"Origin": "https://evil.example"}
    assert client.put("/data/projects/Evil", headers=foreign).status_code == 403
    assert client.put(f"/data/projects/Good?XNAT_CSRF={token}", headers=foreign).status_code == 201
    assert lab.client().put("/data/projects/Basic", headers=foreign).status_code == 201
    assert [project.id for project in lab.service.projects.all()] == ["Basic", "Good", "P"]


LISTINGS = ["/data/projects", "/data/prearchive", "/data/prearchive/projects", "/data/prearchive/projects/P"]


@pytest.mark.parametrize("path", LISTINGS)
def test_statements_7_and_8_listings_are_json_unless_csv_is_asked_for(lab, one_study, path):
    lab.import_(one_study, "project=P")
    client = lab.client()
    plain = client.get(path)
    assert plain.headers["content-type"] == "application/json"
    assert plain.json() == client.get(f"{path}?format=json").json()
    found = plain.json()["ResultSet"]
    assert found["totalRecords"] == "1"
    assert all(isinstance(cell, str) for row in found["Result"] for cell in row.values())
    text = client.get(f"{path}?format=csv").text
    header, *rows = csv.reader(io.StringIO(text))
    assert header == list(found["Result"][0])
    assert rows == [list(row.values()) for row in found["Result"]]
    assert text.startswith('"')
    assert "\r" not in text
    assert client.get(f"{path}?format=nope").status_code == 406
    assert client.get(path, headers={"Accept": "text/csv"}).text == text


def test_an_empty_listing_has_its_header(lab):
    assert lab.client().get("/data/prearchive?format=csv").text.startswith('"project","timestamp","lastmod","uploaded"')
    assert lab.client().get("/data/prearchive").json() == {"ResultSet": {"Result": [], "totalRecords": "0"}}


def test_addresses_that_mean_the_same_and_head(lab):
    client = lab.client()
    for path in ("/data/projects/P", "/data/archive/projects/P", "/REST/projects/P", "/REST/archive/projects/P/"):
        assert client.get(path).json()["items"][0]["data_fields"]["ID"] == "P"
    head, get = client.request("HEAD", "/data/projects"), client.get("/data/projects")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert client.get("/data/projects/a%2Fb").status_code == 404


def test_projects_are_made_by_anybody_and_owned_by_who_made_them(lab):
    eve = lab.client("eve")
    made = eve.put("/data/projects/NEW?name=New%20one")
    assert (made.status_code, made.text) == (201, "NEW")
    assert eve.put("/data/projects/NEW").status_code == 200
    assert eve.put("/data/projects/NEW/prearchive_code/4").text == "4"
    assert eve.get("/data/projects/NEW/prearchive_code").text == "4"
    assert eve.put("/data/projects/NEW/prearchive_code/false").text == "0"
    for code in ("1", "true", "x", "-4"):
        assert eve.put(f"/data/projects/NEW/prearchive_code/{code}").status_code == 400
    assert lab.client("anna").put("/data/projects/NEW").status_code == 403
    assert lab.client("anna").get("/data/projects/NEW").status_code == 404
    assert lab.client("anna").get("/data/projects/NEW/prearchive_code").status_code == 404
    for name in ("a%20b", "Unassigned", "20240305_091244031", "-x", "x" * 65):
        assert eve.put(f"/data/projects/{name}").status_code == 400
    xml = eve.get("/data/projects/NEW?format=xml")
    assert xml.headers["content-type"] == "application/xml"
    assert "<xnat:name>New one</xnat:name>" in xml.text


def test_project_rights_by_role(lab):
    code = "/data/projects/P/prearchive_code"
    statuses = {name: lab.client(name).put(f"{code}/4").status_code for name in ("anna", "max", "carl", "eve", "root")}
    assert statuses == {"anna": 200, "max": 403, "carl": 403, "eve": 404, "root": 200}
    edit = {
        name: [
            row["id"] for row in lab.client(name).get("/data/projects?permissions=edit").json()["ResultSet"]["Result"]
        ]
        for name in ("anna", "carl", "root")
    }
    assert edit == {"anna": ["P"], "carl": [], "root": ["P"]}
    row = lab.client().get("/data/projects?permissions=edit").json()["ResultSet"]["Result"][0]
    assert {"id", "secondary_id", "name"} <= set(row)
    assert {"ID", "secondary_ID", "name"} <= set(lab.client().get("/data/projects").json()["ResultSet"]["Result"][0])
    assert lab.client().get("/data/projects?permissions=fly").status_code == 400


def test_statement_30_no_page_for_programs_and_no_error_with_200(lab, one_study):
    imported = lab.import_(one_study, "project=P&import-handler=SI")
    uri = imported.text.strip()
    paths = [*LISTINGS, "/data/projects/P", "/data/JSESSION", "/data/auth", "/xapi/handlers", uri, f"{uri}/scans"]
    for answer in (imported, *(lab.client().get(path) for path in paths)):
        assert answer.status_code == 200
        assert not answer.text.lower().startswith(("<!doctype", "<html"))
    for path in ("/data/nothing", "/data/projects/X/prearchive_code", "/data/prearchive/projects/P/1/2"):
        assert lab.client().get(f"{path}?format=html").status_code == 404


def test_errors_are_pages_or_text_or_json_and_escape_what_came(lab):
    page = lab.client().get("/data/projects/%3Cb%3E")
    assert page.headers["content-type"].startswith("text/html")
    assert "&lt;b&gt;" in page.text
    assert "<b>" not in page.text
    assert lab.client().get("/xapi/nothing").headers["content-type"].startswith("text/plain")
    problem = lab.client().get("/data/projects/X", headers={"Accept": "application/json, text/plain;q=0.5"})
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json() == {
        "title": "Not Found",
        "status": 404,
        "detail": "Unable to find the specified project: X",
    }
    wrong = lab.client().delete("/data/projects/P/prearchive_code")
    assert (wrong.status_code, set(wrong.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})


def test_an_error_that_nobody_foresaw_tells_nothing(lab, monkeypatch, capsys):
    def fail():
        message = "patient Doe^Archibald in /srv/store"
        raise RuntimeError(message)

    monkeypatch.setattr(lab.service.projects, "all", fail)
    answer = lab.client().get("/data/projects")
    assert answer.status_code == 500
    assert "Doe" not in answer.text
    assert "/srv" not in answer.text
    assert "<h3>" in answer.text
    assert lab.client(None).get("/health/ready").status_code == 503
    assert "RuntimeError" in "".join(capsys.readouterr())


def test_health_needs_no_login(lab):
    for path in ("/health/live", "/healthz", "/health/ready", "/readyz"):
        assert lab.client(None).get(path).status_code == 200


def test_handlers_are_listed_and_an_admin_sees_what_does_not_load(lab):
    plain = {row["key"]: row for row in lab.client().get("/xapi/handlers").json()}
    assert {"SI", "DICOM-zip"} <= set(plain)
    assert plain["SI"]["distribution"] == "xnat-import-si"
    assert "error" not in plain["SI"]
    assert all({"error", "remedy"} <= set(row) for row in lab.client("root").get("/xapi/handlers").json())


def test_an_embedder_mounts_it_and_brings_its_own_users(lab, client_of, one_study):
    owner = lab.service.owner
    inner = create_app(lab.service, identify=lambda request: owner if "x-user" in request.headers else None)
    client = client_of(Starlette(routes=[Mount("/xnat", inner)]))
    assert client.get("/xnat/data/projects").status_code == 401
    assert client.get("/xnat/xapi/users/username").text == "The request requires user authentication"
    known = {"X-User": "anybody"}
    answer = client.post("/xnat/data/services/import?project=P&inbody=true", content=one_study, headers=known)
    assert answer.text.startswith("/data/prearchive/projects/P/")
    assert client.get("/xnat" + answer.text.strip(), headers=known).status_code == 200
    assert client.get("/xnat/REST/projects/P/", headers=known).status_code == 200


def test_smuggled_lengths_are_refused(lab):
    both = {"Content-Length": "3", "Transfer-Encoding": "chunked"}
    assert lab.client().post("/data/services/import", headers=both).status_code == 400
    for length in ("-1", "+3", "3, 3", "x"):
        answer = lab.client().post("/data/services/import", headers={"Content-Length": length})
        assert answer.status_code == 400


def test_a_body_that_stands_still_is_408_and_one_that_breaks_off_leaves_nothing(lab):
    impatient = create_app(lab.service, identify=lambda _request: lab.service.owner, body_timeout=0.05)
    scope = {"type": "http", "method": "POST", "path": "/data/services/import", "query_string": b"inbody=1"}
    scope |= {"headers": [(b"transfer-encoding", b"chunked")], "http_version": "1.1", "scheme": "http"}
    sent = []

    async def send(message):
        sent.append(message)

    async def call(*messages):
        waiting = list(messages)

        async def receive():
            return waiting.pop(0) if waiting else await anyio.sleep_forever()

        await impatient(dict(scope), receive, send)

    first = {"type": "http.request", "body": b"PK\3\4", "more_body": True}
    anyio.run(call, first)
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    sent.clear()
    anyio.run(call, first, {"type": "http.disconnect"})
    assert sent[0]["status"] == 400
    assert lab.leaves() == []
