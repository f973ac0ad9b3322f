"""``xnat-import prearchive``: what can be done with sessions, on real stores."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from xnat_import_core import Service, Settings
from xnat_import_core.cli.program import program


@pytest.fixture
def store(tmp_path, shipped):
    """A store with two sessions of one real study."""
    folder = shipped / "pydicom/test_files/dicomdirtests/98892003/MR700"
    with Service(Settings(store=tmp_path / "store")) as service:
        for project in ("P", "Q"):
            service.projects.create(project)
        for session in ("S1", "S2"):
            service.import_upload(folder, project="P", session=session, import_handler="DICOM-zip")
    return tmp_path / "store"


@pytest.fixture
def uris(store):
    return {row["name"]: row["uri"] for row in rows(store)}


def call(store, command, *arguments):
    return CliRunner().invoke(program, ["prearchive", command, *arguments, "--store", str(store)])


def rows(store):
    return json.loads(call(store, "list", "--json").stdout)


def statuses(store):
    return {row["name"]: row["status"] for row in rows(store)}


def test_build_several(store, uris):
    done = call(store, "build", uris["S1"], uris["S2"], "--visit", "v1")
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"{uris['S1']}\n{uris['S2']}\n", "")
    assert statuses(store) == {"S1": "READY", "S2": "READY"}
    assert {row["visit"] for row in rows(store)} == {"v1"}


def test_commit_without_archiving(store, uris):
    done = call(store, "commit", "--no-archive", uris["S1"])
    assert (done.exit_code, done.stdout) == (0, f"{uris['S1']}\n")
    assert statuses(store) == {"S1": "READY", "S2": "RECEIVING"}


def test_commit_that_archives(store, uris):
    done = call(store, "commit", "--archive", uris["S1"])
    assert done.exit_code == 0
    assert done.stdout.startswith("/archive/projects/P/")
    assert statuses(store) == {"S2": "RECEIVING"}


def test_move(store, uris):
    done = call(store, "move", uris["S1"], "--to", "Q")
    assert (done.exit_code, done.stdout) == (0, uris["S1"].replace("/P/", "/Q/") + "\n")


def test_one_that_cannot_be_done_is_told_and_the_others_are(store, uris):
    done = call(store, "move", "/prearchive/projects/P/20260101_000000000/NONE", uris["S2"], "--to", "Q")
    assert done.exit_code == 1
    assert done.stdout == uris["S2"].replace("/P/", "/Q/") + "\n"
    assert done.stderr == "Error: Unknown prearchive session.\n"


def test_json_says_both(store, uris):
    done = call(store, "build", "/nonsense", uris["S1"], "--json")
    assert done.exit_code == 1
    refused, built = json.loads(done.stdout)
    assert (refused["uri"], refused["status"]) == ("/nonsense", 400)
    assert "address is /prearchive" in refused["error"]
    assert built == {"uri": uris["S1"], "result": uris["S1"]}


def test_delete_a_scan_then_the_session(store, uris):
    assert call(store, "delete", "--scan", "700", uris["S1"]).exit_code == 0
    shown = json.loads(call(store, "show", uris["S1"], "--json").stdout)
    assert shown["scans"] == []
    assert call(store, "delete", uris["S1"]).exit_code == 0
    assert list(statuses(store)) == ["S2"]
    again = call(store, "delete", uris["S1"])
    assert (again.exit_code, again.stderr) == (1, "Error: Unknown prearchive session.\n")


def test_status_set_and_read_again(store, uris):
    call(store, "build", uris["S1"])
    assert call(store, "set-status", "error", uris["S1"]).stdout == f"{uris['S1']}\n"
    assert statuses(store)["S1"] == "ERROR"
    refused = call(store, "set-status", "_RECEIVING", uris["S1"])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "status is one of" in refused.stderr
    assert call(store, "reset-status", uris["S1"]).exit_code == 0
    assert statuses(store)["S1"] == "READY"


def test_separate_leaves_what_is_no_pet_with_mr(store, uris):
    done = call(store, "separate", uris["S1"])
    assert (done.exit_code, done.stdout) == (0, f"{uris['S1']}\n")


def test_logs(store, uris):
    assert call(store, "logs", uris["S1"]).stdout == ""
    assert call(store, "logs", uris["S1"], "--json").stdout == "[]\n"
    _, _, _, project, timestamp, folder = uris["S1"].split("/")
    next((store / "prearchive" / project / timestamp / folder / "SCANS/700/DICOM").glob("[0-9]*")).unlink()
    failed = call(store, "build", uris["S1"])
    assert failed.exit_code == 1
    assert "1 files of the session are not on the disk" in failed.stderr
    assert "build failed: 1 files" in call(store, "logs", uris["S1"]).stdout
    (entry,) = json.loads(call(store, "logs", uris["S1"], "--json").stdout)
    assert entry["id"].isdecimal()
    assert entry["entry"].startswith("build failed")


@pytest.mark.parametrize("command", ["build", "commit", "delete", "separate", "reset-status"])
def test_no_address_is_a_misuse(store, command):
    assert call(store, command).exit_code == 2


def test_a_store_that_is_not_there_is_not_made(tmp_path):
    done = call(tmp_path / "none", "build", "/prearchive/projects/P/20260101_000000000/S")
    assert done.exit_code == 1
    assert not (tmp_path / "none").exists()
