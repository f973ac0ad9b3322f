"""What can be done with a prearchive session over HTTP. Numbers are those of the REST chapter's statements."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from xnat_import_server import Role

from xnat_import_core.prearchive.machine import Operation, begin, end
from xnat_import_core.prearchive.statuses import Status

URI_LIST = "text/uri-list"
BUILD = {"action": "build", "VISIT": "v1", "PROTOCOL": "p1", "SOURCE": "desk"}
FILE_PART = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n1\r\n--x--\r\n'


@pytest.fixture
def uri(lab, one_study):
    return lab.import_(one_study, "project=P&import-handler=SI&subject=S1&session=E1").text.strip()


@pytest.fixture
def receiving(lab, one_study):
    return lab.import_(one_study, "project=P&subject=S2&session=E2").text.strip()


@pytest.fixture
def moving(lab, uri):
    """While it is open, somebody else moves the session."""

    @contextmanager
    def held():
        (row,) = lab.rows()
        with lab.service.database.write() as connection:
            hold = begin(connection, row.id, Operation.MOVE, "somebody else")
        yield
        with lab.service.database.write() as connection:
            end(connection, hold, Status.READY)

    return held


def rows(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["ResultSet"]["Result"]


def status(lab, uri):
    return rows(lab.client().get(uri))[0]["status"]


def test_statement_14_build_answers_the_bare_address(lab, receiving):
    assert status(lab, receiving) == "RECEIVING"
    answer = lab.client().post(f"{receiving}?action=build")
    assert (answer.status_code, answer.text) == (200, receiving)
    assert answer.headers["content-type"].startswith(URI_LIST)
    assert status(lab, receiving) == "READY"
    assert lab.client().get(f"{receiving}?format=xml").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"data": BUILD},
        {"json": {**BUILD, "ignored": None}},
        {
            "files": {
                "action": (None, "build"),
                "VISIT": (None, "v1"),
                "PROTOCOL": (None, "p1"),
                "SOURCE": (None, "desk"),
            }
        },
        {"params": BUILD, "json": {}},
    ],
    ids=["form", "json", "multipart", "query"],
)
def test_parameters_come_in_any_of_four_ways(lab, receiving, sent):
    assert lab.client().post(receiving, **sent).status_code == 200
    (row,) = rows(lab.client().get(receiving))
    assert (row["VISIT"], row["PROTOCOL"], row["SOURCE"]) == ("v1", "p1", "desk")


def test_a_protocol_has_two_names(lab, receiving):
    assert lab.client().post(f"{receiving}?action=build&SUBTYPE=p2").status_code == 200
    assert rows(lab.client().get(receiving))[0]["PROTOCOL"] == "p2"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"[1]", "application/json"),
        (b'{"a": {}}', "application/json"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n1\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_a_body_that_is_not_what_it_says_is_400(lab, uri, body, kind):
    answer = lab.client().post(f"{uri}?action=build", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400


def test_statement_14_move_answers_301_without_location_and_the_new_address(lab, uri):
    lab.client().put("/data/projects/Q")
    answer = lab.client().post(f"{uri}?action=move&newProject=Q")
    assert (answer.status_code, answer.text) == (301, uri.replace("/projects/P/", "/projects/Q/"))
    assert "location" not in answer.headers
    assert status(lab, answer.text) == "READY"
    assert lab.client().get(uri).status_code == 404


def test_a_move_needs_a_project_that_the_caller_may_change(lab, uri):
    lab.client("root").put("/data/projects/R")
    assert lab.client().post(f"{uri}?action=move").status_code == 400
    assert lab.client().post(f"{uri}?action=move&newProject=R").status_code == 404
    assert lab.client().post(f"{uri}?action=move&newProject=NOPE").status_code == 404
    lab.users.set_role("anna", "R", Role.COLLABORATOR)
    assert lab.client().post(f"{uri}?action=move&newProject=R").status_code == 403
    assert status(lab, uri) == "READY"


def test_statement_15_commit_archives_as_the_project_says(lab, uri, receiving):
    lab.service.projects.set_code("P", 0)
    answer = lab.client().post(f"{uri}?action=commit", json={})
    assert (answer.status_code, answer.text) == (200, uri)
    lab.service.projects.set_code("P", 4)
    kept = lab.client().post(f"{receiving}?action=commit&AA=false")
    assert (kept.status_code, kept.text) == (200, receiving)
    archived = lab.client().post(f"{receiving}?action=commit&AA=true")
    assert (archived.status_code, archived.text) == (301, "/data/archive/projects/P/subjects/S2/experiments/E2")
    assert "location" not in archived.headers
    assert lab.client().get(receiving).status_code == 404


@pytest.mark.parametrize("action", ["action=rebuild", "action=BUILD", ""])
def test_statement_16_other_actions_are_400(lab, uri, action):
    answer = lab.client().post(f"{uri}?{action}")
    assert answer.status_code == 400
    words = "requested an unsupported action on prearchive session" if action else "No action parameter was specified"
    assert words in answer.text


def test_an_admin_sets_a_status_and_anybody_resets_it(lab, uri):
    assert lab.client().post(f"{uri}?action=set-status&status=ERROR").status_code == 403
    for wrong in ("_RECEIVING", "MOVING", "BANANA", ""):
        assert lab.client("root").post(f"{uri}?action=set-status&status={wrong}").status_code == 400
    answer = lab.client("root").post(f"{uri}?action=set-status&status=ERROR")
    assert (answer.status_code, answer.content) == (200, b"")
    assert status(lab, uri) == "ERROR"
    back = lab.client("max").post(f"{uri}?action=reset-status&tag=1.2.3")
    assert (back.status_code, back.text) == (200, uri)
    assert status(lab, uri) == "READY"


def test_a_scan_is_deleted(lab, uri):
    assert lab.client("carl").delete(f"{uri}/scans/4").status_code == 403
    answer = lab.client().delete(f"{uri}/scans/4")
    assert (answer.status_code, answer.content) == (200, b"")
    assert [row["ID"] for row in rows(lab.client().get(f"{uri}/scans"))] == ["5"]
    assert lab.client().delete(f"{uri}/scans/4").status_code == 404


def test_what_went_wrong_is_in_the_log(lab, uri):
    assert rows(lab.client().get(f"{uri}/logs")) == []
    assert lab.client().get(f"{uri}/logs/last").status_code == 404
    for path in (lab.service.settings.store / "prearchive" / "P").rglob("DICOM/*"):
        path.unlink()
    failed = lab.client().post(f"{uri}?action=build")
    assert failed.status_code == 500
    assert status(lab, uri) == "ERROR"
    (entry,) = rows(lab.client().get(f"{uri}/logs"))
    assert list(entry) == ["id", "date", "entry"]
    assert "not on the disk" in entry["entry"]
    assert rows(lab.client().get(f"{uri}/logs?template=ids")) == [{"id": entry["id"]}]
    for name in (entry["id"], "last"):
        answer = lab.client().get(f"{uri}/logs/{name}")
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.text == entry["entry"]


def test_statement_23_only_editors_do_anything_with_a_session(lab, uri):
    for action in ("build", "commit", "move&newProject=P", "reset-status", "set-status&status=READY", "nothing"):
        refused = {name: lab.client(name).post(f"{uri}?action={action}").status_code for name in ("carl", "eve")}
        assert refused == {"carl": 403, "eve": 404}
    for below in ("logs", "logs/last"):
        refused = {name: lab.client(name).get(f"{uri}/{below}").status_code for name in ("carl", "eve")}
        assert refused == {"carl": 403, "eve": 404}
    assert status(lab, uri) == "READY"


def test_statement_24_an_unassigned_session_goes_where_its_sender_may_edit(lab, one_study):
    uri = lab.import_(one_study, "", "max").text.strip()
    others = {name: lab.client(name).post(f"{uri}?action=build").status_code for name in ("anna", "eve", "carl")}
    assert set(others.values()) == {404}
    assert lab.client("max").post(f"{uri}?action=build").text == uri
    lab.client("root").put("/data/projects/R")
    lab.users.set_role("max", "R", Role.COLLABORATOR)
    assert lab.client("max").post(f"{uri}?action=move&newProject=R").status_code == 403
    moved = lab.client("max").post(f"{uri}?action=move&newProject=P")
    assert (moved.status_code, moved.text) == (301, uri.replace("/projects/Unassigned/", "/projects/P/"))


def test_a_session_that_somebody_works_on_is_shown_with_an_underscore_and_is_409(lab, uri, moving):
    lab.client("root").put("/data/projects/Q")
    with moving():
        assert status(lab, uri) == "_MOVING"
        for action in ("build", "commit", "move&newProject=Q", "reset-status"):
            answer = lab.client("root").post(f"{uri}?action={action}", headers={"Accept": "application/json"})
            assert answer.status_code == 409
            assert "session document locked: it is _MOVING since" in answer.json()["detail"]
        assert lab.client().delete(uri).status_code == 409
        assert lab.client().delete(f"{uri}/scans/4").status_code == 409
    assert status(lab, uri) == "READY"
    assert len(rows(lab.client().get(f"{uri}/scans"))) == 2
