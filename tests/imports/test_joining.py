"""Data that come later: the same again, other bytes for one instance, more of a series, several at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from xnat_import_core import Fate, Service, SessionConflictError, Settings
from xnat_import_core.database.tables import session


def with_other_bytes(data: bytes) -> bytes:
    """The same instance with another last pixel."""
    return data[:-1] + bytes([data[-1] ^ 1])


def test_the_rest_of_a_series_joins_it(service, pack, room, study):
    one, two = study["series"][:3], study["series"][2:]
    service.import_upload(pack.zip(*one), project="P", import_handler="SI")
    outcome = service.import_upload(pack.zip(*two), project="P", import_handler="SI")
    assert outcome.counts[Fate.STORED] == 3
    assert outcome.counts[Fate.SAME] == 1
    row = service.prearchive.rows()[0]
    assert len(service.prearchive.files(row, "700", "DICOM")) == 6
    assert b"<xnat:frames>6</xnat:frames>" in service.prearchive.document(row).read_bytes()


def test_what_joined_in_parts_is_what_came_at_once(tmp_path, pack, study):
    documents = []
    for name, parts in (("whole", [study["series"]]), ("parts", [study["series"][:2], study["series"][1:]])):
        with Service(Settings(store=tmp_path / name)) as service:
            service.projects.create("P")
            for part in parts:
                service.import_upload(pack.zip(*part), project="P", import_handler="SI")
            row = service.prearchive.rows()[0]
            catalog = service.prearchive.file(row, "700", "DICOM", study["series"][0].name).with_name(
                "scan_700_catalog.xml"
            )
            documents.append((service.prearchive.document(row).read_bytes(), catalog.read_bytes()))
    assert documents[0] == documents[1]


def test_other_bytes_for_an_instance_are_refused_by_si(service, pack, room, study):
    service.import_upload(pack.zip(*study["series"]), project="P", import_handler="SI")
    before = room.all_bytes()
    name, data = study["series"][0].name, with_other_bytes(study["series"][0].read_bytes())
    with pytest.raises(SessionConflictError, match="overwrite=delete") as caught:
        service.import_upload(pack.tree({name: data}), project="P", import_handler="SI")
    assert caught.value.members == (name,)
    assert room.all_bytes() == before
    outcome = service.import_upload(pack.tree({name: data}), project="P", import_handler="SI", overwrite="delete")
    assert outcome.counts[Fate.STORED] == 1
    row = service.prearchive.rows()[0]
    assert service.prearchive.file(row, "700", "DICOM", name).read_bytes() == data
    assert len(room.files()) == 6


@pytest.mark.parametrize(
    ("policy", "files", "kept"), [("replace", 6, "new"), ("keep-first", 6, "old"), ("keep-both", 7, "old")]
)
def test_other_bytes_for_an_instance_by_the_sites_setting(store, pack, room, study, policy, files, kept):
    name, old = study["series"][0].name, study["series"][0].read_bytes()
    new = with_other_bytes(old)
    with Service(Settings(store=store, duplicate_objects=policy)) as service:
        service.projects.create("P")
        service.import_upload(pack.zip(*study["series"]), project="P", import_handler="DICOM-zip")
        outcome = service.import_upload(pack.tree({name: new}), project="P", import_handler="DICOM-zip")
        row = service.prearchive.rows()[0]
        assert len(room.files()) == files
        assert service.prearchive.file(row, "700", "DICOM", name).read_bytes() == (new if kept == "new" else old)
        line = next(service.receipt_lines(outcome.import_id))
        assert line.fate is (Fate.FILTERED if policy == "keep-first" else Fate.STORED)
        assert line.rule == f"duplicate_objects={policy}"
    trashed = [path for path in (store / "trash").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in trashed] == ([old] if policy == "replace" else [])


def test_one_instance_twice_in_an_upload(service, pack, room, study):
    data = study["series"][0].read_bytes()
    upload = pack.tree({"a": data, "b": data, "c": with_other_bytes(data)})
    outcome = service.import_upload(upload, project="P", import_handler="DICOM-zip")
    lines = list(service.receipt_lines(outcome.import_id))
    assert [line.fate for line in lines] == [Fate.STORED, Fate.SAME, Fate.STORED]
    assert lines[1].place == lines[0].place
    assert "more than once" in outcome.sessions[0].notes[0]
    assert len(room.files()) == 2


def test_nameless_studies_are_kept_apart_and_found_again(service, pack, shipped):
    first = shipped / "pydicom/test_files/reportsi.dcm"
    second = shipped / "pydicom/test_files/image_dfl.dcm"
    labels = [
        service.import_upload(path, project="P", import_handler="SI").sessions[0].label
        for path in (first, second, first, second)
    ]
    assert labels == ["dicom_upload", "dicom_upload_2"] * 2


def test_four_senders_of_one_study_end_in_one_session(service, pack, room, study):
    uploads = [pack.zip(path) for path in study["series"][:4]]

    def send(upload):
        return service.import_upload(upload, project="P", import_handler="DICOM-zip").sessions[0].uri

    with ThreadPoolExecutor(4) as threads:
        uris = set(threads.map(send, uploads))
    assert len(uris) == 1
    assert len(room.files()) == 4
    row = service.prearchive.rows()[0]
    assert [(scan.id, scan.xsi_type) for scan in service.prearchive.scans(row)] == [("700", "xnat:mrScanData")]


def test_the_same_object_on_four_connections_is_stored_once(service, pack, room, study):
    uploads = [pack.zip(study["series"][0]) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(
            threads.map(lambda path: service.import_upload(path, project="P", import_handler="DICOM-zip"), uploads)
        )
    assert sorted(outcome.counts[Fate.STORED] for outcome in outcomes) == [0, 0, 0, 1]
    assert len(room.files()) == 1


def test_a_session_on_its_way_out_is_not_joined(service, pack, study):
    first = service.import_upload(pack.zip(*study["series"]), project="P", import_handler="DICOM-zip").sessions[0]
    with service.database.write() as connection:
        connection.execute(update(session).values(status="ARCHIVING"))
    second = service.import_upload(pack.zip(*study["series"]), project="P", import_handler="DICOM-zip").sessions[0]
    assert second.uri != first.uri
    with pytest.raises(SessionConflictError, match="locked"):
        service.import_upload(pack.zip(*study["series"]), dest=f"{first.uri}", import_handler="DICOM-zip")


def test_a_deleted_session_waits_in_the_trash(service, pack, room, study, store):
    service.import_upload(pack.zip(*study["series"]), project="P", import_handler="SI")
    service.prearchive.delete(service.prearchive.rows()[0])
    assert service.prearchive.rows() == []
    assert room.nothing_left()
    assert (
        len([path for path in (store / "trash").rglob("*") if path.parent.name == "DICOM" and path.suffix != ".xml"])
        == 6
    )
