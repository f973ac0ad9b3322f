"""The program itself: what is misused, offered by others, or broken is one line; nothing slow is loaded in vain."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import Distribution, EntryPoint

import click
import pytest
from attrs import frozen
from click.testing import CliRunner

from xnat_import_core.cli import offered
from xnat_import_core.cli.failures import tell, tell_failures
from xnat_import_core.cli.program import program
from xnat_import_core.cli.progress import ProgressLines
from xnat_import_core.errors import ForbiddenError, SessionConflictError, UnreadableUploadError


def invoke(*arguments: str):
    return CliRunner().invoke(program, arguments)


@pytest.fixture
def raising(monkeypatch):
    """A command that raises, offered like any other distribution's."""

    def offer(error: BaseException) -> None:
        @click.command()
        def fails() -> None:
            raise error

        monkeypatch.setattr("xnat_import_core.cli.program.load_command", lambda _name: fails)

    return offer


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ForbiddenError("You may not create in project P."), 1, "Error: You may not create in project P.\n"),
        (SessionConflictError("two\nlines\x1b[31m"), 1, "Error: two lines [31m\n"),
        (OSError(13, "Permission denied", "/store"), 1, "Error: Permission denied: /store\n"),
        (KeyboardInterrupt(), 130, "Interrupted: what was not finished is not kept.\n"),
    ],
)
def test_what_a_command_raises_is_one_line_and_a_status(raising, error, status, text):
    raising(error)
    answer = invoke("fails")
    assert answer.exit_code == status
    assert answer.stderr == text
    assert answer.stdout == ""


def test_a_bug_is_not_hidden(raising):
    raising(ZeroDivisionError("a bug"))
    assert isinstance(invoke("fails").exception, ZeroDivisionError)


def test_the_first_twenty_members_are_listed(capsys):
    tell(UnreadableUploadError("Bad.", members=[f"m{n}\n" for n in range(25)]))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["Error: Bad.", *(f"  m{n}" for n in range(20)), "  and 5 more"]


def test_a_closed_pipe_is_left_to_click():
    context = click.Context(program)
    with pytest.raises(BrokenPipeError), tell_failures(context):
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize(
    "arguments",
    [
        ["import"],
        ["import", "/nowhere/at/all", "--store", "s"],
        ["import", "/", "--store", "s", "--param", "no-value"],
        ["import", "/", "--store", "s", "--param", "=x"],
        ["import", "/", "--store", "s", "--param", "principal=admin"],
        ["import", "/", "--store", "s", "--param", "project=Q", "--project", "P"],
        ["import", "/", "--store", "s", "--overwrite", "banana"],
        ["import", "/"],
        ["nonsense"],
        ["prearchive", "list"],
        ["receipt", "X", "--store", "s", "--fate", "lost"],
    ],
)
def test_misuse_is_status_2_and_makes_nothing(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(program, arguments, env={"XNAT_IMPORT_STORE": None})
    assert answer.exit_code == 2
    assert answer.stderr.splitlines()[-1].startswith("Error: ")
    assert not list(tmp_path.iterdir())


def test_an_address_of_no_prearchive_session_is_refused(tmp_path):
    answer = invoke("prearchive", "show", "/archive/projects/P", "--store", str(tmp_path / "s"))
    assert answer.exit_code == 1
    assert answer.stderr.startswith("Error: A prearchive session's address is")


def test_help_lists_all_commands_and_loads_none():
    code = (
        "import sys\n"
        "from xnat_import_core.cli.program import program\n"
        "program(['--help'], standalone_mode=False)\n"
        "slow = {'sqlalchemy', 'rich', 'lxml', 'structlog', 'xnat_import_server', 'pluggy'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    for command in ("handlers", "import", "prearchive", "project", "receipt"):
        assert f"\n  {command}" in answer.stdout


def test_handlers_loads_neither_database_nor_terminal():
    code = (
        "import sys\n"
        "from xnat_import_core.cli.program import program\n"
        "program(['handlers', '--json'], standalone_mode=False)\n"
        "slow = {'sqlalchemy', 'rich', 'alembic', 'lxml', 'structlog', 'typed_settings', 'asyncio', 'pydicom',\n"
        "        'xnat_import_server'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    reports = {report["key"]: report for report in json.loads(answer.stdout)}
    assert {"SI", "DICOM-zip"} <= reports.keys()
    assert {"key", "summary", "distribution", "version", "hooks", "error", "remedy"} <= reports["SI"].keys()


def test_handlers_in_words_names_key_and_distribution():
    answer = invoke("handlers")
    assert answer.exit_code == 0
    assert "SI: " in answer.stdout
    assert "xnat-import-si" in answer.stdout
    assert "extract" in answer.stdout


def test_handlers_leaves_out_what_a_stores_settings_deny(tmp_path):
    (tmp_path / "xnat-import.toml").write_text('[xnat-import.plugins]\ndeny = ["SI"]\n')
    answer = invoke("handlers", "--json", "--store", str(tmp_path))
    keys = {report["key"] for report in json.loads(answer.stdout)}
    assert "DICOM-zip" in keys
    assert "SI" not in keys


def test_a_wrong_setting_is_one_line(tmp_path):
    (tmp_path / "xnat-import.toml").write_text("[xnat-import]\nno_such_setting = 1\n")
    answer = invoke("handlers", "--store", str(tmp_path))
    assert answer.exit_code == 1
    assert answer.stderr.startswith("Error: Settings: ")
    assert answer.stderr.count("\n") == 1


# ---- commands of other distributions -------------------------------------------------------------------------------


@frozen
class Offered:
    """Entry points as ``importlib.metadata`` finds them, for one test."""

    points: tuple[EntryPoint, ...]

    def __call__(self, *, group: str, name: str | None = None) -> list[EntryPoint]:
        return [point for point in self.points if point.group == group and name in (None, point.name)]


def point(name: str, value: str, distribution: str, tmp_path) -> EntryPoint:
    folder = tmp_path / f"{distribution}-1.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1\n")
    return EntryPoint(name, value, "xnat_import.commands")._for(Distribution.at(folder))


@pytest.fixture
def offer(monkeypatch, tmp_path):
    def offer(*points: tuple[str, str, str]) -> None:
        made = tuple(point(*each, tmp_path) for each in points)
        monkeypatch.setattr(offered, "entry_points", Offered(made))

    return offer


def test_without_the_server_serve_says_what_to_install(offer):
    offer()
    answer = invoke("serve")
    assert answer.exit_code == 1
    assert answer.stderr == "Error: 'serve' comes with xnat-import-server: pip install xnat-import-server\n"


def test_an_offered_command_is_listed_and_called(offer):
    offer(("again", "xnat_import_core.cli.handlers:handlers", "third-party"))
    assert "Comes with third-party." in invoke("--help").stdout
    assert invoke("again", "--json").exit_code == 0


@pytest.mark.parametrize("value", ["no_such_module:x", "xnat_import_core.cli:nothing", "xnat_import_core.cli:main"])
def test_a_broken_offer_is_one_line_that_names_its_distribution(offer, value):
    offer(("bad", value, "third-party"))
    answer = invoke("bad")
    assert answer.exit_code == 1
    assert answer.stderr.startswith("Error: 'bad' of third-party ")
    assert answer.stderr.count("\n") == 1


def test_one_name_offered_twice_names_both(offer):
    value = "xnat_import_core.cli.handlers:handlers"
    offer(("twice", value, "one"), ("twice", value, "other"))
    assert "one and other" in invoke("twice").stderr


# ---- progress ------------------------------------------------------------------------------------------------------


def test_lines_come_when_a_stage_begins_or_ends_and_every_other_second(capsys):
    times = iter([0.0, 0.5, 1.0, 2.0, 2.5, 4.0])
    lines = ProgressLines(clock=lambda: next(times))
    for members in (0, 10, 20, 50, 60, 100):
        lines("extract", members, 100, members * 1_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "extract: 0/100 members, 0.0 MB, 0.0 MB/s",
        "extract: 50/100 members, 50.0 MB, 25.0 MB/s, 2 s left",
        "extract: 100/100 members, 100.0 MB, 25.0 MB/s, 0 s left",
    ]


def test_a_new_stage_starts_its_own_rate(capsys):
    times = iter([0.0, 10.0, 11.0])
    lines = ProgressLines(clock=lambda: next(times))
    lines("receive", 0, None, 0)
    lines("place", 0, 2, 0)
    lines("place", 2, 2, 3_000_000)
    assert capsys.readouterr().err.splitlines()[-1] == "place: 2/2 members, 3.0 MB, 3.0 MB/s, 0 s left"
