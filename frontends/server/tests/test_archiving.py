"""Archiving over HTTP: the archive service, its dry run, conflicts, undo. Numbers are the REST chapter's statements."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from xnat_import_server import Role
from xnat_import_server.validation import CODES

from xnat_import_core.archive.conflicts import KINDS
from xnat_import_core.prearchive.machine import Operation, begin, end
from xnat_import_core.prearchive.statuses import Status

ARCHIVE = "/data/services/archive"
VALIDATE = "/data/services/validate-archive"
E1 = "/data/archive/projects/P/subjects/S1/experiments/E1"
BATCH = "/data/services/prearchive"
JSON = {"Accept": "application/json"}


@pytest.fixture
def study(shipped):
    return shipped / "pydicom" / "test_files" / "dicomdirtests" / "98892001"


@pytest.fixture
def send(lab, one_study):
    """Import a study into the prearchive; the session's address."""

    def sent(label="E1", data=one_study, project="P", **parameters):
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        answer = lab.import_(data, f"project={project}&import-handler=SI&subject=S1&session={label}&{query}")
        assert answer.status_code == 200, answer.text
        return answer.text.strip()

    return sent


@pytest.fixture
def uri(send):
    return send()


def rows(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["ResultSet"]["Result"]


def status(lab, uri):
    return rows(lab.client().get(uri))[0]["status"]


def test_one_source_answers_the_experiments_address(lab, uri):
    answer = lab.client("max").post(ARCHIVE, data={"src": uri})
    assert (answer.status_code, answer.text) == (200, f"{E1}\r\n")
    assert answer.headers["content-type"].startswith("text/uri-list")
    assert answer.headers["x-deed-id"]
    assert lab.client().get(uri).status_code == 404
    assert lab.client().get(E1).status_code == 200


@pytest.mark.parametrize("form", ["/data{}", "{}", "{}/"])
@pytest.mark.parametrize("encode", [str, lambda text: quote(text, "")])
def test_statement_17_every_spelling_of_src_is_the_same_session(lab, uri, form, encode):
    src = encode(form.format(uri.removeprefix("/data")))
    assert lab.client().post(ARCHIVE, params={"src": src}).text == f"{E1}\r\n"


def test_a_session_is_named_by_its_parts_too(lab, uri):
    *_, project, timestamp, folder = uri.split("/")
    parts = {"project": project, "PREARC_TIMESTAMP": timestamp, "PREARC_SESSION_FOLDER": folder}
    assert lab.client().post(ARCHIVE, data=parts).text == f"{E1}\r\n"


@pytest.mark.parametrize(
    "named",
    [
        {"dest": "/archive/projects/P/subjects/S9/experiments/E9"},
        {"dest": "/data/archive/projects/P/subjects/S9", "session": "E9"},
        {"subject": "S9", "session": "E9"},
        {"subject": "S9", "label": "E9", "project": "P"},
    ],
)
def test_subject_and_label_are_named_by_dest_or_parameters(lab, uri, named):
    answer = lab.client().post(ARCHIVE, data={"src": uri, **named})
    assert answer.text == "/data/archive/projects/P/subjects/S9/experiments/E9\r\n"


@pytest.mark.parametrize(
    "named",
    [
        {"dest": "/archive/projects/P/subjects/S9", "subject": "S8"},
        {"dest": "/prearchive/projects/P"},
        {"dest": "/nowhere"},
        {"overwrite": "banana"},
        {"session": "a/b"},
    ],
)
def test_what_contradicts_or_means_nothing_is_400_and_changes_nothing(lab, uri, named):
    assert lab.client().post(ARCHIVE, data={"src": uri, **named}).status_code == 400
    assert status(lab, uri) == "READY"


def test_a_session_goes_into_no_other_project(lab, uri):
    lab.client().put("/data/projects/Q")
    answer = lab.client().post(ARCHIVE, data={"src": uri, "dest": "/archive/projects/Q"})
    assert answer.status_code == 409
    assert "Invalid modification of session project via archive process." in answer.text
    assert lab.client().post(ARCHIVE, data={"src": uri, "project": "NOPE"}).status_code == 404
    assert status(lab, uri) == "READY"


def test_sources_that_are_none(lab, uri, one_study):
    nothing = lab.client().post(ARCHIVE)
    assert (nothing.status_code, "Unknown prearchive session." in nothing.text) == (404, True)
    for src in (E1, "http://else.where/x", "/prearchive/projects/P", "/prearchive/projects/P/1/E1", ""):
        answer = lab.client().post(ARCHIVE, data={"src": [uri, src] if src else []})
        assert answer.status_code == (400 if src else 404)
    gone = uri.replace("/E1", "/E2")
    assert lab.client().post(ARCHIVE, data={"src": gone}).status_code == 404
    unassigned = lab.import_(one_study, "", "root").text.strip()
    refused = lab.client("root").post(ARCHIVE, data={"src": unassigned})
    assert (refused.status_code, "Cannot archive sessions from the Unassigned folder." in refused.text) == (400, True)
    assert lab.client().post(ARCHIVE, data={"src": unassigned}).status_code == 404
    assert status(lab, uri) == "READY"


def test_statement_23_who_may_archive(lab, uri):
    for service in (ARCHIVE, VALIDATE, f"{BATCH}/delete", f"{BATCH}/rebuild"):
        refused = {name: lab.client(name).post(service, data={"src": uri}).status_code for name in ("carl", "eve")}
        assert refused == {"carl": 403, "eve": 404}
    assert status(lab, uri) == "READY"


def test_statement_18_an_existing_session_is_not_touched_without_overwrite(lab, uri, send):
    lab.client().post(ARCHIVE, data={"src": uri})
    before = lab.client().get(f"{E1}/scans").text
    again = send()
    for overwrite in ({}, {"overwrite": "none"}):
        answer = lab.client().post(ARCHIVE, data={"src": again, **overwrite})
        assert answer.status_code == 409
        assert "<h3>Session already exists, retry with overwrite enabled" in answer.text
    assert lab.client().get(f"{E1}/scans").text == before
    assert status(lab, again) == "CONFLICT"


def test_every_conflict_is_told_to_who_asks_for_json(lab, uri, send):
    lab.client().post(ARCHIVE, data={"src": uri})
    problem = lab.client().post(ARCHIVE, data={"src": send()}, headers=JSON)
    assert problem.headers["content-type"] == "application/problem+json"
    found = problem.json()["conflicts"]
    assert all({"kind", "detail", "scan", "file", "existing", "incoming", "remedy"} == set(each) for each in found)
    assert found[0]["kind"] == "exists"
    assert "append" in found[0]["remedy"]
    assert sum(each["kind"] == "identical" for each in found) == 7


def test_parts_of_a_session_are_merged_and_files_replaced_when_asked(lab, send, zip_of, study):
    parts = sorted(path for path in study.iterdir() if path.is_dir())
    first = send(data=zip_of(parts[0]))
    lab.client().post(ARCHIVE, data={"src": first})
    assert len(rows(lab.client().get(f"{E1}/scans"))) == 1
    merged = lab.client().post(ARCHIVE, data={"src": send(data=zip_of(parts[1])), "overwrite": "append"})
    assert merged.text == f"{E1}\r\n"
    assert len(rows(lab.client().get(f"{E1}/scans"))) == 2
    again = send()
    assert lab.client().post(ARCHIVE, data={"src": again, "overwrite": "append"}).status_code == 409
    replaced = lab.client().post(ARCHIVE, data={"src": again, "overwrite": "append", "overwrite_files": "true"})
    assert replaced.status_code == 200, replaced.text


def test_redirect_answers_303_with_the_address_in_the_body_too(lab, uri):
    answer = lab.client().post(ARCHIVE, data={"src": uri, "redirect": "true"})
    assert (answer.status_code, answer.headers["location"], answer.text) == (303, E1, f"{E1}\r\n")


def test_a_plan_says_what_would_be_done_and_does_nothing(lab, uri):
    (plan,) = lab.client().post(ARCHIVE, data={"src": uri, "plan": "true"}).json()["plans"]
    assert (plan["src"], plan["created"], plan["subject"], plan["label"]) == (uri, True, "S1", "E1")
    assert len(plan["added"]) == 7
    assert plan["conflicts"] == []
    assert status(lab, uri) == "READY"
    assert rows(lab.client().get("/data/projects/P/subjects")) == []
    done = lab.client().post(ARCHIVE, data={"src": uri}, headers=JSON).json()
    assert done["uri"] == E1
    assert done["plan"]["added"] == plan["added"]


def test_the_dry_run_has_every_reason_under_xnats_codes_and_changes_nothing(lab, uri, send, one_study):
    assert rows(lab.client().post(VALIDATE, data={"src": uri})) == []
    lab.client().post(ARCHIVE, data={"src": uri})
    again = send()
    found = rows(lab.client().post(VALIDATE, data={"src": again, "subject": "S2"}))
    assert {(row["code"], row["type"]) for row in found} == {("1", "CONFLICT"), ("4", "FAIL"), ("14", "CONFLICT")}
    assert all(row["message"] for row in found)
    csv = lab.client().post(f"{VALIDATE}?format=csv", data={"src": again})
    assert csv.text.startswith('"code","type","message"\n"1","CONFLICT"')
    appended = rows(lab.client().post(VALIDATE, data={"src": again, "overwrite": "delete"}))
    assert appended == []
    assert status(lab, again) == "READY"
    assert [row["label"] for row in rows(lab.client().get("/data/projects/P/subjects"))] == ["S1"]
    assert lab.client().post(VALIDATE, data={"src": [again, send("E2")]}).status_code == 400
    unassigned = lab.import_(one_study, "", "root").text.strip()
    assert ("6", "FAIL") in {
        (r["code"], r["type"]) for r in rows(lab.client("root").post(VALIDATE, data={"src": unassigned}))
    }


def test_every_kind_of_conflict_has_a_code():
    assert set(CODES) == set(KINDS)


def test_several_sources_are_told_of_row_by_row(lab, send):
    lab.client().post(ARCHIVE, data={"src": send()})
    again, other = send(), send("E2")
    found = {row["name"]: row for row in rows(lab.client().post(ARCHIVE, data={"src": [again, other]}))}
    assert found["E1"]["status"] == "CONFLICT"
    assert found["E1"]["message"].startswith("Session already exists, retry with overwrite enabled")
    assert (found["E2"]["status"], found["E2"]["message"]) == ("ARCHIVED", "")
    assert f"/data{found['E2']['url']}" == E1.replace("/E1", "/E2")
    assert status(lab, again) == "CONFLICT"
    assert lab.client().get(E1.replace("/E1", "/E2")).status_code == 200


def test_several_sources_in_the_background_are_queued(lab, send):
    uris = [send(), send("E2")]
    found = rows(lab.client().post(f"{ARCHIVE}?async=true", data={"src": uris}))
    assert [row["status"] for row in found] == ["QUEUED_ARCHIVING", "QUEUED_ARCHIVING"]
    assert lab.rows() == []
    assert len(rows(lab.client().get("/data/projects/P/experiments"))) == 2


def test_what_somebody_else_works_on_is_told_of_and_left_alone(lab, send):
    busy, free = send(), send("E2")
    (row,) = (each for each in lab.rows() if each.name == "E1")
    with lab.service.database.write() as connection:
        hold = begin(connection, row.id, Operation.MOVE, "somebody else")
    found = {row["name"]: row for row in rows(lab.client().post(f"{BATCH}/delete", data={"src": [busy, free]}))}
    assert found["E1"]["status"] == "_MOVING"
    assert found["E1"]["message"] == "session document locked: it is _MOVING."
    assert (found["E2"]["status"], found["E2"]["message"]) == ("QUEUED_DELETING", "")
    done = rows(lab.client().post(f"{BATCH}/delete", data={"src": busy, "async": "false"}))
    assert "session document locked: it is _MOVING since" in done[0]["message"]
    with lab.service.database.write() as connection:
        end(connection, hold, Status.READY)
    assert [each.name for each in lab.rows()] == ["E1"]


def test_an_experiment_is_named_by_its_id_too(lab, send, zip_of, study):
    parts = sorted(path for path in study.iterdir() if path.is_dir())
    first = lab.client().post(ARCHIVE, data={"src": send(data=zip_of(parts[0]))}, headers=JSON).json()
    dest = f"/archive/projects/P/subjects/S1/experiments/{first['experiment']}"
    second = send("E9", zip_of(parts[1]))
    merged = lab.client().post(ARCHIVE, data={"src": second, "dest": dest, "overwrite": "append"})
    assert merged.text == f"{E1}\r\n"


def test_a_project_is_named_by_its_alias_too(lab, send):
    lab.service.projects.create("Q", aliases=("quebec",))
    lab.users.set_role("anna", "Q", Role.OWNER)
    named = {"src": send(project="Q").replace("/Q/", "/quebec/"), "dest": "/archive/projects/Q", "project": "quebec"}
    assert lab.client().post(ARCHIVE, data=named).text == f"{E1.replace('/P/', '/Q/')}\r\n"


def test_fields_go_into_the_document(lab, uri):
    sent = {"src": uri, "xnat:ctSessionData/note": "seen by Otto"}
    assert lab.client().post(ARCHIVE, data=sent).status_code == 200
    assert "seen by Otto" in lab.client().get(f"{E1}?format=xml").text


def test_quarantine_pipelines_and_reason_are_kept(lab, uri):
    sent = {"src": uri, "quarantine": "true", "triggerPipelines": "false", "event_reason": "because"}
    deed = lab.client().post(ARCHIVE, data=sent, headers=JSON).json()
    row = lab.service.archive.find(deed["experiment"])
    assert row.status == "quarantine"
    assert [each.justification for each in lab.service.archive.workflows(row)] == ["because"]


def test_an_archiving_is_undone_by_who_may_edit(lab, uri):
    deed = lab.client().post(ARCHIVE, data={"src": uri}).headers["x-deed-id"]
    undo = f"/xapi/deeds/{deed}/undo"
    assert {name: lab.client(name).post(undo).status_code for name in ("carl", "eve")} == {"carl": 403, "eve": 404}
    assert lab.client().post("/xapi/deeds/nope/undo").status_code == 404
    assert lab.client().post(undo).json() == {"deed": deed, "uri": uri}
    assert status(lab, uri) == "READY"
    assert lab.client().get(E1).status_code == 404
    assert lab.client().post(undo).status_code in {404, 409}


def test_sessions_are_deleted_moved_and_rebuilt_in_batches(lab, send):
    lab.client().put("/data/projects/Q")
    client = lab.client()
    one, two = send(), send("E2")
    assert client.post(f"{BATCH}/move", data={"src": one}).status_code == 400
    assert client.post(f"{BATCH}/move", data={"src": one, "newProject": "NOPE"}).status_code == 404
    moved = rows(client.post(f"{BATCH}/move", data={"src": [one, two], "newProject": "Q", "async": "false"}))
    assert [row["project"] for row in moved] == ["Q", "Q"]
    assert [row["url"] for row in moved] == [uri.removeprefix("/data").replace("/P/", "/Q/") for uri in (one, two)]
    uris = [row["url"] for row in moved]
    built = rows(client.post(f"{BATCH}/rebuild", data={"src": uris, "async": "false", "VISIT": "v1"}))
    assert [(row["status"], row["VISIT"]) for row in built] == [("READY", "v1")] * 2
    queued = rows(client.post(f"{BATCH}/delete", data={"src": uris, "async": "false?format=csv"}))
    assert [row["status"] for row in queued] == ["QUEUED_DELETING"] * 2
    assert lab.rows() == []
    unknown = client.post(f"{BATCH}/delete", data={"src": "/prearchive/projects/NOPE/20240305_091244031/E1"})
    assert unknown.status_code == 404
    assert "One or more specified projects does not exist: NOPE" in unknown.text
    assert client.post(f"{BATCH}/delete", data={"src": "nonsense"}).status_code == 400


def test_one_bad_source_stops_the_whole_batch(lab, send):
    one = send()
    missing = one.replace("/E1", "/E7")
    answer = lab.client().post(f"{BATCH}/delete", data={"src": [one, missing], "async": "false"})
    assert answer.status_code == 404
    assert status(lab, one) == "READY"
