"""The typed calls: who is asked, in which order, and what becomes of a plugin that raises or answers wrongly."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest
import structlog

from xnat_import_core import (
    Archived,
    ArchivePolicy,
    ArchiveSession,
    Conflict,
    DescribeContext,
    Destination,
    Detection,
    ExtractContext,
    ImportedFile,
    ImportRequest,
    InvalidRequestError,
    Outcome,
    PluginError,
    Plugins,
    Rejected,
    Scan,
    ScanDocument,
    SessionDocument,
    SessionOutcome,
    Space,
    StagedFile,
    StorageError,
    StorageFullError,
    TransformContext,
    UnreadableUploadError,
)
from xnat_import_core.plugin_host import ExplicitPlugins, PluginHost
from xnat_import_core.testing import MemoryMember, MemoryUpload, incoming_session, stored_session

CONTEXT = ExtractContext("H", ImportRequest())
PLACE = Destination(Space.PREARCHIVE, "P", "S", "E")
FILES = (
    ImportedFile(0, "study", Scan("b"), "DICOM", "0.dcm", facts={"project": "P1", "subject": "S1"}),
    ImportedFile(1, "study", Scan("a"), "DICOM", "1.dcm", facts={"project": "P1", "session": "E1"}),
)
SESSION = incoming_session(FILES)
STORED = stored_session(FILES)
DESCRIBE = DescribeContext("H", PLACE, ImportRequest())
ARCHIVE = (ArchiveSession("/prearchive/P/T/E", "P", "S", "E", "study", Path("E")), ArchivePolicy())
OUTCOME = Outcome("I1", "H", planned=False, sessions=(), counts={})
SESSION_OUTCOME = SessionOutcome("/u", "P", "S", "E", "T", "E", "study", "READY", 1, 1, 0, joined=False)


@pytest.fixture
def calls_of(handler_of, extension_of, log):
    def make(handler="", **extensions):
        plugins = ExplicitPlugins(
            {"H": handler_of(handler)}, {name: extension_of(text) for name, text in extensions.items()}
        )
        return PluginHost(plugins, Plugins(), log).calls("H")

    return make


def members(*names):
    return tuple(MemoryMember(index, name, b"data") for index, name in enumerate(names))


def staged(tmp_path, count):
    paths = [tmp_path / str(number) for number in range(count)]
    for path in paths:
        path.write_bytes(b"")
    return tuple(StagedFile(n, path, path.name, "1", "DICOM", "DICOM", "") for n, path in enumerate(paths))


TRANSFORM = TransformContext(PLACE, b"key", ImportRequest())


# ---- faults --------------------------------------------------------------------------------------------------------


def test_an_exception_names_plugin_hook_and_culprits_but_not_its_text(calls_of, log):
    calls = calls_of(
        """
        @hookimpl
        def extract(members):
            for member in members:
                if "bad" in member.name:
                    raise ValueError("Doe^John")
            return tuple(Ignored(member.index, "x") for member in members)
        """
    )
    with pytest.raises(PluginError) as caught:
        calls.extract(members("a.dcm", "bad1.dcm", "c.dcm", "bad2.dcm"), CONTEXT)
    fault = caught.value
    assert (fault.plugin, fault.hook, fault.members) == ("H", "extract", ("bad1.dcm", "bad2.dcm"))
    assert fault.distribution.startswith("given as")
    assert "ValueError" in fault.message
    assert "bad1.dcm, bad2.dcm" in fault.message
    assert "Doe" not in fault.message
    assert "Doe" not in repr(log.errors)
    assert any("plugin_under_test" in frame for frame in log.errors[0][1]["traceback"])


def test_a_batch_that_fails_only_as_a_whole_names_all_of_it(calls_of):
    calls = calls_of("@hookimpl\ndef extract(members):\n    return tuple(Ignored(m.index, 'x') for m in members[:1])\n")
    with pytest.raises(PluginError, match="1 records for 7 members") as caught:
        calls.extract(members(*"abcdefg"), CONTEXT)
    assert caught.value.members == tuple("abcdefg")
    assert caught.value.message.endswith("Members: a, b, c, d, e and 2 more.")


def test_an_exit_in_a_call_is_a_fault_and_a_keyboard_interrupt_is_not(calls_of):
    with pytest.raises(PluginError, match="raised SystemExit"):
        calls_of("@hookimpl\ndef extract(members): raise SystemExit").extract(members("a"), CONTEXT)
    with pytest.raises(KeyboardInterrupt):
        calls_of("@hookimpl\ndef extract(members): raise KeyboardInterrupt").extract(members("a"), CONTEXT)


def test_client_errors_pass_in_questions_and_not_in_reviews(calls_of):
    text = "@hookimpl\ndef {}(): raise InvalidRequestError('Say which.')\n"
    asked = calls_of(rule=text.format("map_destination"), gate=text.format("review_session"))
    with pytest.raises(InvalidRequestError, match=r"^Say which\.$"):
        asked.map_destination(SESSION, None)
    with pytest.raises(PluginError) as caught:
        asked.review_session(SESSION, PLACE)
    assert caught.value.plugin == "gate"
    with pytest.raises(UnreadableUploadError):
        calls_of("@hookimpl\ndef extract(members): raise UnreadableUploadError('cut')").extract(members("a"), CONTEXT)


def test_what_the_core_raised_while_a_plugin_read_is_not_the_plugins_fault(calls_of, tmp_path):
    with pytest.raises(StorageError, match="gone"):
        calls_of("@hookimpl\ndef extract(members): raise StorageError('gone')").extract(members("a"), CONTEXT)
    full = f"@hookimpl\ndef transform_files(files): raise OSError({errno.ENOSPC}, 'full')"
    with pytest.raises(StorageFullError):
        calls_of(gate=full).transform_files(staged(tmp_path, 1), TRANSFORM)


def test_a_plugins_own_plugin_error_is_a_fault_like_any_other(calls_of):
    text = "@hookimpl\ndef extract(members): raise PluginError('mine', plugin='x', distribution='y', hook='z')"
    with pytest.raises(PluginError) as caught:
        calls_of(text).extract(members("a"), CONTEXT)
    assert (caught.value.plugin, caught.value.hook) == ("H", "extract")


def test_each_call_is_an_event_with_its_time(calls_of, log):
    calls_of().extract(members("Doe.dcm"), CONTEXT)
    ((event, facts),) = log.debugs
    assert (event, facts["plugin"], facts["hook"]) == ("hook called", "H", "extract")
    assert facts["microseconds"] >= 0
    assert "Doe" not in repr(log.debugs)


def test_events_go_to_structlog_unless_told_otherwise(handler_of, capsys):
    quiet = PluginHost(ExplicitPlugins({"H": handler_of()}), Plugins()).calls("H")
    quiet.extract(members("a"), CONTEXT)
    assert capsys.readouterr().out == ""
    with structlog.testing.capture_logs() as events:
        quiet.extract(members("a"), CONTEXT)
        PluginHost(ExplicitPlugins({"H": object()}), Plugins()).reports()
    assert [(event["event"], event["log_level"]) for event in events] == [
        ("hook called", "debug"),
        ("plugin refused", "error"),
    ]


# ---- extract and arrange -------------------------------------------------------------------------------------------

GOOD_FILE = "ImportedFile(m.index, 'study', Scan('1'), 'DICOM', 'n')"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("None", "a tuple is wanted, not NoneType"),
        ("[]", "a tuple is wanted, not list"),
        ("('x',)", "ImportedFile, Rejected or Ignored is wanted, not str"),
        ("(Ignored(5, 'x'),)", "the record for member 0 says 5"),
        ("(Ignored(0, ''),)", "the reason is not a text"),
        ("(Rejected(0, None),)", "the reason is not a text"),
        ("(ImportedFile(0, '', Scan('1'), 'DICOM', 'n'),)", "session is not a text"),
        ("(ImportedFile(0, 's', Scan(1), 'DICOM', 'n'),)", "scan key is not a text"),
        ("(ImportedFile(0, 's', '1', 'DICOM', 'n'),)", "place: Scan"),
        ("(ImportedFile(0, 's', Scan('1', 5), 'DICOM', 'n'),)", "scan id: text or None is wanted, not int"),
        ("(ImportedFile(0, 's', Scan('1'), 'DICOM', None),)", "name: text is wanted"),
        ("(ImportedFile(0, 's', Scan('1'), 'DICOM', 'n', instance_number='1'),)", "instance_number: int or None"),
        ("(ImportedFile(0, 's', Scan('1'), 'DICOM', 'n', facts=[('a', 1)]),)", "facts: a mapping is wanted"),
        ("(ImportedFile(0, 's', Scan('1'), 'DICOM', 'n', facts={'a': None}),)", "fact 'a': text, int"),
        ("(ImportedFile(0, 's', Scan('1'), 'DICOM', 'n', facts={'a': True}),)", "fact 'a': text, int"),
        ("(ImportedFile(0, 's', Scan('1'), 'DICOM', 'n', facts={'a': float('nan')}),)", "fact 'a': text, int"),
        ("(ImportedFile(0, 's', Scan('1'), 'DICOM', 'n', facts={'a': ['x']}),)", "fact 'a': text, int"),
        ("(ImportedFile(0, 's', Scan('1'), 'DICOM', 'n', facts={1: 'x'}),)", "the name of a fact"),
    ],
)
def test_a_wrong_answer_of_extract_fails_and_names_the_member(calls_of, expression, said):
    calls = calls_of(f"@hookimpl\ndef extract(members): return {expression}")
    with pytest.raises(PluginError) as caught:
        calls.extract(members("one.dcm"), CONTEXT)
    assert said in caught.value.message
    assert caught.value.members == ("one.dcm",)


def test_a_right_answer_of_extract_is_handed_on(calls_of):
    facts = "{'a': 'x', 'b': 1, 'c': 1.5, 'd': (1, None, 'x')}"
    text = f"ImportedFile(m.index, 's', Scan('1', '3'), 'DICOM', m.name, instance_number=4, facts={facts})"
    calls = calls_of(f"@hookimpl\ndef extract(members, context): return tuple({text} for m in members)")
    first, second = calls.extract(members("a", "b"), CONTEXT)
    assert (first.name, second.name, second.member) == ("a", "b", 1)
    assert (calls.has_arrange, calls.has_transform, calls.handler.summary) == (False, False, "a test")
    assert calls.arrange(MemoryUpload(members("a")), CONTEXT) is None


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("()", "Arrangement or None is wanted, not tuple"),
        ("Arrangement([Group((0,))])", "groups: a tuple is wanted"),
        ("Arrangement(((0, 1),))", "groups: a tuple of Group is wanted"),
        ("Arrangement((Group(()),))", "not a tuple of at least one index"),
        ("Arrangement((Group([0]),))", "not a tuple of at least one index"),
        ("Arrangement((Group((0, 2)),))", "it names the member 2, which is not there"),
        ("Arrangement((Group((0, 1)), Group((1,))))", "it names the member 1 more than once"),
        ("Arrangement((Group((0,)),), (Ignored(0, 'x'),))", "it names the member 0 more than once"),
        ("Arrangement((Group((0,), hint=lambda: 0),))", "a hint cannot be pickled"),
        ("Arrangement((Group((0,), hint='x' * 65536),))", "more than 65536"),
    ],
)
def test_a_wrong_arrangement_fails(calls_of, expression, said):
    calls = calls_of(f"@hookimpl\ndef arrange(upload, context): return {expression}")
    assert calls.has_arrange
    with pytest.raises(PluginError) as caught:
        calls.arrange(MemoryUpload(members("a", "b")), CONTEXT)
    assert said in caught.value.message


def test_a_right_arrangement_is_handed_on(calls_of):
    calls = calls_of("@hookimpl\ndef arrange(upload): return Arrangement((Group((1, 0), 'x' * 65000),))")
    assert calls.arrange(MemoryUpload(members("a", "b")), CONTEXT).groups[0].members == (1, 0)


# ---- destination, review, transform --------------------------------------------------------------------------------


def test_everybody_proposes_extensions_first_the_core_last(calls_of):
    rule = "@hookimpl\ndef map_destination(session): return Proposal(project=('{0}',), reason='{0}')\n"
    calls = calls_of(rule.format("mine"), b=rule.format("bb"), a=rule.format("aa"), c="")
    found = calls.map_destination(SESSION, None)
    assert [(who, proposal.project) for who, proposal in found] == [
        ("a", ("aa",)),
        ("b", ("bb",)),
        ("H", ("mine",)),
        ("core default", ("P1",)),
    ]


def test_no_opinion_is_no_answer(calls_of):
    silent = "@hookimpl\ndef {}(session): return None\n"
    calls = calls_of(silent.format("map_destination"), gate=silent.format("review_session"))
    assert [who for who, _ in calls.map_destination(SESSION, None)] == ["core default"]
    assert calls.review_session(SESSION, PLACE) == ()
    assert calls.archive(*ARCHIVE) is None


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("Proposal(project='P')", "project: a tuple is wanted, not str"),
        ("Proposal(subject=(None,))", "subject: a tuple of str is wanted, not NoneType"),
        ("Proposal(label=(1,))", "label: a tuple of str is wanted, not int"),
        ("Proposal(space='archive')", "space: Space or None"),
        ("Proposal(auto_archive='yes')", "auto_archive: bool or None"),
        ("Proposal(reason=None)", "reason: a tuple of str is wanted"),
        ("('P',)", "Proposal or None is wanted, not tuple"),
        ("{'project': 'P'}", "Proposal or None is wanted, not dict"),
    ],
)
def test_a_wrong_proposal_fails(calls_of, expression, said):
    calls = calls_of(rule=f"@hookimpl\ndef map_destination(): return {expression}")
    with pytest.raises(PluginError, match="Plugin rule") as caught:
        calls.map_destination(SESSION, None)
    assert said in caught.value.message


def test_the_union_of_refusals_counts_and_says_who(calls_of):
    gate = "@hookimpl\ndef review_session(session): return (Refused('{0}', scan='a'),)\n"
    calls = calls_of(gate.format("h"), one=gate.format("1"), two=gate.format("2"))
    found = calls.review_session(SESSION, PLACE)
    assert [(who, refused.reason) for who, refused in found] == [("one", "1"), ("two", "2"), ("H", "h")]


@pytest.mark.parametrize(
    "expression",
    ["(Refused('x', scan='zz'),)", "[Refused('x')]", "(Refused(''),)", "(Refused('x', member='0'),)", "True"],
)
def test_a_wrong_refusal_fails_closed(calls_of, expression):
    calls = calls_of(gate=f"@hookimpl\ndef review_session(session): return {expression}")
    with pytest.raises(PluginError, match="Plugin gate"):
        calls.review_session(SESSION, PLACE)


APPEND = """
@hookimpl
def transform_files(files, context):
    for file in files:
        file.path.write_bytes(file.path.read_bytes() + b"{}")
    return {}
"""


def test_transforms_follow_each_other_and_skip_what_was_rejected(calls_of, tmp_path):
    files = staged(tmp_path, 2)
    calls = calls_of(b=APPEND.format("b", "None"), a=APPEND.format("a", "(Rejected(1, 'bad'),)"))
    assert calls.has_transform
    assert calls.transform_files(files, TRANSFORM) == (("a", Rejected(1, "bad")),)
    assert [file.path.read_bytes() for file in files] == [b"ab", b"a"]


@pytest.mark.parametrize("answer", ["(Rejected(9, 'x'),)", "[]", "(Rejected(0, ''),)", "(0,)", "1 / 0"])
def test_a_transform_that_fails_or_answers_wrongly_fails_closed(calls_of, tmp_path, answer):
    calls = calls_of(a=APPEND.format("a", answer), b=APPEND.format("b", "None"))
    files = staged(tmp_path, 1)
    with pytest.raises(PluginError) as caught:
        calls.transform_files(files, TRANSFORM)
    assert (caught.value.plugin, caught.value.hook) == ("a", "transform_files")
    assert files[0].path.read_bytes() == b"a"


# ---- describe, archive, announcements, detect ----------------------------------------------------------------------


def test_the_handler_describes_else_the_core(calls_of):
    who, document = calls_of().describe(STORED, DESCRIBE)
    assert (who, [scan.key for scan in document.scans]) == ("core default", ["a", "b"])
    mine = "ScanDocument(s.key, s.key, 'xnat:mrScanData', {'frames': 1})"
    text = "@hookimpl\ndef describe(session): return SessionDocument('xnat:mrSessionData', {}, tuple(%s for s in %s))"
    who, document = calls_of(text % (mine, "session.scans")).describe(STORED, DESCRIBE)
    assert who == "H"
    assert document == SessionDocument(
        "xnat:mrSessionData", {}, tuple(ScanDocument(key, key, "xnat:mrScanData", {"frames": 1}) for key in "ab")
    )
    for scans in ("session.scans[:1]", "session.scans * 2", "()"):
        with pytest.raises(PluginError, match="each must be there once"):
            calls_of(text % (mine, scans)).describe(STORED, DESCRIBE)


def test_extensions_add_fields_and_never_replace_one(calls_of):
    handler = (
        "@hookimpl\ndef describe(session): return SessionDocument('xnat:mrSessionData', {'date': 'mine'}, "
        "tuple(ScanDocument(s.key, s.key, 'xnat:mrScanData', {'frames': 1}) for s in session.scans))"
    )
    adds = (
        "@hookimpl\ndef describe(session): return Fields({'date': 'b', 'note': 'b'}, "
        "{'a': {'frames': 2, 'operator': 'b'}})"
    )
    later = "@hookimpl\ndef describe(session): return Fields({'note': 'c', 'operator': 'c'})"
    who, document = calls_of(handler, b=adds, c=later).describe(STORED, DESCRIBE)
    assert who == "H"
    assert document.fields == {"date": "mine", "note": "b", "operator": "c"}
    assert [scan.fields for scan in document.scans] == [{"frames": 1, "operator": "b"}, {"frames": 1}]
    whole = "@hookimpl\ndef describe(session): return SessionDocument('xnat:mrSessionData')"
    with pytest.raises(PluginError, match="Fields"):
        calls_of(handler, b=whole).describe(STORED, DESCRIBE)


@pytest.mark.parametrize(
    ("scan", "said"),
    [
        ("ScanDocument(s.key, '', 'xnat:mrScanData')", "a scan has no ID"),
        ("ScanDocument(s.key, '1', 'mr')", "a type is not of the form"),
        ("ScanDocument(s.key, '1', 'xnat:mrScanData', {'frames': None})", "field frames: text, int or float"),
        ("ScanDocument(s.key, '1', 'xnat:mrScanData', {}, {1: 1})", "the path of a field"),
        ("s", "scans: a tuple of ScanDocument"),
    ],
)
def test_a_wrong_document_fails(calls_of, scan, said):
    document = f"SessionDocument('xnat:a', {{}}, tuple({scan} for s in session.scans))"
    text = f"@hookimpl\ndef describe(session): return {document}"
    with pytest.raises(PluginError) as caught:
        calls_of(text).describe(STORED, DESCRIBE)
    assert said in caught.value.message


def test_the_first_who_archives_counts_and_nobody_after_is_asked(calls_of):
    a = "@hookimpl\ndef archive(session): return None\n"
    b = "@hookimpl\ndef archive(session, policy): return Conflict('kind', 'detail')\n"
    never = "@hookimpl\ndef archive(session): raise AssertionError\n"
    assert calls_of(never, a=a, b=b, c=never).archive(*ARCHIVE) == ("b", Conflict("kind", "detail"))
    with pytest.raises(PluginError, match="Archived, Conflict or None is wanted, not str"):
        calls_of(a="@hookimpl\ndef archive(session): return '/uri'\n").archive(*ARCHIVE)


def test_announcements_reach_everybody_and_change_nothing(calls_of, log):
    told = "TOLD = []\n@hookimpl\ndef import_finished(outcome):\n    print(outcome.import_id)\n"
    fails = "@hookimpl\ndef import_finished(outcome): raise SystemExit\n"
    late = "@hookimpl\ndef session_archived(archived, session): raise ClientError(session.label)\n"
    calls = calls_of(a=fails, b=told, c=late)
    calls.import_finished(OUTCOME)
    calls.session_archived(Archived("/u"), SESSION_OUTCOME)
    assert ("hook called", "b") in [(event, facts["plugin"]) for event, facts in log.debugs]
    failed = [(facts["plugin"], facts["hook"]) for event, facts in log.errors if event == "announcement failed"]
    assert failed == [("a", "import_finished"), ("c", "session_archived")]


DETECT = "@hookimpl\ndef detect(upload): return {}\n"


@pytest.fixture
def detect_with(handler_of, extension_of, log):
    def detect(**answers):
        handlers = {key: handler_of(DETECT.format(answer)) for key, answer in answers.items()}
        plugins = ExplicitPlugins(handlers | {"silent": handler_of(), "broken": object}, {"e": extension_of()})
        return PluginHost(plugins, Plugins(), log).detect(MemoryUpload(members("a")))

    return detect


def test_the_single_highest_confidence_wins_and_faults_are_no(detect_with, log):
    found = detect_with(
        A="Detection(Confidence.POSSIBLE, 'maybe')",
        B="Detection(Confidence.LIKELY, 'name')",
        C="1 / 0",
        D="'mine'",
        E="None",
    )
    assert found == ("B", Detection(2, "name"))
    assert [facts["plugin"] for event, facts in log.errors if event == "detect failed"] == ["C", "D"]
    assert detect_with(A="None") is None


def test_a_tie_names_both(detect_with):
    likely = "Detection(Confidence.LIKELY, 'x')"
    with pytest.raises(InvalidRequestError, match=r"A and C.*import-handler"):
        detect_with(A=likely, B="Detection(Confidence.POSSIBLE, 'x')", C=likely)


def test_many_threads_get_one_and_the_same_host(handler_of, extension_of, log):
    host = PluginHost(ExplicitPlugins({"H": handler_of()}, {"e": extension_of()}), Plugins(), log)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(host.calls("H"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_no_other_handler_takes_part(handler_of, log):
    other = "@hookimpl\ndef map_destination(session): raise AssertionError\n"
    host = PluginHost(ExplicitPlugins({"A": handler_of(), "B": handler_of(other)}), Plugins(), log)
    before = host.calls("A")
    assert host.calls("B").key == "B"
    assert [who for who, _ in before.map_destination(SESSION, None)] == ["core default"]
