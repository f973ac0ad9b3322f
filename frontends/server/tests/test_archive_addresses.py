"""Reading archived sessions over HTTP, by whom it may be done. Numbers are the REST chapter's statements."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

E1 = "/data/archive/projects/P/subjects/S1/experiments/E1"


@pytest.fixture
def experiment(lab, one_study):
    """The ID of an archived session, E1 of subject S1."""
    uri = lab.import_(one_study, "project=P&import-handler=SI&subject=S1&session=E1").text.strip()
    answer = lab.client().post("/data/services/archive", data={"src": uri}, headers={"Accept": "application/json"})
    assert answer.json()["uri"] == E1
    return answer.json()["experiment"]


def rows(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["ResultSet"]["Result"]


def test_subjects_and_experiments_are_listed_under_xnats_keys(lab, experiment):
    (subject,) = rows(lab.client().get("/data/projects/P/subjects"))
    assert " ".join(subject) == "ID project label insert_date insert_user group URI"
    assert (subject["project"], subject["label"], subject["insert_user"]) == ("P", "S1", "anna")
    assert len(subject["insert_date"]) == len("2024-03-05 09:12:44.031")
    for path in ("projects/P/experiments", "projects/P/subjects/S1/experiments", "experiments"):
        for data in ("/data", "/data/archive", "/REST"):
            (row,) = rows(lab.client().get(f"{data}/{path}"))
            assert {
                "ID",
                "project",
                "date",
                "xsiType",
                "label",
                "insert_date",
                "subject_ID",
                "subject_label",
                "URI",
            } <= set(row)
            assert (row["ID"], row["label"], row["xsiType"]) == (experiment, "E1", "xnat:ctSessionData")
            assert (row["subject_ID"], row["subject_label"]) == (subject["ID"], "S1")
            assert row["URI"] == f"/data/experiments/{experiment}"
    assert rows(lab.client().get("/data/projects/P/experiments?label=E2")) == []
    assert lab.client().get("/data/projects/P/experiments?format=csv").text.count("\n") == 2


def test_statement_9_a_session_has_several_addresses_that_mean_the_same(lab, experiment):
    subject = rows(lab.client().get("/data/projects/P/subjects"))[0]["ID"]
    addresses = [
        E1,
        "/data/projects/P/experiments/E1",
        f"/data/projects/P/experiments/{experiment}",
        f"/data/projects/P/subjects/{subject}/experiments/{experiment}",
        "/data/projects/P/subjects/s1/experiments/E1",
        f"/data/experiments/{experiment}",
        f"/data/archive/experiments/{experiment}",
    ]
    for form in ("json", "xml"):
        answers = [lab.client().get(f"{address}?format={form}") for address in addresses]
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
    document = lab.client().get(f"{E1}?format=xml")
    assert document.headers["content-type"] == "application/xml"
    assert "<xnat:CTSession" in document.text


def test_an_experiment_is_an_item_with_its_scans(lab, experiment):
    (item,) = lab.client().get(f"/data/experiments/{experiment}?format=json").json()["items"]
    assert item["meta"] == {"xsi:type": "xnat:ctSessionData", "isHistory": False}
    fields = item["data_fields"]
    assert (fields["ID"], fields["label"], fields["project"]) == (experiment, "E1", "P")
    assert fields["UID"].startswith("1.3.6.1.4.1.5962")
    (scans,) = (child for child in item["children"] if child["field"] == "scans/scan")
    assert [scan["data_fields"]["ID"] for scan in scans["items"]] == ["4", "5"]
    assert {scan["data_fields"]["image_session_ID"] for scan in scans["items"]} == {experiment}
    (file,) = scans["items"][0]["children"][0]["items"]
    assert (scans["items"][0]["children"][0]["field"], file["data_fields"]["label"]) == ("file", "DICOM")
    (scan,) = lab.client().get(f"{E1}/scans/4").json()["items"]
    assert scan == scans["items"][0]
    (subject,) = lab.client().get("/data/projects/P/subjects/S1").json()["items"]
    assert subject["data_fields"]["label"] == "S1"
    assert subject["children"][0]["items"][0]["data_fields"]["ID"] == experiment


@pytest.mark.parametrize("form", ["/data/experiments/{}", "/data/projects/P/experiments/{}", E1])
def test_statement_19_every_file_has_the_md5_and_size_of_its_bytes(lab, experiment, form):
    client, here, found = lab.client("carl"), form.format(experiment), 0
    for scan in rows(client.get(f"{here}/scans")):
        assert (scan["xsiType"], scan["URI"]) == (
            "xnat:ctScanData",
            f"/data/experiments/{experiment}/scans/{scan['ID']}",
        )
        (resource,) = rows(client.get(f"{here}/scans/{scan['ID']}/resources"))
        assert (resource["label"], resource["category"], resource["cat_id"]) == ("DICOM", "scans", scan["ID"])
        assert resource["element_name"] == "xnat:resourceCatalog"
        assert "URI" not in resource
        files = rows(client.get(f"{here}/scans/{scan['ID']}/resources/DICOM/files"))
        assert files == rows(client.get(f"{here}/scans/{scan['ID']}/files"))
        assert resource["file_count"] == str(len(files))
        for file in files:
            assert (file["collection"], file["file_format"]) == ("DICOM", "DICOM")
            for address in (file["URI"], f"{here}/scans/{scan['ID']}/resources/DICOM/files/{file['Name']}"):
                answer = client.get(address)
                assert answer.headers["content-type"] == "application/dicom"
                assert file["digest"] == hashlib.md5(answer.content, usedforsecurity=False).hexdigest()
                assert file["Size"] == str(len(answer.content))
            found += 1
    assert found == 7
    assert len(rows(client.get(f"{here}/scans/ALL/files"))) == len(rows(client.get(f"{here}/scans/4,5/files"))) == 7
    assert len(rows(client.get(f"{here}/resources?all=true"))) == 2
    assert rows(client.get(f"{here}/resources")) == []
    assert rows(client.get(f"{here}/files")) == []


def test_statement_20_a_zip_of_all_files_is_unpacked_as_clients_expect(lab, experiment):
    client = lab.client("carl")
    answer = client.get(f"{E1}/scans/ALL/files?format=zip")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"] == 'attachment; filename="E1.zip"'
    expected = {
        f"E1/scans/{scan['ID']}-{scan['type'].replace(' ', '_')}/resources/DICOM/files/{file['Name']}": file["digest"]
        for scan in rows(client.get(f"{E1}/scans"))
        for file in rows(client.get(f"{E1}/scans/{scan['ID']}/files"))
    }
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        found = {name: hashlib.md5(archive.read(name), usedforsecurity=False).hexdigest() for name in names}
    assert found == expected
    assert len(found) == 7
    assert lab.client("eve").get(f"{E1}/scans/ALL/files?format=zip").status_code == 404
    assert client.get(f"{E1}/scans/9/files?format=zip").status_code == 404


def test_the_catalog_of_a_resource_is_xml_and_names_its_files(lab, experiment):
    answer = lab.client().get(f"{E1}/scans/4/resources/DICOM?format=json")
    assert answer.headers["content-type"] == "application/xml"
    assert answer.text.startswith("<?xml")
    for file in rows(lab.client().get(f"{E1}/scans/4/resources/DICOM/files")):
        assert f'"{file["Name"]}"' in answer.text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/data/experiments/E1", "Unable to find the specified experiment."),
        ("/data/projects/P/experiments/E2", "Unable to find the specified experiment."),
        ("/data/projects/P/subjects/S2", "Unable to find the specified subject."),
        ("/data/projects/P/subjects/S2/experiments/E1", "Unable to find the specified subject."),
        (f"{E1}/scans/9", "Unable to find the specified scan."),
        (f"{E1}/scans/9/resources", "Unable to find the specified scan."),
        (f"{E1}/scans/4,9/files", "Unable to find the specified scan."),
        (f"{E1}/scans/4/resources/NOPE", "Unable to find"),
        (f"{E1}/scans/4/resources/NOPE/files", "Unable to find"),
        (f"{E1}/scans/4/resources/DICOM/files/nope.dcm", "Unable to find file."),
        (f"{E1}/scans/4/resources/DICOM/files/%2e%2e/scan_4_catalog.xml", "Unable to find file."),
        ("/data/projects/Q/subjects", "Unable to find the specified project"),
    ],
)
def test_what_is_not_there_is_404_in_xnats_words(lab, experiment, path, words):
    answer = lab.client().get(path)
    assert answer.status_code == 404
    assert words in answer.text


def test_who_may_read_the_archive(lab, experiment):
    lab.client("eve").put("/data/projects/Q")
    paths = [E1, f"/data/experiments/{experiment}", f"{E1}/scans", f"{E1}/scans/4/files", "/data/projects/P/subjects"]
    for path in paths:
        seen = {name: lab.client(name).get(path).status_code for name in ("anna", "max", "carl", "eve", "root")}
        assert seen == {"anna": 200, "max": 200, "carl": 200, "eve": 404, "root": 200}
    assert rows(lab.client("eve").get("/data/experiments")) == []
    assert lab.client("eve").get("/data/projects/Q/experiments/E1").status_code == 404
    assert lab.client("eve").get(f"/data/projects/Q/experiments/{experiment}").status_code == 404


def test_an_experiment_is_locked_and_put_in_quarantine(lab, experiment):
    client = lab.client("max")

    def status():
        return rows(client.get("/data/experiments"))[0]["status"]

    assert status() == "active"
    steps = {"quarantine": "quarantine", "activate": "active", "_lock": "locked", "_unlock": "active"}
    for sent, then in steps.items():
        answer = client.put(f"{E1}?{sent}=true")
        assert (answer.status_code, answer.text, status()) == (200, experiment, then)
    refused = {name: lab.client(name).put(f"{E1}?_lock=true").status_code for name in ("carl", "eve")}
    assert refused == {"carl": 403, "eve": 404}
    for wrong in ("", "?_lock=false", "?_lock=true&activate=true"):
        assert client.put(f"{E1}{wrong}").status_code == 400
    assert status() == "active"


def test_nothing_is_archived_into_a_locked_session(lab, experiment, one_study):
    lab.client().put(f"{E1}?_lock=true")
    uri = lab.import_(one_study, "project=P&import-handler=SI&subject=S1&session=E1").text.strip()
    answer = lab.client().post("/data/services/archive", data={"src": uri, "overwrite": "delete"})
    assert answer.status_code == 409
    assert "locked" in answer.text


def test_what_made_an_experiment_is_told_with_what_can_be_undone(lab, experiment):
    (deed,) = lab.client("carl").get(f"/xapi/experiments/{experiment}/deeds").json()
    assert (deed["kind"], deed["state"], deed["user"]) == ("archive", "done", "anna")
    assert deed["undo_until"]
    assert lab.client("eve").get(f"/xapi/experiments/{experiment}/deeds").status_code == 404
    assert lab.client().post(f"/xapi/deeds/{deed['id']}/undo").status_code == 200
