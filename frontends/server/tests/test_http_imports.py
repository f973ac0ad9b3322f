"""Imports over HTTP. Numbers are those of the acceptance statements of the import chapter (section 12)."""

from __future__ import annotations

import json
import re

import pytest
from attrs import evolve
from xnat_import_server import Users, create_app

from xnat_import_core.settings import Limits, Preferences


async def chunks(data, size=1000):
    for start in range(0, len(data), size):
        yield data[start : start + size]


def content_of(lab):
    """What lies in the one session of the store: scans, and names and digests of their files."""
    (row,) = lab.rows()
    prearchive = lab.service.prearchive
    return {
        (scan.id, resource.label): {(f.name, f.size, f.digest) for f in prearchive.files(row, scan.id, resource.label)}
        for scan in prearchive.scans(row)
        for resource in prearchive.resources(row, scan.id)
    }


def test_statement_2_a_raw_zip_without_inbody_is_receiving(lab, one_study):
    answer = lab.import_(one_study, "project=P")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/uri-list"
    (row,) = lab.rows()
    assert answer.text == f"/data{row.uri}\r\n"
    assert re.fullmatch(r"/data/prearchive/projects/P/\d{8}_\d{9}/[A-Za-z0-9_-]+\r\n", answer.text)
    assert row.status == "RECEIVING"
    assert sum(len(files) for files in content_of(lab).values()) == 7


def test_statement_3_si_is_ready(lab, one_study):
    answer = lab.import_(one_study, "project=P&import-handler=SI")
    assert answer.status_code == 200, answer.text
    assert [row.status for row in lab.rows()] == ["READY"]


def test_statement_3_si_by_site_preference(import_service, client_of, one_study):
    service = import_service(preferences=Preferences(compressed_uploader_importer="SI"))
    service.projects.create("P")
    users = Users(service.database)
    app = create_app(service, identify=lambda _request: service.owner)
    users.migrate()
    answer = client_of(app).post(
        "/data/services/import?project=P", content=one_study, headers={"Content-Type": "application/zip"}
    )
    assert answer.status_code == 200, answer.text
    assert [row.status for row in service.prearchive.rows()] == ["READY"]


@pytest.fixture(params=["raw", "inbody", "octets", "chunked", "part", "nameless media type", "form of a browser"])
def sent(request, lab, one_study):
    client, url = lab.client(), "/data/services/import"
    odd = {"Content-Type": "x/y"}
    zip_type, octets = {"Content-Type": "application/zip"}, {"Content-Type": "application/octet-stream"}
    send = {
        "raw": lambda: client.post(f"{url}?project=P", content=one_study, headers=zip_type),
        "inbody": lambda: client.post(f"{url}?project=P&inbody=true", content=one_study, headers=odd),
        "octets": lambda: client.post(f"{url}?project=P", content=one_study, headers=octets),
        "chunked": lambda: client.post(f"{url}?project=P&inbody=true", content=chunks(one_study), headers=octets),
        "part": lambda: client.post(f"{url}?project=P", files={"x": ("a.zip", one_study)}),
        "nameless media type": lambda: client.post(f"{url}?project=P&inbody", content=one_study),
        "form of a browser": lambda: client.post(url, files={"y": ("C:\\a.bin", one_study)}, data={"project": "P"}),
    }
    return send[request.param]()


def test_statement_4_and_rest_11_every_shape_of_body_gives_the_same_session(lab, sent, one_study):
    assert sent.status_code == 200, sent.text
    again = lab.import_(one_study, "project=P", Accept="application/json").json()
    assert again["counts"] == {"stored": 0, "same": 7, "rejected": 0, "filtered": 0, "ignored": 0}
    assert [session["uri"] for session in again["sessions"]] == [sent.text.rstrip()]
    assert len(lab.rows()) == 1


def test_statement_5_and_rest_12_multipart_and_inbody_exclude_each_other(lab, one_study):
    answer = lab.client().post("/data/services/import?project=P&inbody=true", files={"x": ("a.zip", one_study)})
    assert answer.status_code == 406
    assert "<h3>In-body File posts must include the file directly" in answer.text
    assert lab.leaves() == []


def test_statement_6_and_rest_12_two_files_are_refused(lab, one_study):
    files = [("x", ("a.zip", one_study)), ("y", ("b.zip", one_study))]
    answer = lab.client().post("/data/services/import?project=P", files=files)
    assert answer.status_code == 400
    assert "<h3>Importer is limited to one uploaded resource at a time.</h3>" in answer.text
    assert lab.leaves() == []
    assert lab.rows() == []


@pytest.mark.parametrize("query", ["import-handler=SI&project=P", "project=P"])
@pytest.mark.parametrize(
    "shape", [{}, {"data": {"a": "b"}}, {"files": {"a": (None, "b")}}], ids=["none", "form", "parts"]
)
def test_statement_7_and_rest_12_no_file(lab, query, shape):
    answer = lab.client().post(f"/data/services/import?{query}", **shape)
    assert answer.status_code == 400
    assert "<h3>Unable to identify upload format." in answer.text
    assert lab.leaves() == []


def test_a_urlencoded_body_is_told_the_remedy(lab, one_study):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = lab.client().post("/data/services/import?project=P", content=one_study, headers=headers)
    assert answer.status_code == 400
    assert "Unable to identify upload format." in answer.text
    assert "inbody=true" in answer.text


@pytest.mark.parametrize("key", ["nope", "si"])
def test_statement_8_an_unknown_handler(lab, one_study, key):
    answer = lab.import_(one_study, f"project=P&import-handler={key}")
    assert answer.status_code == 404
    assert f"Unknown importer implementation specified: {key}" in answer.text


def test_statement_10_the_query_wins_over_the_form(lab, one_study):
    lab.service.projects.create("Q")
    files = {"x": ("a.zip", one_study)}
    answer = lab.client("root").post("/data/services/import?project=P", files=files, data={"project": "Q"})
    assert answer.status_code == 200, answer.text
    assert [row.project for row in lab.rows()] == ["P"]


def test_fields_behind_the_file_count(lab, one_study):
    body = (
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.zip"\r\n\r\n' + one_study + b"\r\n"
        b'--b\r\nContent-Disposition: form-data; name="project"\r\n\r\nP\r\n'
        b'--b\r\nContent-Disposition: form-data; name="session"\r\n\r\nafter\r\n--b--\r\n'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = lab.client().post("/data/services/import", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert [(row.project, row.name) for row in lab.rows()] == [("P", "after")]


@pytest.mark.parametrize("handler", ["", "&import-handler=SI", "&import-handler=DICOM-zip"])
def test_statement_14_dest_is_checked_before_the_body_is_read(lab, handler):
    read = []

    async def body():
        read.append(1)
        yield b"one"

    answer = lab.client().post(f"/data/services/import?inbody=true&dest=/nonsense{handler}", content=body())
    assert answer.status_code == 400
    assert "Parameter dest format error" in answer.text
    assert read == []
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "dest",
    ["/prearchive/projects/P", "/prearchive/projects/P/", "/data/prearchive/projects/P", "/REST/prearchive/projects/P"],
)
@pytest.mark.parametrize("encoded", [False, True])
def test_statement_14_and_rest_17_dest_in_every_spelling(lab, one_study, dest, encoded):
    answer = lab.import_(one_study, "dest=" + (dest.replace("/", "%2F") if encoded else dest))
    assert answer.status_code == 200, answer.text
    assert [(row.project, row.status) for row in lab.rows()] == [("P", "READY")]


@pytest.mark.parametrize("query", ["project=X", "PROJECT_ID=X", "dest=/prearchive/projects/X"])
def test_statement_16_an_unknown_project_and_an_invisible_one_are_the_same(lab, one_study, query):
    unknown = lab.import_(one_study, query, "eve")
    lab.service.projects.create("X")
    invisible = lab.import_(one_study, query, "eve")
    assert (unknown.status_code, unknown.text) == (404, invisible.text)
    assert invisible.status_code == 404
    assert lab.leaves() == []
    assert lab.rows() == []


def test_statement_16_and_rest_23_who_may_only_read_may_not_import(lab, one_study):
    assert lab.import_(one_study, "project=P", "carl").status_code == 403
    assert lab.import_(one_study, "project=P", "eve").status_code == 404
    assert lab.leaves() == []
    assert lab.import_(one_study, "project=P", "max").status_code == 200


def test_statement_17_without_any_project_it_is_unassigned(lab, one_study):
    answer = lab.import_(one_study, "", "eve")
    assert answer.status_code == 200, answer.text
    assert answer.text.startswith("/data/prearchive/projects/Unassigned/")


def test_rest_13_two_studies_give_two_lines(lab, two_studies):
    answer = lab.import_(two_studies, "project=P")
    assert answer.status_code == 200, answer.text
    assert sorted(answer.text.splitlines()) == sorted(f"/data{row.uri}" for row in lab.rows())
    assert len(lab.rows()) == 2
    assert answer.text.endswith("\r\n")


def test_one_address_as_bare_text_and_a_page_only_for_who_asks(lab, one_study):
    assert lab.import_(one_study, "project=P&format=txt").text == f"/data{lab.rows()[0].uri}"
    bare = lab.import_(one_study, "project=P", Accept="text/plain")
    assert bare.headers["content-type"].startswith("text/plain")
    assert not bare.text.endswith("\n")
    page = lab.import_(one_study, "project=P&format=html")
    assert page.headers["content-type"].startswith("text/html")
    assert "1 session" in page.text
    assert lab.import_(one_study, "project=P&format=json").text.endswith("\r\n")


def test_an_error_is_never_200_and_json_for_who_prefers_it(lab):
    page = lab.import_(b"no archive", "project=P&format=html")
    assert page.status_code == 400
    assert "<h3>" in page.text
    problem = lab.import_(b"no archive", "project=P", Accept="application/json")
    assert problem.headers["content-type"] == "application/problem+json"
    document = problem.json()
    assert document["status"] == problem.status_code == 400
    assert document["detail"]
    assert document["import_id"] == problem.headers["x-import-id"]


def test_the_receipt_is_named_in_every_answer_and_is_for_the_sender_and_admins_only(lab, one_study):
    answer = lab.import_(one_study, "project=P&import-handler=SI", "max")
    address = f"/xapi/imports/{answer.headers['x-import-id']}"
    summary = lab.client("max").get(address).json()
    assert summary["status"] == "done"
    assert summary["handler_key"] == "SI"
    assert summary["counts"] == {"stored": 7, "same": 0, "rejected": 0, "filtered": 0, "ignored": 0}
    lines = lab.client("max").get(f"{address}/members").text.splitlines()
    assert [json.loads(line)["fate"] for line in lines] == ["stored"] * 7
    table = lab.client("max").get(f"{address}/members?format=csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert len(table.text.splitlines()) == 8
    assert lab.client("root").get(address).status_code == 200
    stranger, unknown = lab.client("anna").get(address), lab.client("anna").get("/xapi/imports/0")
    assert (stranger.status_code, stranger.text) == (unknown.status_code, unknown.text)
    assert stranger.status_code == 404
    assert lab.client("anna").get(f"{address}/members").status_code == 404


def test_a_failed_import_has_a_receipt_too_and_leaves_nothing(lab, shipped, zip_of):
    bad = zip_of(shipped / "pydicom" / "test_files" / "dicomdirtests" / "98892001", **{"notes.txt": b"no DICOM"})
    answer = lab.import_(bad, "project=P", Accept="application/json")
    assert answer.status_code == 400
    assert answer.json()["members"] == ["notes.txt"]
    lines = lab.client().get(f"/xapi/imports/{answer.headers['x-import-id']}/members").text.splitlines()
    assert {json.loads(line)["fate"] for line in lines} == {"rejected"}
    assert len(lines) == 8
    assert lab.rows() == []
    assert lab.leaves() == []


def test_src_waits_for_a_later_release_with_xnats_words(lab):
    missing = lab.client().post("/data/services/import?src=/user/cache/resources/X/files/z.zip")
    assert missing.status_code == 404
    assert "Unknown src file." in missing.text
    wrong = lab.client().post("/data/services/import?src=/etc/passwd")
    assert wrong.status_code == 400
    assert "src uri is invalid." in wrong.text


def test_an_empty_listener_is_refused(lab, one_study):
    answer = lab.import_(one_study, "project=P&http-session-listener=")
    assert answer.status_code == 400
    assert "'transaction' is required when requesting 'http-session-listener'." in answer.text


def test_an_archive_dest_answers_the_address_in_the_archive(lab, one_study):
    answer = lab.import_(one_study, "dest=/archive/projects/P/subjects/S/experiments/E")
    assert answer.status_code == 200
    assert answer.text == "/data/archive/projects/P/subjects/S/experiments/E\r\n"


def test_an_empty_upload_is_named(lab):
    answer = lab.client().post("/data/services/import?project=P&inbody=true", content=b"")
    assert answer.status_code == 400
    assert "The upload is empty." in answer.text
    assert lab.leaves() == []


def test_a_compressed_body_is_415(lab, one_study):
    answer = lab.import_(one_study, "project=P", **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_limits_are_413_before_and_while_the_body_comes(import_service, client_of, one_study):
    service = import_service(limits=evolve(Limits(), max_upload_bytes=1000))
    client = client_of(create_app(service, identify=lambda _request: service.owner))
    headers = {"Content-Type": "application/zip"}
    told = client.post("/data/services/import", content=one_study, headers=headers)
    found = client.post("/data/services/import", content=chunks(one_study), headers=headers)
    assert (told.status_code, found.status_code) == (413, 413)
    assert list((service.settings.store / "staging").rglob("upload")) == []


def test_a_full_disk_is_507_and_nothing_is_left(import_service, client_of, one_study):
    service = import_service(limits=evolve(Limits(), min_free_bytes=2**62))
    client = client_of(create_app(service, identify=lambda _request: service.owner))
    answer = client.post("/data/services/import", content=one_study, headers={"Content-Type": "application/zip"})
    assert answer.status_code == 507
    assert service.prearchive.rows() == []
    assert [path for path in (service.settings.store / "staging").rglob("*") if path.is_file()] == []


def test_a_plan_answers_what_would_happen_and_stores_nothing(lab, one_study):
    answer = lab.import_(one_study, "project=P&plan=true", Accept="application/json")
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["planned"] is True
    assert document["counts"]["stored"] == 7
    assert lab.rows() == []
    assert lab.leaves() == []
