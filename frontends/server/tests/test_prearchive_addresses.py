"""Reading and deleting prearchive sessions over HTTP, by whom it may be done."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest


@pytest.fixture
def uri(lab, one_study):
    return lab.import_(one_study, "project=P&import-handler=SI&subject=S1&session=E1").text.strip()


def rows(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["ResultSet"]["Result"]


def test_a_session_is_one_row_under_xnats_keys(lab, uri):
    (row,) = rows(lab.client().get(uri))
    assert " ".join(row) == (
        "project timestamp lastmod uploaded scan_date scan_time subject folderName name tag status url autoarchive "
        "prevent_anon prevent_auto_commit SOURCE VISIT PROTOCOL TIMEZONE"
    )
    assert f"/data{row['url']}" == uri
    assert (row["project"], row["subject"], row["name"], row["folderName"]) == ("P", "S1", "E1", "E1")
    assert row["status"] == "READY"
    assert row["tag"].startswith("1.3.6.1.4.1.5962")
    assert len(row["uploaded"]) == len("2024-03-05 09:12:44.031")


def test_every_file_is_found_by_walking_and_comes_back_byte_for_byte(lab, uri, one_study):
    client = lab.client()
    found = {}
    for scan in rows(client.get(f"{uri}/scans")):
        assert scan["xsiType"] == "xnat:ctScanData"
        for resource in rows(client.get(f"{uri}/scans/{scan['ID']}/resources")):
            files = rows(client.get(f"{uri}/scans/{scan['ID']}/resources/{resource['label']}/files"))
            assert resource["file_count"] == str(len(files))
            assert resource["file_size"] == str(sum(int(row["Size"]) for row in files))
            for row in files:
                answer = client.get(row["URI"])
                assert answer.headers["content-type"] == "application/dicom"
                assert len(answer.content) == int(row["Size"])
                found[row["Name"]] = hashlib.sha256(answer.content).hexdigest()
    with zipfile.ZipFile(io.BytesIO(one_study)) as archive:
        sent = {hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    assert set(found.values()) == sent
    assert len(found) == 7


def test_statement_29_head_and_ranges_of_a_file(lab, uri):
    client = lab.client()
    (scan, *_) = rows(client.get(f"{uri}/scans"))
    (file, *_) = rows(client.get(f"{uri}/scans/{scan['ID']}/resources/DICOM/files"))
    whole = client.get(file["URI"])
    head = client.request("HEAD", file["URI"])
    assert (head.content, head.headers["content-length"]) == (b"", file["Size"])
    part = client.get(file["URI"], headers={"Range": "bytes=128-131"})
    assert (part.status_code, part.content) == (206, b"DICM")
    assert whole.headers["content-disposition"].startswith("attachment")


def test_all_resources_of_a_session(lab, uri):
    found = rows(lab.client().get(f"{uri}/resources"))
    assert {(row["category"], row["cat_id"], row["label"]) for row in found} == {
        ("scans", "4", "DICOM"),
        ("scans", "5", "DICOM"),
    }


def test_the_session_document_is_there_once_the_session_is_ready(lab, uri, two_studies):
    document = lab.client().get(f"{uri}?format=xml")
    assert document.headers["content-type"] == "application/xml"
    assert 'label="E1"' in document.text
    receiving = lab.import_(two_studies, "project=P").text.split()[0]
    answer = lab.client().get(f"{receiving}?format=xml")
    assert answer.status_code == 404
    assert "its XNAT session document is not available" in answer.text


@pytest.mark.parametrize(
    ("below", "words"),
    [
        ("/scans/99/resources", "Unable to find the specified scan."),
        ("/scans/4/resources/NOPE/files", "Unable to find"),
        ("/scans/4/resources/DICOM/files/nope.dcm", "Unable to find file."),
        ("/scans/4/resources/DICOM/files/../../../x", ""),
        ("/scans/4/resources/DICOM/files/%2e%2e/%2e%2e/x", "Unable to find file."),
    ],
)
def test_what_is_not_there_is_404_in_xnats_words(lab, uri, below, words):
    answer = lab.client().get(uri + below)
    assert answer.status_code == 404
    assert words in answer.text


def test_who_may_see_and_open_a_session(lab, uri):
    seen = {name: lab.client(name).get(uri).status_code for name in ("anna", "max", "carl", "eve", "root")}
    assert seen == {"anna": 200, "max": 200, "carl": 403, "eve": 404, "root": 200}
    assert len(rows(lab.client("carl").get("/data/prearchive/projects/P"))) == 1
    assert rows(lab.client("carl").get("/data/prearchive")) == []
    refused = lab.client("eve").get("/data/prearchive/projects/P")
    assert refused.status_code == 403
    assert "The current user does not have access to the requested project: P" in refused.text
    assert lab.client("eve").get("/data/prearchive/projects/Q").status_code == 403


def test_an_unassigned_session_is_for_its_sender_and_admins(lab, one_study):
    uri = lab.import_(one_study, "", "eve").text.strip()
    seen = {name: lab.client(name).get(uri).status_code for name in ("anna", "eve", "root")}
    assert seen == {"anna": 404, "eve": 200, "root": 200}
    listed = {
        name: len(rows(lab.client(name).get("/data/prearchive/projects/unassigned")))
        for name in ("anna", "eve", "root")
    }
    assert listed == {"anna": 0, "eve": 1, "root": 1}
    assert rows(lab.client("eve").get(uri))[0]["project"] == "Unassigned"


def test_rows_of_one_study_and_of_several_projects(lab, uri, two_studies):
    lab.import_(two_studies, "project=P")
    lab.import_(two_studies, "", "root")
    tag = rows(lab.client().get(uri))[0]["tag"]
    assert [row["tag"] for row in rows(lab.client().get(f"/data/prearchive?tag={tag}"))] == [tag]
    assert len(rows(lab.client("root").get("/data/prearchive/projects/P,Unassigned"))) == 5
    assert len(rows(lab.client().get("/data/prearchive?status=READY"))) == 1
    assert len(rows(lab.client().get("/data/prearchive?limit=2&offset=1"))) == 2


def test_statement_23_delete_by_editors_only(lab, uri):
    assert lab.client("carl").delete(uri).status_code == 403
    assert lab.client("eve").delete(uri).status_code == 404
    assert len(lab.rows()) == 1
    answer = lab.client("max").delete(uri)
    assert (answer.status_code, answer.content) == (200, b"")
    assert lab.rows() == []
    assert lab.leaves() == []
    assert lab.client("max").delete(uri).status_code == 404
