"""``xnat-import import`` and what one looks at afterwards: the real program on a real store, with real files."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

STUDY = Path(__file__).parents[2] / "examples" / "demo" / "study"
PROGRAM = [sys.executable, "-m", "xnat_import_core.cli"]
FILES = 11

# Extensions that happen to be installed beside the core, such as the examples, take no part.
EXTENSIONS = [point.name for point in entry_points(group="xnat_import.extensions")]
PLAIN = {"XNAT_IMPORT_PLUGINS_DENY": ":".join(EXTENSIONS)} if EXTENSIONS else {}


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(
        command, env=os.environ | PLAIN | environment, capture_output=True, text=True, timeout=100, check=False
    )


def done(*arguments: object) -> str:
    answer = run(*arguments)
    assert answer.returncode == 0, answer.stderr
    assert "Traceback" not in answer.stderr
    return answer.stdout


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    done("project", "add", "P", "--store", folder)
    return folder


def zip_of(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.fixture
def study_with_notes(tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(STUDY, folder)
    (folder / "notes.txt").write_text("no DICOM\n")
    return folder


def placed(store: Path) -> list[Path]:
    return [path for path in (store / "prearchive").rglob("*") if path.is_file() and path.parent.name == "DICOM"]


def in_store(store: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in placed(store) if not path.name.endswith("_catalog.xml"))


@pytest.mark.parametrize("form", ["folder", "zip", "files"])
def test_a_study_is_imported_whatever_it_comes_in(store, tmp_path, form):
    paths = {
        "folder": [STUDY],
        "zip": [zip_of(STUDY, tmp_path / "study.zip")],
        "files": sorted(path for path in STUDY.rglob("*") if path.is_file()),
    }[form]
    text = done("import", *paths, "--store", store, "--project", "P", "--session", "MR 1")
    assert "11 stored" in text
    assert "/MR_1\n" in text
    assert in_store(store) == sorted(path.read_bytes() for path in STUDY.rglob("*") if path.is_file())


def test_json_is_the_only_output_and_names_session_and_counts(store):
    outcome = json.loads(done("import", STUDY, "--store", store, "--project", "P", "--json"))
    assert outcome["counts"] == {"stored": FILES, "same": 0, "rejected": 0, "filtered": 0, "ignored": 0}
    (session,) = outcome["sessions"]
    assert session["project"] == "P"
    assert session["scans"] == 3


def test_the_same_again_stores_nothing_and_succeeds(store):
    done("import", STUDY, "--store", store, "--project", "P")
    outcome = json.loads(done("import", STUDY, "--store", store, "--project", "P", "--json"))
    assert outcome["counts"]["same"] == FILES
    assert outcome["counts"]["stored"] == 0


def test_a_plan_writes_no_session(store):
    assert "would be imported" in done("import", STUDY, "--store", store, "--project", "P", "--plan")
    assert placed(store) == []


def test_refused_is_status_1_with_the_member_named_and_nothing_stored(store, study_with_notes):
    answer = run("import", study_with_notes, "--store", store, "--project", "P", "--handler", "DICOM-zip", "--json")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert "notes.txt" in answer.stderr
    assert any("notes.txt" in member for member in json.loads(answer.stdout)["members"])
    assert placed(store) == []


def test_the_receipt_of_a_refused_import_can_be_read(store, study_with_notes):
    refused = run("import", study_with_notes, "--store", store, "--project", "P", "--handler", "DICOM-zip", "--json")
    key = json.loads(refused.stdout)["import_id"]
    summary, *lines = map(json.loads, done("receipt", key, "--store", store, "--json").splitlines())
    assert summary["import_id"] == key
    assert any(line["fate"] == "rejected" and line["name"].endswith("notes.txt") for line in lines)


def test_members_that_are_let_go_at_the_callers_wish_are_no_failure(store, study_with_notes):
    answer = run(
        "import", study_with_notes, "--store", store, "--project", "P", "--handler", "DICOM-zip", "--ignore-unparsable"
    )
    assert answer.returncode in {0, 3}
    assert f"{FILES} stored" in answer.stdout


def test_an_unknown_project_is_one_line_that_says_how_to_make_it(store):
    answer = run("import", STUDY, "--store", store, "--project", "Q")
    assert answer.returncode == 1
    assert answer.stderr.startswith("Error: Unable to identify project: Q")
    assert answer.stderr.count("\n") == 1
    assert "xnat-import project add Q" in answer.stderr


def test_an_unknown_handler_is_one_line(store):
    answer = run("import", STUDY, "--store", store, "--project", "P", "--handler", "nope")
    assert answer.returncode == 1
    assert answer.stderr.startswith("Error: Unknown importer implementation specified: nope")
    assert answer.stderr.count("\n") == 1


def test_other_parameters_are_sent_as_they_are(store):
    answer = run("import", STUDY, "--store", store, "--project", "P", "--param", "PROJECT_ID=Q")
    assert answer.returncode == 1
    assert "project" in answer.stderr
    assert "PROJECT_ID" in answer.stderr


def test_the_store_may_come_from_the_environment(store):
    answer = run("import", STUDY, "--project", "P", XNAT_IMPORT_STORE=str(store))
    assert answer.returncode == 0, answer.stderr


def test_prearchive_list_and_show(store):
    outcome = json.loads(done("import", STUDY, "--store", store, "--project", "P", "--json"))
    uri = outcome["sessions"][0]["uri"]
    assert uri in done("prearchive", "list", "--store", store)
    assert done("prearchive", "list", "--store", store, "--project", "Unassigned") == ""
    session = json.loads(done("prearchive", "show", uri, "--store", store, "--json"))
    assert session["uri"] == uri
    assert len(session["scans"]) == 3
    missing = run("prearchive", "show", f"{uri}x", "--store", store)
    assert missing.returncode == 1
    assert missing.stderr.startswith("Error: ")


def test_a_receipt_has_a_line_for_each_member(store):
    key = json.loads(done("import", STUDY, "--store", store, "--project", "P", "--json"))["import_id"]
    assert done("receipt", key, "--store", store).count("\nstored  ") == FILES
    assert done("receipt", key, "--store", store, "--fate", "rejected").count("/prearchive/") == 0
    unknown = run("receipt", "nope", "--store", store)
    assert unknown.returncode == 1
    assert unknown.stderr.count("\n") == 1


def test_a_pipe_gets_lines_with_rate_and_no_control_characters(store):
    answer = run("import", STUDY, "--store", store, "--project", "P")
    assert "members" in answer.stderr
    assert "MB/s" in answer.stderr
    assert "\x1b" not in answer.stderr


def test_a_terminal_gets_a_bar(store):
    leader, follower = pty.openpty()
    command = [*PROGRAM, "import", str(STUDY), "--store", str(store), "--project", "P"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=follower, env=os.environ | PLAIN | {"TERM": "xterm"}
    ) as process:
        os.close(follower)
        seen = b""
        try:
            while part := os.read(leader, 4096):
                seen += part
        except OSError:  # Linux says EIO when the other side of a terminal is closed
            pass
    os.close(leader)
    assert process.returncode == 0
    assert b"members/s" in seen


def test_ctrl_c_is_one_line_and_leaves_nothing(store):
    script = (
        "import time\n"
        "from xnat_import_core.cli import main, progress\n"
        "def waits(*_):\n    print('begun', flush=True)\n    time.sleep(20)\n"
        "progress.ProgressLines.__call__ = waits\n"
        "main()"
    )
    command = [sys.executable, "-c", script, "import", str(STUDY), "--store", str(store), "--project", "P"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error == "Interrupted: what was not finished is not kept.\n"
    assert placed(store) == []
    assert not any((store / "staging").glob("*"))
