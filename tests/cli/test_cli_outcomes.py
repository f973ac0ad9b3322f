"""Exit status and words for every way an import can end; what is sent for every option. The service is a stand-in."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from attrs import define, field
from click.testing import CliRunner

from xnat_import_core.cli import import_command
from xnat_import_core.cli.program import program
from xnat_import_core.errors import LimitExceededError, NotFoundError, UnknownHandlerError
from xnat_import_core.models import Fate, Outcome, SessionOutcome

SESSION = SessionOutcome(
    uri="/prearchive/projects/P/20260102_030405678/MR1",
    project="P",
    subject="S",
    label="MR1",
    timestamp="20260102_030405678",
    folder="MR1",
    tag="1.2.3",
    status="RECEIVING",
    scans=3,
    stored=2,
    same=1,
    joined=True,
    notes=("two labels\nare one",),
)


@define
class StandIn:
    """Answers as it is told and remembers what it was asked."""

    answer: Outcome | Exception
    sent: dict[str, str] = field(factory=dict)
    paths: tuple[object, ...] = ()
    owner: str = "owner"

    def import_upload(self, *paths, principal, progress, **parameters):
        assert principal == self.owner
        assert callable(progress)
        self.paths, self.sent = paths, parameters
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def ask(monkeypatch, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK")

    def ask(answer: Outcome | Exception, *arguments: str):
        service = StandIn(answer)

        @contextmanager
        def opened(_store):
            yield service

        monkeypatch.setattr(import_command, "open_service", opened)
        command = ["import", str(tmp_path / "x.zip"), "--store", "STORE", *arguments]
        return CliRunner().invoke(program, command), service

    return ask


def outcome(**counts: int) -> Outcome:
    return Outcome("I1", "SI", planned=False, sessions=(SESSION,), counts={Fate(f): n for f, n in counts.items()})


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ({"stored": 3}, 0),
        ({"same": 3}, 0),
        ({"stored": 1, "same": 1, "ignored": 1}, 0),
        ({"stored": 3, "rejected": 1}, 3),
        ({"stored": 3, "filtered": 1}, 3),
        ({"filtered": 4}, 3),
    ],
)
def test_exit_status_tells_whole_from_partial(ask, counts, status):
    answer, _ = ask(outcome(**counts))
    assert answer.exit_code == status
    assert answer.stderr == ""


def test_the_outcome_in_words(ask):
    answer, _ = ask(outcome(stored=2, same=1, ignored=4))
    assert answer.stdout.splitlines() == [
        "7 members imported by SI",
        "/prearchive/projects/P/20260102_030405678/MR1",
        "  RECEIVING, 3 scans, 2 files stored, 1 the same, joined what was there",
        "  note: two labels are one",
        "2 stored, 1 same, 0 rejected, 0 filtered, 4 ignored",
        "receipt: xnat-import receipt I1 --store STORE",
    ]


def test_the_outcome_as_json(ask):
    answer, _ = ask(outcome(stored=2, rejected=1), "--json")
    read = json.loads(answer.stdout)
    assert read["import_id"] == "I1"
    assert read["counts"] == {"stored": 2, "same": 0, "rejected": 1, "filtered": 0, "ignored": 0}
    assert read["sessions"][0]["uri"] == SESSION.uri


def refused(error: Exception, import_id: str | None = None) -> Exception:
    error.import_id = import_id
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            refused(NotFoundError("Unable to identify project: Q")),
            "Error: Unable to identify project: Q. Make it with 'xnat-import project add Q --store STORE'.\n",
        ),
        (
            refused(UnknownHandlerError("Unknown importer implementation specified: nope")),
            "Error: Unknown importer implementation specified: nope. See 'xnat-import handlers'.\n",
        ),
        (
            refused(LimitExceededError("Too large.", members=("a.dcm",)), "I2"),
            "Error: Too large. See 'xnat-import receipt I2 --store STORE'.\n  a.dcm\n",
        ),
    ],
)
def test_a_refusal_says_what_to_do(ask, error, text):
    answer, _ = ask(error, "--project", "Q")
    assert answer.exit_code == 1
    assert answer.stderr == text
    assert answer.stdout == ""


def test_a_refusal_as_json(ask):
    answer, _ = ask(refused(LimitExceededError("Too large.", members=("a.dcm",)), "I2"), "--json")
    assert answer.exit_code == 1
    expected = {"import_id": "I2", "status": 413, "error": "Too large.", "members": ["a.dcm"]}
    assert json.loads(answer.stdout) == expected


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ([], {}),
        (["--project", "P"], {"project": "P"}),
        (["--subject", "S"], {"subject": "S"}),
        (["--session", "E"], {"session": "E"}),
        (["--dest", "/prearchive"], {"dest": "/prearchive"}),
        (["--handler", "SI"], {"import-handler": "SI"}),
        (["--overwrite", "delete"], {"overwrite": "delete"}),
        (["--commit"], {"action": "commit"}),
        (["--ignore-unparsable"], {"Ignore-Unparsable": "true"}),
        (["--rename"], {"rename": "true"}),
        (["--plan"], {"plan": "true"}),
        (
            ["--param", "xnat:mrSessionData/note=a=b", "--param", "AA=false"],
            {"xnat:mrSessionData/note": "a=b", "AA": "false"},
        ),
    ],
)
def test_each_option_is_one_parameter_of_the_import(ask, arguments, sent):
    answer, service = ask(outcome(stored=1), *arguments)
    assert answer.exit_code == 0
    assert service.sent == sent
    assert [path.name for path in service.paths] == ["x.zip"]
