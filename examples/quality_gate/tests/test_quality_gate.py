from __future__ import annotations

import logging
from pathlib import Path

import pytest
from xnat_import_quality_gate import gate

from xnat_import_core import (
    Archived,
    ArchivePolicy,
    ArchiveSession,
    Destination,
    Fate,
    Handler,
    Ignored,
    ImportedFile,
    ImportRequest,
    Outcome,
    Plugins,
    Refused,
    Rejected,
    Scan,
    SessionOutcome,
    Space,
    StagedFile,
    TransformContext,
    hookimpl,
)
from xnat_import_core.plugin_host import ExplicitPlugins, PluginHost
from xnat_import_core.testing import incoming_session

PLACE = Destination(Space.PREARCHIVE, "P", "S", "E")
TRANSFORM = TransformContext(PLACE, b"key", ImportRequest())


class AnyHandler:
    HANDLER = Handler(summary="stands in for any handler")

    @hookimpl
    def extract(self, members):
        return tuple(Ignored(member.index, "not asked here") for member in members)


@pytest.fixture
def calls():
    return PluginHost(ExplicitPlugins({"any": AnyHandler()}, {"quality-gate": gate}), Plugins()).calls("any")


def series(key, promised, count, first=0):
    facts = {gate.IMAGES_IN_ACQUISITION: promised} if promised else {}
    return [ImportedFile(first + n, "study", Scan(key), "DICOM", f"{n}", facts=facts) for n in range(count)]


def test_it_answers_every_hook_that_it_is_an_example_of():
    (_, report) = PluginHost(ExplicitPlugins({"any": AnyHandler()}, {"quality-gate": gate}), Plugins()).reports()
    assert (report.error, report.hooks) == (
        "",
        ("review_session", "transform_files", "archive", "import_finished", "session_archived"),
    )


def test_an_incomplete_series_is_filtered_and_the_others_stay(calls):
    assert calls.wants == {gate.IMAGES_IN_ACQUISITION}
    files = [
        *series("short", "3", 2),
        *series("whole", "2", 2, 10),
        *series("silent", "", 1, 20),
        *series("odd", "x", 1, 30),
    ]
    refused = calls.review_session(incoming_session(files), PLACE)
    assert refused == (("quality-gate", Refused("series looks incomplete: 2 of 3 images", scan="short")),)


def staged(tmp_path, *contents):
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    return tuple(StagedFile(n, tmp_path / str(n), f"{n}.dcm", "1", "DICOM", "DICOM", "") for n in range(len(contents)))


def test_a_preamble_that_is_a_program_is_cleared_and_nothing_else(calls, tmp_path):
    program = b"MZ" + b"\x90" * 126 + b"DICM" + b"pixels"
    tiff = b"II*\0" + b"\0" * 124 + b"DICM" + b"pixels"
    no_dicom = b"MZ" + b"\x90" * 200
    files = staged(tmp_path, program, tiff, no_dicom)
    assert calls.has_transform
    assert calls.transform_files(files, TRANSFORM) == ()
    assert [file.path.read_bytes() for file in files] == [b"\0" * 128 + b"DICMpixels", tiff, no_dicom]


def test_an_empty_file_is_rejected(calls, tmp_path):
    files = staged(tmp_path, b"", b"something")
    assert calls.transform_files(files, TRANSFORM) == (("quality-gate", Rejected(0, "the file is empty")),)


def test_phantoms_are_not_archived(calls):
    def archive(label):
        return calls.archive(ArchiveSession("/uri", "P", "S", label, "study", Path("E")), ArchivePolicy())

    assert archive("E1") is None
    who, conflict = archive("QA_Phantom_7")
    assert (who, conflict.kind) == ("quality-gate", "phantom")


def test_what_came_in_is_counted_in_the_log(calls, caplog):
    caplog.set_level(logging.INFO)
    session = SessionOutcome("/u", "P", "Doe", "E", "T", "E", "study", "READY", 2, 3, 0, joined=False)
    calls.import_finished(
        Outcome("I1", "any", planned=False, sessions=(session,), counts={Fate.STORED: 3, Fate.IGNORED: 1})
    )
    calls.session_archived(Archived("/archive/experiments/E1"), session)
    mine = [record.message for record in caplog.records if record.name.startswith("xnat_import_quality_gate")]
    assert mine == ["import I1: 3 of 4 members stored", "archived as /archive/experiments/E1 with 2 scans"]
