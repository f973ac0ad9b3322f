"""Rights, bad input, quarantine, the request's own words, and reading the archive (statements 16, 28, 33, 35)."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from xnat_import_core import (
    Action,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    Overwrite,
    ServerError,
    ServiceBusyError,
    SessionConflictError,
    StorageError,
    StorageFullError,
)
from xnat_import_core.archive import ArchiveRequest, Entry, Standing, engine
from xnat_import_core.documents import read_catalog, read_session_xml
from xnat_import_core.errors import ArchiveConflictError


def somebody(*actions, name="somebody", projects=("P",)):
    return SimpleNamespace(name=name, may=lambda action, project: action in actions and project in projects)


# ---- rights


@pytest.mark.parametrize(
    ("actions", "error"),
    [((), NotFoundError), ((Action.READ,), ForbiddenError), ((Action.READ, Action.CREATE), ForbiddenError)],
)
def test_who_may_not_edit_archives_nothing_and_changes_no_status(site, frames, actions, error):
    row = site.send(frames(1))
    for call in (site.archiver.plan, site.archiver.archive):
        with pytest.raises(error):
            call(row, ArchiveRequest(), somebody(*actions))
    assert site.again(row) == row


def test_replacing_needs_no_right_to_delete(site, frames):
    site.store(frames(1))
    member = somebody(Action.READ, Action.CREATE, Action.EDIT)
    outcome = site.archiver.archive(site.send(frames(2)), ArchiveRequest(overwrite=Overwrite.DELETE), member)
    assert site.archive.workflows(site.archive.find(outcome.experiment))[-1].user == "somebody"
    site.archiver.undo(outcome.deed, member)
    for call in (
        lambda who: site.archiver.undo(outcome.deed, who),
        lambda who: site.archiver.set_standing(outcome.experiment, Standing.ACTIVE, who),
    ):
        with pytest.raises(ForbiddenError):
            call(somebody(Action.READ))
        with pytest.raises(NotFoundError):
            call(somebody())


def test_an_experiment_of_a_project_that_one_may_not_see_is_none(site, frames):
    secret = site.archive.find(site.put(site.send(frames(1), project="Q")).experiment)
    row = site.send(frames(1, series="B"))
    member = somebody(Action.READ, Action.CREATE, Action.EDIT)
    plan = site.archiver.plan(row, ArchiveRequest(fields={"xnat:mrSessionData/ID": secret.id}), member)
    assert (plan.created, plan.conflicts) == (True, ())


# ---- bad input


def test_16_a_session_without_project_is_not_archived(site, frames):
    row = site.send(frames(1), project="Unassigned")
    with pytest.raises(InvalidRequestError, match=r"^Cannot archive sessions from the Unassigned folder\.$"):
        site.put(row)
    assert site.again(row).status == "ERROR"
    stranger = somebody(Action.READ)
    with pytest.raises(InvalidRequestError, match="Unassigned folder"):
        site.archiver.archive(site.again(row), ArchiveRequest(), stranger)


def test_a_session_that_is_gone(site, frames):
    row = site.send(frames(1))
    site.service.operations.delete(row, site.owner)

    def is_unknown():
        for call in (site.plan, site.put):
            with pytest.raises(NotFoundError, match="Unknown prearchive session"):
                call(row)

    is_unknown()
    other = site.send(frames(1, label="OTHER", study="other"))
    is_unknown()
    assert site.again(other).status == "READY"


def test_a_session_whose_folder_is_gone(site, frames):
    row = site.send(frames(1))
    shutil.rmtree(site.tree.session_folder("P", row.timestamp, row.folder))
    with pytest.raises(NotFoundError, match="folder is not on disk"):
        site.put(row)


def test_a_session_that_somebody_works_on(site, frames):
    row = site.send(frames(1))
    with site.service.database.write() as connection:
        connection.exec_driver_sql("UPDATE session SET status = 'MOVING', \"before\" = 'READY', locked_by = 'me'")
    with pytest.raises(SessionConflictError, match=r"^session document locked: it is _MOVING .*\(move\)"):
        site.put(row)
    with site.service.database.read() as connection:
        assert connection.exec_driver_sql("SELECT status, locked_by FROM session").one() == ("MOVING", "me")


@pytest.mark.parametrize("label", ["../x", "a/b", "x" * 300, "\n"])
def test_a_label_that_is_none_is_refused(site, frames, label):
    row = site.send(frames(1))
    with pytest.raises(InvalidRequestError):
        site.plan(row, label=label)
    with pytest.raises(InvalidRequestError):
        site.put(row, label=label)
    assert list(site.tree.archive.rglob("*")) == []


@pytest.mark.parametrize("word", ["none", "delete"])
def test_a_file_that_is_not_on_disk_is_named(site, frames, word):
    row = site.send(frames(1, 2))
    site.service.prearchive.file(row, "1", "DICOM", "A002.dcm").unlink()
    with pytest.raises(InvalidRequestError, match="A file of the session is not on disk") as caught:
        site.put(row, word)
    assert caught.value.members == ("SCANS/1/DICOM/A002.dcm",)


def test_bytes_that_changed_on_disk_are_not_archived_in_silence(site, frames):
    row = site.send(frames(1, 2))
    path = site.service.prearchive.file(row, "1", "DICOM", "A002.dcm")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(InvalidRequestError, match="A file is not what was received") as caught:
        site.put(row)
    assert caught.value.members == ("SCANS/1/DICOM/A002.dcm",)
    site.put(site.again(row), "delete")
    site.check()


@pytest.mark.parametrize(("number", "error"), [(28, StorageFullError), (5, StorageError), (30, StorageError)])
def test_a_disk_that_fails_loses_nothing(site, frames, monkeypatch, number, error):
    row = site.send(frames(1, 2))

    def failing(*_):
        raise OSError(number, "no")

    monkeypatch.setattr(engine.Mover, "list_renames", failing)
    with pytest.raises(error):
        site.put(row)
    monkeypatch.undo()
    assert site.again(row).status == "ERROR"
    site.put(site.again(row))
    site.check()


def test_a_service_that_is_busy_is_no_fault_of_the_session(site, frames, monkeypatch):
    row = site.send(frames(1))

    def busy(*_):
        message = "The database is busy; try again."
        raise ServiceBusyError(message)

    monkeypatch.setattr(engine.Mover, "list_renames", busy)
    with pytest.raises(ServiceBusyError):
        site.put(row)
    assert (site.again(row).status, site.again(row).reason) == ("READY", "")
    site.check()


def test_an_empty_folder_in_the_archive_is_nobodys(site, frames):
    site.tree.experiment_folder("P", "arc001", "SESS").joinpath("SCANS/1/DICOM").mkdir(parents=True)
    site.put(site.send(frames(1)))
    site.check()


def test_an_unexpected_fault_is_not_told_in_its_own_words(site, frames, monkeypatch):
    row = site.send(frames(1))
    monkeypatch.setattr(engine.Mover, "list_renames", lambda _: {}["Doe^Peter"])
    with pytest.raises(ServerError) as caught:
        site.put(row)
    assert "Doe" not in caught.value.message + site.again(row).reason
    site.check()


# ---- what the request says


def test_label_and_subject_of_the_request_win(site, frames):
    found = site.archive.find(site.put(site.send(frames(1)), label="Mine é", subject="Sübject 1").experiment)
    assert (found.label, found.subject_label) == ("Mine_e", "Subject_1")
    assert site.archive.document(found).is_file()
    site.check()


def test_fields_of_the_request_are_in_the_document(site, frames):
    row = site.send(frames(1))
    fields = {
        "xnat:mrSessionData/note": "a note",
        "xnat:mrSessionData/modality": "MRX",
        "xnat:mrSessionData/scans/scan[0][@xsi:type=xnat:mrScanData]/type": "T1",
        "xnat:mrSessionData/scans/scan[ID=1]/quality": "questionable",
        "operator": "me",
        "xnat:mrSessionData/label": "BYPATH",
    }
    found = site.archive.find(site.put(row, fields=fields).experiment)
    document = read_session_xml(site.archive.document(found))
    assert found.label == "BYPATH"
    assert [document.fields[name] for name in ("note", "@modality", "operator")] == ["a note", "MRX", "me"]
    assert [document.scans[0].fields[name] for name in ("@type", "quality")] == ["T1", "questionable"]
    site.check()


@pytest.mark.parametrize(
    "fields",
    [
        {"xnat:mrSessionData/nothing": "x"},
        {"xnat:mrSessionData/date": "banana"},
        {"xnat:mrSessionData/scans/scan[7]/type": "x"},
        {"xnat:mrSessionData/scans/scan[0]/nothing": "x"},
    ],
)
def test_fields_that_do_not_fit_are_refused_by_plan_and_archive(site, frames, fields):
    row = site.send(frames(1))
    with pytest.raises(InvalidRequestError):
        site.plan(row, fields=fields)
    with pytest.raises(InvalidRequestError):
        site.put(row, fields=fields)
    assert site.archive.experiments() == []


def test_the_reason_is_in_the_record(site, frames):
    first = site.store(frames(1), event_reason="because")
    assert site.archive.workflows(first)[0].justification == "because"
    second = site.store(frames(2), "append", entry=Entry.REBUILDER)
    assert site.archive.workflows(second)[2].justification == "auto-archive"


# ---- quarantine and locks


def test_35_quarantine_is_set_by_request_or_project(site, frames):
    assert site.store(frames(1, label="A", study="a"), quarantine=True).status == "quarantine"
    assert site.store(frames(1, label="B", study="b")).status == "active"
    with site.service.database.write() as connection:
        connection.exec_driver_sql("UPDATE project SET quarantine_code = 1")
    assert site.store(frames(1, label="C", study="c"), quarantine=False).status == "quarantine"
    merged = site.store(frames(2, label="B", study="b"), "append")
    assert merged.status == "quarantine"
    site.archiver.set_standing(merged.id, Standing.ACTIVE, site.owner)
    assert site.archive.find(merged.id).status == "active"
    site.check()


def test_35_a_locked_session_is_not_merged_into(site, frames, whole):
    found = site.store(frames(1))
    site.archiver.set_standing(found.id, Standing.LOCKED, site.owner)
    before = whole.archive_bytes(site.service)
    row = site.send(frames(2))
    with pytest.raises(ArchiveConflictError, match="The archived session is locked"):
        site.put(row, "delete")
    assert whole.archive_bytes(site.service) == before
    site.archiver.set_standing(found.id, Standing.ACTIVE, site.owner)
    site.put(site.again(row), "append")
    site.check()


# ---- on disk, and reading


def test_33_catalogs_have_what_xnat_gives_them_and_no_logs_are_archived(site, frames):
    row = site.send(frames(1, 2))
    with pytest.raises(InvalidRequestError):
        site.put(row, fields={"nothing": "x"})
    assert (site.tree.session_folder("P", row.timestamp, row.folder) / "logs").is_dir()
    found = site.archive.find(site.put(site.again(row)).experiment)
    folder = site.tree.experiment_folder("P", "arc001", "SESS")
    assert not (folder / "logs").exists()
    catalog = folder / "SCANS/1/DICOM/scan_1_catalog.xml"
    record = site.archive.workflows(found)[0]
    text = catalog.read_text()
    for attribute in ('ID="A001.dcm"', 'name="A001.dcm"', 'cachePath="A001.dcm"', f'createdEventId="{record.id}"'):
        assert attribute in text
    assert read_catalog(catalog).fields['metaFields/metaField[@name="PROJECT"]'] == "P"
    digests = {each.name: each.digest for each in site.archive.files(found, "1", "DICOM")}
    assert {each.uri: each.digest for each in read_catalog(catalog).entries} == digests
    site.check()


def test_the_archive_is_read_by_rows(site, frames):
    site.store(frames(1, label="ONE", study="one"))
    second = site.store(
        frames(1, 2, label="TWO", study="two") | frames(1, series="B", scan=2, label="TWO", study="two")
    )
    assert [row.label for row in site.archive.experiments()] == ["TWO", "ONE"]
    assert [row.label for row in site.archive.experiments(["P"], limit=1, offset=1)] == ["ONE"]
    assert site.archive.experiments(["Q"]) == []
    assert site.archive.experiments(tag=second.tag) == [second]
    assert site.archive.experiments(subject_id=second.subject_id, projects=["P"]) == site.archive.experiments()
    assert site.archive.find(second.id) == site.archive.find("TWO", "P") == second
    assert site.archive.subject("P", "subj") == site.archive.subject("P", second.subject_id)
    assert [(each.label, each.file_count) for each in site.archive.resources(second, "1")] == [("DICOM", 2)]
    assert site.archive.resources(second) == []
    assert site.archive.file(second, "1", "DICOM", "A001.dcm").is_file()
    assert [(deed.kind, deed.state) for deed in site.archive.deeds(second)] == [("archive", "done")]
    for call in (
        lambda: site.archive.find("TWO"),
        lambda: site.archive.find("TWO", "Q"),
        lambda: site.archive.subject("Q", "SUBJ"),
        lambda: site.archive.resources(second, "9"),
        lambda: site.archive.files(second, "1", "nothing"),
        lambda: site.archive.file(second, "1", "DICOM", "../x"),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_a_place_in_the_prearchive_can_be_used_again(site, frames):
    dest = "/prearchive/projects/P/20240305_091244031/HERE"
    site.put(site.send(frames(1), dest=dest))
    again = site.send(frames(2), dest=dest)
    assert (again.timestamp, again.folder) == ("20240305_091244031", "HERE")
    site.put(again, "append")
    assert site.scans(site.archive.experiments()[0]) == {"1": 2}
    site.check()
