"""Slips of a person at a terminal: each is one line that says what to type instead, and leaves no folder behind."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from xnat_import_core.cli.program import program


def invoke(*arguments: str):
    return CliRunner().invoke(program, arguments)


@pytest.mark.parametrize(
    "command",
    [
        ("receipt", "ab12"),
        ("project", "list"),
        ("prearchive", "list"),
        ("prearchive", "show", "/prearchive/projects/P/20260101_000000000/X"),
    ],
)
def test_a_store_that_is_not_there_is_not_made_by_looking(tmp_path, command):
    answer = invoke(*command, "--store", str(tmp_path / "typo"))
    assert answer.exit_code == 1
    assert answer.stderr == f"Error: There is no store at {tmp_path / 'typo'}; an import makes it.\n"
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("address", ["foo", "", "/prearchive/projects/P", "/archive", "/prearchive/projects/P/x/y"])
def test_an_address_that_is_none_is_told_its_form(tmp_path, address):
    answer = invoke("prearchive", "show", address, "--store", str(tmp_path))
    assert answer.exit_code == 1
    assert answer.stderr == "Error: A prearchive session's address is /prearchive/projects/P/TIMESTAMP/SESSION.\n"


def test_the_prearchive_of_an_unknown_project_is_no_empty_list(tmp_path):
    assert invoke("project", "add", "KNEE", "--store", str(tmp_path)).exit_code == 0
    assert invoke("prearchive", "list", "--project", "KNEE", "--store", str(tmp_path)).exit_code == 0
    assert invoke("prearchive", "list", "--project", "unassigned", "--store", str(tmp_path)).exit_code == 0
    answer = invoke("prearchive", "list", "--project", "KNE", "--store", str(tmp_path))
    assert answer.exit_code == 1
    assert answer.stderr == "Error: There is no project KNE; see 'xnat-import project list'.\n"
