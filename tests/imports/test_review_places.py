"""What a sender can rely on when a request names the place."""

from __future__ import annotations

import pytest

from xnat_import_core import Fate, Service, SessionConflictError, Settings, UnreadableUploadError, importer

TIMESTAMP = "20240305_091244031"


def test_two_new_sessions_share_a_named_timestamp_folder(service, pack, room, store, study, shipped):
    other = sorted((shipped / "pydicom/test_files/dicomdirtests/77654033").rglob("*"))
    upload = pack.zip(*study["series"], next(path for path in other if path.is_file()))
    dest = f"/prearchive/projects/P/{TIMESTAMP}"
    outcome = service.import_upload(upload, dest=dest, import_handler="SI")
    assert [(s.timestamp, s.label) for s in outcome.sessions] == [(TIMESTAMP, "98890234"), (TIMESTAMP, "77654033")]
    assert {name.partition("/")[0] for name in room.files()} == {"98890234", "77654033"}
    assert not any((store / "staging").iterdir())
    with Service(Settings(store=store)) as again:
        assert len(again.prearchive.rows()) == 2


def test_a_folder_that_is_no_session_is_left_alone(service, pack, store, study):
    stray = store / f"prearchive/P/{TIMESTAMP}/MINE"
    stray.mkdir(parents=True)
    (stray / "keep.txt").write_text("mine")
    with pytest.raises(SessionConflictError, match="no known session"):
        service.import_upload(
            pack.zip(*study["series"]), dest=f"/prearchive/projects/P/{TIMESTAMP}/MINE", import_handler="SI"
        )
    assert [path.name for path in stray.iterdir()] == ["keep.txt"]
    assert not any((store / "staging").iterdir())


def test_a_named_session_says_that_it_keeps_its_label(service, pack, study):
    dest = f"/prearchive/projects/P/{TIMESTAMP}/FOLDER"
    service.import_upload(pack.zip(*study["series"]), dest=dest, session="ONE", import_handler="SI")
    second = service.import_upload(pack.zip(*study["second"]), dest=dest, session="TWO", import_handler="SI")
    (session,) = second.sessions
    assert session.label == "ONE"
    assert any("keeps the label" in note for note in session.notes)


def test_refusals_do_not_repeat_the_patient(service, pack, study):
    dest = f"/prearchive/projects/P/{TIMESTAMP}"
    with pytest.raises(SessionConflictError) as together:
        service.import_upload(pack.zip(*study["series"], *study["other"]), dest=dest, import_handler="SI")
    service.import_upload(pack.zip(*study["series"]), dest=dest, import_handler="SI")
    with pytest.raises(SessionConflictError) as apart:
        service.import_upload(pack.zip(*study["other"]), dest=dest, import_handler="SI")
    assert "98890234" not in together.value.message + apart.value.message


@pytest.mark.parametrize("handler", ["SI", "DICOM-zip"])
def test_a_damaged_directory_file_is_ignored(service, pack, study, handler):
    upload = pack.tree(pack.members(*study["series"]) | {"DICOMDIR": b"damaged"})
    outcome = service.import_upload(upload, project="P", import_handler=handler)
    assert (outcome.counts[Fate.STORED], outcome.counts[Fate.IGNORED]) == (len(study["series"]), 1)


def test_parameters_without_effect_are_told(service, pack, study):
    parameters = {"xnat:mrSessionData/note": "secret", "frobnicate": "secret"}
    outcome = service.import_upload(pack.zip(*study["series"]), project="P", import_handler="SI", **parameters)
    (note,) = (note for note in outcome.notes if "without effect" in note)
    assert "frobnicate" in note
    assert "xnat:mrSessionData/note" in note
    assert "secret" not in note


def test_the_data_go_before_the_rows_so_that_a_full_disk_can_be_left(service, pack, store, study, monkeypatch):
    lying = []

    def undo(*arguments, **named):
        lying.extend(path.name for path in (store / "staging").rglob("*") if path.is_file())
        return real(*arguments, **named)

    real = importer.undo
    monkeypatch.setattr(importer, "undo", undo)
    with pytest.raises(UnreadableUploadError):
        service.import_upload(pack.zip(*study["series"], text=b"none"), project="P", import_handler="DICOM-zip")
    assert lying == [".lock"]
