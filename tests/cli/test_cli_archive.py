"""``xnat-import archive`` and ``undo``: from the prearchive into the archive and back, with a plan before."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from xnat_import_core.cli.program import program


@pytest.fixture
def run(tmp_path, shipped):
    runner = CliRunner()

    def invoke(*words, code=0):
        done = runner.invoke(program, [*map(str, words), "--store", str(tmp_path / "store")])
        assert done.exit_code == code, done.output
        return done.stdout

    invoke("project", "add", "P")
    slice_ = next(iter(sorted(shipped.rglob("csa_slice_norm.dcm"))))
    invoke("import", slice_, "--project", "P", "--session", "S1", "--commit")
    return invoke


def waiting(run):
    return [row["uri"] for row in json.loads(run("prearchive", "list", "--json"))]


def test_a_session_goes_into_the_archive_and_comes_back(run):
    (uri,) = waiting(run)
    planned = run("archive", "add", uri, "--plan")
    assert "a new session; 1 added" in planned
    assert waiting(run) == [uri]
    done = run("archive", "add", uri)
    assert done.startswith("/archive/projects/P/subjects/Anon/experiments/S1")
    assert waiting(run) == []
    (archived,) = json.loads(run("archive", "list", "--json"))
    assert (archived["id"], archived["label"]) == ("XNAT_E00001", "S1")
    deed = re.search(r"undo ([0-9a-f]{32})", done)[1]
    assert run("undo", deed).strip() == uri
    assert waiting(run) == [uri]
    assert json.loads(run("archive", "list", "--json")) == []


def test_a_conflict_is_planned_and_refused_with_its_remedy(run, shipped):
    (uri,) = waiting(run)
    run("archive", "add", uri)
    run(
        "import",
        next(iter(sorted(shipped.rglob("csa_slice_norm.dcm")))),
        "--project",
        "P",
        "--session",
        "S1",
        "--commit",
    )
    (again,) = waiting(run)
    planned = run("archive", "add", again, "--plan")
    assert "conflict (exists): Session already exists, retry with overwrite enabled" in planned
    assert "overwrite=append" in planned
    refused = json.loads(run("archive", "add", again, "--json", code=1))
    assert refused[0]["status"] == 409
    assert json.loads(run("prearchive", "list", "--json"))[0]["status"] == "CONFLICT"
