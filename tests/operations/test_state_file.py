"""The state that lies with a session says what the database says, after everything that is done with it."""

from __future__ import annotations

import json

import pytest

from xnat_import_core import XnatImportError


def whole(site, row):
    return json.loads((site.folder(row) / ".import/state.json").read_text("utf-8"))


def state(site, row):
    return whole(site, row)["session"]


def test_after_each_operation(site, study):
    row = site.send(*study["first"], *study["second"], session="S1", subject="Sub", AA="false", SOURCE="s")
    site.operations.build(row, site.owner)
    found = state(site, row)
    assert (found["status"], found["label"], found["subject"], found["wish"]) == ("READY", "S1", "Sub", "false")
    assert (found["handler_key"], found["source"], found["uploaded"]) == ("DICOM-zip", "s", row.uploaded.isoformat())
    assert whole(site, row)["studies"] == [row.tag]
    assert whole(site, row)["scans"] == {scan.label: scan.key for scan in site.scan_rows(row)}
    site.operations.set_status(row, site.owner, "CONFLICT")
    assert (state(site, row)["status"], state(site, row)["reason"]) == ("CONFLICT", "set by admin")
    moved = site.at(site.operations.move(row, site.owner, "Q"))
    assert state(site, moved)["status"] == "READY"
    site.operations.delete_scan(moved, "2", site.owner)
    assert list(whole(site, moved)["scans"]) == ["700"]
    (site.folder(moved) / "SCANS/700/DICOM" / study["first"][0].name).unlink()
    with pytest.raises(XnatImportError):
        site.operations.build(moved, site.owner)
    assert state(site, moved)["status"] == "ERROR"
    site.operations.reset_status(moved, site.owner)
    assert state(site, moved)["status"] == "READY"


def test_halves_have_their_own(site, pet_mr):
    row = site.send(*pet_mr, session="X")
    site.operations.build(row, site.owner)
    mr, pet = site.operations.separate(site.again(row), site.owner)
    assert [state(site, half)["label"] for half in (mr, pet)] == ["X_MR", "X_PET"]
    assert [len(whole(site, half)["scans"]) for half in (mr, pet)] == [1, 2]
