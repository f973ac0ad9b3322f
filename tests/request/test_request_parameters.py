"""The typed request: tables of import chapter 2, rulings 11 to 16, acceptance statements at this level."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnat_import_core.errors import ClientError, InvalidRequestError, NotFoundError
from xnat_import_core.models import Space
from xnat_import_core.parameters import ImportRequest, Overwrite
from xnat_import_core.settings import Compat
from xnat_import_core.uploads import parse_request
from xnat_import_core.uploads.field_paths import SHORTCUTS

TIMESTAMP = "20260102_030405678"


def read(**parameters: str) -> ImportRequest:
    return parse_request(parameters.items())


def one(name: str, value: str) -> ImportRequest:
    return parse_request([(name, value)])


def refusal(*query: tuple[str, str], **options: object) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        parse_request(query, **options)
    return caught.value.message


# ---- acceptance statements -----------------------------------------------------------------------------------------


def test_acceptance_10_the_query_wins_over_the_form():
    assert parse_request([("project", "P")], [("project", "Q")]).project == "P"


def test_acceptance_14_trailing_slash_forgiven_and_nonsense_refused():
    assert read(dest="/prearchive/projects/P/").project == "P"
    assert refusal(("dest", "/nonsense")).startswith("Parameter dest format error")


@pytest.mark.parametrize("prefix", ["/data", "/REST", ""])
def test_acceptance_15_subject_and_label_of_dest(prefix):
    request = read(dest=f"{prefix}/archive/projects/P/subjects/S/experiments/E")
    assert (request.space, request.project, request.subject, request.session) == (Space.ARCHIVE, "P", "S", "E")
    assert request.experiment == "E"
    assert request.has_dest
    assert request.builds_at_once


def test_acceptance_18_dest_and_project_contradict():
    message = refusal(("dest", "/archive/projects/P"), ("project", "Q"))
    assert "dest ('P')" in message
    assert "project ('Q')" in message


def test_acceptance_37_an_empty_listener_is_refused():
    message = refusal(("http-session-listener", ""))
    assert message == "'transaction' is required when requesting 'http-session-listener'."


@pytest.mark.parametrize(
    "name", ["EXPT_LABEL", "session", "label", "subject", "SUBJECT_ID", "EXPT_ID", "PREARC_SESSION_FOLDER"]
)
@pytest.mark.parametrize("value", ["../x", "..", ".", "a\\b", "a\x00", "x" * 65, "___"])
def test_acceptance_39_a_label_is_no_path(name, value):
    assert name in refusal((name, value))


# ---- choosing, routing, naming (2.1) -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("import-handler", "gradual-DICOM", "handler_key", "gradual-DICOM"),
        ("http-session-listener", "K 1", "listener", "K 1"),
        ("dest", "/prearchive", "space", Space.PREARCHIVE),
        ("project", "P", "project", "P"),
        ("PROJECT_ID", "P", "project", "P"),
        ("subject", "S 1", "subject", "S_1"),
        ("SUBJECT_ID", "S", "subject", "S"),
        ("subject_ID", "S", "subject", "S"),
        ("session", "MR 1", "session", "MR_1"),
        ("EXPT_LABEL", "E", "session", "E"),
        ("label", "E", "session", "E"),
        ("EXPT_ID", "XNAT_E00001", "experiment", "XNAT_E00001"),
        ("VISIT", "v1", "visit", "v1"),
        ("visit", "v1", "visit", "v1"),
        ("SUBTYPE", "p1", "protocol", "p1"),
        ("protocol", "p1", "protocol", "p1"),
        ("TIMEZONE", "Europe/Berlin", "timezone", "Europe/Berlin"),
        ("SOURCE", "uploader", "source", "uploader"),
        ("prearc-importer", "ECAT", "importer", "ECAT"),
        ("rename", "TRUE", "rename", True),
        ("overwrite_files", "true", "overwrite_files", True),
        ("AA", "true", "auto_archive", True),
        ("AA", "false", "auto_archive", False),
        ("auto-archive", "true", "auto_archive", True),
        ("action", "commit", "commit", True),
        ("action", "Commit", "commit", False),
        ("Ignore-Unparsable", "1", "ignore_unparsable", True),
        ("Ignore-Unparsable", "no", "ignore_unparsable", False),
        ("Direct-Archive", "true", "direct_archive", True),
        ("quarantine", "true", "quarantine", True),
        ("quarantine", "false", "quarantine", False),
        ("triggerPipelines", "OFF", "trigger_pipelines", False),
        ("triggerPipelines", "", "trigger_pipelines", True),
        ("event_reason", "because", "event_reason", "because"),
        ("event_type", "t", "event_type", "t"),
        ("event_comment", "A&B", "event_comment", "A&B"),
        ("prevent_anon", "true", "prevent_anon", True),
        ("prevent_auto_commit", "true", "prevent_auto_commit", True),
        ("prearchive_code", "1", "prearchive_code", "1"),
        ("plan", "true", "plan", True),
    ],
)
def test_each_parameter_is_read(name, value, field, expected):
    request = one(name, value)
    assert getattr(request, field) == expected
    assert not request.others
    assert not request.fields


def test_nothing_sent_is_the_default_request():
    assert parse_request([]) == ImportRequest()


@pytest.mark.parametrize(
    "name", ["dest", "project", "PROJECT_ID", "subject", "session", "label", "overwrite", "TIMEZONE", "import-handler"]
)
def test_an_empty_value_is_as_none(name):
    assert one(name, "") == ImportRequest()


@pytest.mark.parametrize("name", ["Custom-Processing", "Sender-ID", "localFilePath", "project2", "IMPORT-HANDLER"])
def test_what_nobody_knows_is_carried_along(name):
    assert one(name, "x").others == {name: "x"}


@pytest.mark.parametrize("name", ["inbody", "format"])
def test_what_the_transport_reads_is_no_parameter_of_the_import(name):
    assert one(name, "x") == ImportRequest()


def test_auto_archive_in_one_word_is_ignored():
    assert read(autoArchive="AutoArchive") == ImportRequest()


@pytest.mark.parametrize(("short", "long", "wish"), [("true", "false", True), ("false", "true", False)])
def test_aa_is_asked_before_auto_archive(short, long, wish):
    assert parse_request([("auto-archive", long), ("AA", short)]).auto_archive is wish


@pytest.mark.parametrize("value", ["true", "TRUE", "1"])
def test_true_values(value):
    assert read(rename=value).rename


@pytest.mark.parametrize("value", ["false", "yes", "on", "", "0", "true "])
def test_everything_else_is_false(value):
    assert not read(rename=value).rename


@pytest.mark.parametrize("value", ["false", "f", "no", "n", "off", "0", "False"])
def test_words_that_keep_pipelines_from_running(value):
    assert not read(triggerPipelines=value).trigger_pipelines


@pytest.mark.parametrize(
    ("query", "skips"),
    [
        ([], False),
        ([("action", "commit")], True),
        ([("action", "COMMIT")], True),
        ([("action", "commit"), ("Ignore-Unparsable", "false")], False),
        ([("dest", "/prearchive")], False),
        ([("Ignore-Unparsable", "true")], True),
    ],
)
def test_commit_skips_unparsable_members_but_dest_does_not(query, skips):
    assert parse_request(query).skips_unparsable is skips


@pytest.mark.parametrize("zone", ["Mars/Base", "Europe", "../etc/passwd", "/etc/localtime", "a\x00b", "x" * 5000])
def test_a_timezone_is_a_zone(zone):
    assert "TIMEZONE" in refusal(("TIMEZONE", zone))


def test_unknown_prearc_importer_is_not_found():
    with pytest.raises(NotFoundError, match="Unknown prearc-importer implementation specified: X"):
        one("prearc-importer", "X")


def test_reference_uploads_are_refused_in_a_form_only():
    with pytest.raises(InvalidRequestError, match="may not be used to upload files via reference"):
        parse_request([], [("reference", "/x")])
    assert one("reference", "/x").others == {"reference": "/x"}


# ---- overwrite (ruling 13) -----------------------------------------------------------------------------------------

WORDS = [
    ("", Overwrite.NONE),
    ("none", Overwrite.NONE),
    ("False", Overwrite.NONE),
    ("append", Overwrite.APPEND),
    ("True", Overwrite.APPEND),
    ("Delete", Overwrite.DELETE),
    ("override", Overwrite.DELETE),
]


@pytest.mark.parametrize(("word", "meaning"), WORDS)
@pytest.mark.parametrize("code", ["", "0", "1"])
def test_overwrite_words(word, meaning, code):
    assert read(overwrite=word, prearchive_code=code).overwrite is meaning


def test_another_word_is_refused():
    assert "overwrite" in refusal(("overwrite", "banana"))
    assert refusal(("overwrite", "banana"), ("prearchive_code", "1")) == (
        "Overwrite flag was not set to a valid option. ('append' or 'delete')"
    )


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("", Overwrite.NONE),
        ("none", Overwrite.APPEND),
        ("banana", Overwrite.APPEND),
        ("append", Overwrite.APPEND),
        ("DELETE", Overwrite.DELETE),
        ("override", Overwrite.DELETE),
    ],
)
def test_overwrite_as_xnat_reads_it(word, meaning):
    assert parse_request([("overwrite", word)], compat=Compat(overwrite="xnat")).overwrite is meaning


# ---- precedence and contradictions (3.3, ruling 11) ----------------------------------------------------------------

NAMES = [
    ("/archive/projects/{}", ["project", "PROJECT_ID", "xnat:mrSessionData/project", "onBuild:project"]),
    (
        "/archive/projects/P/subjects/{}",
        ["subject", "SUBJECT_ID", "subject_ID", "xnat:subjectAssessorData/subject_ID"],
    ),
    ("/archive/projects/P/experiments/{}", ["session", "EXPT_LABEL", "label", "xnat:petSessionData/label"]),
]
PAIRS = [
    (form, first, second) for form, names in NAMES for first in ["dest", *names] for second in names if first != second
]


@pytest.mark.parametrize(("form", "first", "second"), PAIRS)
def test_two_names_for_one_thing_must_agree(form, first, second):
    value = form.format("A") if first == "dest" else "A"
    parse_request([(first, value), (second, "A")])
    message = refusal((first, value), (second, "B"))
    assert first in message
    assert second in message


def test_labels_agree_when_they_do_once_they_are_clean():
    assert read(session="MR 1", EXPT_LABEL="MR_1").session == "MR_1"


def test_a_project_and_its_alias_agree():
    aliases = {"P", "pilot"}
    request = parse_request(
        [("dest", "/prearchive/projects/P"), ("project", "pilot")],
        same_project=lambda one, other: one == other or {one, other} <= aliases,
    )
    assert request.project == "P"


@pytest.mark.parametrize("spelling", ["Unassigned", "unassigned"])
def test_unassigned_is_an_explicit_project(spelling):
    request = read(project=spelling, dest="/prearchive/projects/UNASSIGNED")
    assert request.project == "Unassigned"


def test_the_later_value_of_one_name_is_no_contradiction():
    assert parse_request([("project", "Q"), ("project", "P")]).project == "P"


def test_the_folder_of_dest_and_the_session_may_differ():
    request = read(dest=f"/prearchive/projects/P/{TIMESTAMP}/FOLDER", session="MR1")
    assert (request.timestamp, request.folder, request.session) == (TIMESTAMP, "FOLDER", "MR1")


def test_the_parts_of_a_prearchive_path_may_be_sent_directly():
    request = read(project="P", PREARC_TIMESTAMP=TIMESTAMP, PREARC_SESSION_FOLDER="X")
    assert (request.timestamp, request.folder, request.has_dest) == (TIMESTAMP, "X", False)


def test_the_parts_of_a_prearchive_path_contradict_dest():
    dest = ("dest", f"/prearchive/projects/P/{TIMESTAMP}/X")
    assert "PREARC_TIMESTAMP" in refusal(dest, ("PREARC_TIMESTAMP", "20200102_030405678"))
    assert "PREARC_SESSION_FOLDER" in refusal(dest, ("PREARC_SESSION_FOLDER", "Y"))


def test_incomplete_prearchive_paths():
    assert refusal(("project", "P"), ("PREARC_SESSION_FOLDER", "X")) == (
        "User must specify timestamp portion of prearchive path, if session portion is specified."
    )
    assert refusal(("PREARC_TIMESTAMP", TIMESTAMP), ("PREARC_SESSION_FOLDER", "X")) == (
        "User must specify project portion of prearchive path, if timestamp/session portion is specified."
    )
    assert "PREARC_TIMESTAMP" in refusal(("project", "P"), ("PREARC_TIMESTAMP", "../x"))


# ---- field paths (2.3) ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "xnat:mrSessionData/fieldStrength",
        "xnat:petSessionData/scans/scan/ID",
        'xnat:x/y[@name="z"]',
        *sorted(SHORTCUTS),
    ],
)
def test_field_paths_and_shortcuts_are_kept_as_sent(name):
    assert one(name, "format:%s,a,d:b").fields == {name: "format:%s,a,d:b"}
    assert one(f"onBuild:{name}", "3").fields == {name: "3"}


@pytest.mark.parametrize("name", ["onBuild:", "onBuild:unknown", "xnat:mrSessionData", "xnat:/x", "1:2/3"])
def test_what_only_looks_like_a_field_is_carried_along(name):
    assert one(name, "x").others == {name: "x"}


# ---- src (1.4) -----------------------------------------------------------------------------------------------------

CACHED = "/user/cache/resources/X/files"


def test_every_src_adds_files_in_order():
    query = [("src", f"{CACHED}/b.zip,/data{CACHED}/c/d.zip"), ("src", f"/REST{CACHED}/e")]
    assert parse_request(query, [("src", f"{CACHED}/a.zip")]).sources == (
        f"{CACHED}/a.zip",
        f"{CACHED}/b.zip",
        f"{CACHED}/c/d.zip",
        f"{CACHED}/e",
    )


def test_a_comma_in_a_name_is_sent_encoded():
    assert one("src", f"{CACHED}/a%2Cb.zip").sources == (f"{CACHED}/a%2Cb.zip",)


@pytest.mark.parametrize(
    "src",
    [
        "/etc/passwd",
        "",
        ",",
        f"{CACHED}/a,",
        f"{CACHED}",
        f"{CACHED}/",
        f"{CACHED}/../../x",
        f"{CACHED}/%2e%2e/x",
        f"{CACHED}//x",
        f"{CACHED}/a\\b",
        f"{CACHED}/a%00",
        "/user/cache/resources/../files/x",
        "user/cache/resources/X/files/x",
        "http://localhost/user/cache/resources/X/files/x",
    ],
)
def test_another_src_is_refused(src):
    assert refusal(("src", src)).startswith("src uri is invalid.")


# ---- laws ----------------------------------------------------------------------------------------------------------

KNOWN = [
    *("dest", "project", "PROJECT_ID", "subject", "SUBJECT_ID", "subject_ID", "session", "EXPT_LABEL", "label", "src"),
    *("EXPT_ID", "PREARC_TIMESTAMP", "PREARC_SESSION_FOLDER", "overwrite", "TIMEZONE", "prearc-importer", "action"),
    *("http-session-listener", "AA", "triggerPipelines", "onBuild:label", "xnat:mrSessionData/note", "reference"),
]
VALUES = [
    "",
    "P",
    "P/",
    "..",
    "true",
    "append",
    TIMESTAMP,
    "/archive/projects/P",
    "/prearchive/projects/P",
    CACHED + "/x",
]
pairs = st.lists(
    st.tuples(st.sampled_from(KNOWN) | st.text(max_size=12), st.sampled_from(VALUES) | st.text(max_size=80))
)


@given(pairs, pairs)
def test_any_parameters_are_read_or_refused_and_always_the_same(query, form):
    def answer() -> ImportRequest | str:
        try:
            return parse_request(iter(query), iter(form))
        except ClientError as error:
            return error.message

    assert answer() == answer()


@given(pairs)
def test_a_form_alone_says_what_a_query_alone_says(sent):
    sent = [(name, value) for name, value in sent if name != "reference"]
    try:
        request = parse_request(sent)
    except ClientError:
        with pytest.raises(ClientError):
            parse_request([], sent)
    else:
        assert parse_request([], sent) == request
