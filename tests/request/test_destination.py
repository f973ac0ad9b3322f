"""``dest``: import chapter 3.1 row by row, and what is forgiven."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnat_import_core.errors import InvalidRequestError
from xnat_import_core.models import Space
from xnat_import_core.uploads import DestinationPath, parse_destination
from xnat_import_core.uploads.destination import FORMS

TIMESTAMP = "20260102_030405678"
PREARCHIVE = Space.PREARCHIVE
ARCHIVE = Space.ARCHIVE

ROWS = [
    ("/prearchive", DestinationPath(PREARCHIVE)),
    ("/prearchive/projects/P", DestinationPath(PREARCHIVE, "P")),
    (f"/prearchive/projects/P/{TIMESTAMP}", DestinationPath(PREARCHIVE, "P", timestamp=TIMESTAMP)),
    (f"/prearchive/projects/P/{TIMESTAMP}/X", DestinationPath(PREARCHIVE, "P", timestamp=TIMESTAMP, folder="X")),
    ("/archive", DestinationPath(ARCHIVE)),
    ("/archive/projects/P", DestinationPath(ARCHIVE, "P")),
    ("/archive/projects/P/subjects/S", DestinationPath(ARCHIVE, "P", "S")),
    ("/archive/projects/P/subjects/S/experiments/E", DestinationPath(ARCHIVE, "P", "S", "E")),
    ("/archive/projects/P/experiments/E", DestinationPath(ARCHIVE, "P", experiment="E")),
]


@pytest.mark.parametrize(("text", "expected"), ROWS)
@pytest.mark.parametrize("prefix", ["", "/data", "/REST"])
@pytest.mark.parametrize("end", ["", "/", "//"])
def test_each_form_with_every_prefix_and_trailing_slash(text, expected, prefix, end):
    assert parse_destination(prefix + text + end) == expected


@pytest.mark.parametrize(("text", "expected"), ROWS)
def test_the_whole_destination_may_be_percent_encoded(text, expected):
    assert parse_destination(quote(text, "")) == expected


def test_escapes_are_decoded_once():
    assert parse_destination("/archive/projects/P/subjects/a%20b") == DestinationPath(ARCHIVE, "P", "a b")
    assert parse_destination("/archive/projects/P/subjects/a%2520b") == DestinationPath(ARCHIVE, "P", "a%20b")


def test_empty_is_no_destination():
    assert parse_destination("") is None


@pytest.mark.parametrize("spelling", ["Unassigned", "unassigned", "UNASSIGNED"])
def test_unassigned_is_given_in_one_spelling(spelling):
    assert parse_destination(f"/prearchive/projects/{spelling}") == DestinationPath(PREARCHIVE, "Unassigned")


@pytest.mark.parametrize(
    "text",
    [
        "/nonsense",
        "/",
        "/data",
        "/data/",
        "prearchive",
        "archive/projects/P",
        "/DATA/prearchive",
        "/data/data/prearchive",
        "/Prearchive",
        "/prearchive/projects",
        "/prearchive//projects/P",
        "/prearchive/projects/..",
        "/prearchive/projects/%2e%2e",
        "/prearchive/projects/P/../Q",
        "/archive/projects/P?x=1",
        "/archive/projects/P#x",
        "/archive/projects/P\\Q",
        "/archive/projects/P%00",
        "/archive/projects/%ff",
        "/archive/experiments/E",
        "/archive/subjects/S",
        "/archive/projects/P/subjects/S/experiments/E/scans/1",
        "/archive/projects/P/subjects/S/experiments/E/assessors/A",
        "/user/cache/resources/X/files/z.zip",
        "/services/triage/projects/P",
        " ",
    ],
)
def test_everything_else_is_refused_with_the_nine_forms(text):
    with pytest.raises(InvalidRequestError, match=r"^Parameter dest format error") as caught:
        parse_destination(text)
    assert all(form in caught.value.message for form in FORMS)


@pytest.mark.parametrize("stamp", ["20260102_030405678", "20260102_030405"])
def test_both_timestamp_forms(stamp):
    assert parse_destination(f"/prearchive/projects/P/{stamp}").timestamp == stamp


@pytest.mark.parametrize("stamp", ["20260102", "20260102_0304056789", "2026-01-02", "X", "٢٠٢٦0102_030405"])  # noqa: RUF001 - digits that are not ASCII
def test_another_timestamp_is_refused(stamp):
    with pytest.raises(InvalidRequestError, match=r"^Parameter dest format error.*timestamp"):
        parse_destination(f"/prearchive/projects/P/{stamp}/S")


def test_an_archived_session_needs_a_project():
    with pytest.raises(InvalidRequestError, match="needs a project"):
        parse_destination("/archive/projects/unassigned/subjects/S")


names = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\"), min_size=1).filter(
    lambda name: name not in {".", ".."} and name.lower() != "unassigned"
)


@given(project=names, subject=names, experiment=names, full=st.booleans())
def test_what_is_written_is_read_again(project, subject, experiment, full):
    path = DestinationPath(ARCHIVE, project, subject if full else None, experiment)
    assert parse_destination(str(path)) == path
    waiting = DestinationPath(PREARCHIVE, project, timestamp=TIMESTAMP, folder=experiment)
    assert parse_destination(str(waiting)) == waiting


@given(
    st.text() | st.lists(st.sampled_from(["/", "archive", "projects", "P", "%2F", "%", "..", TIMESTAMP])).map("".join)
)
def test_any_text_is_read_or_refused(text):
    try:
        path = parse_destination(text)
    except InvalidRequestError:
        return
    assert path is None or parse_destination(str(path)) == path
