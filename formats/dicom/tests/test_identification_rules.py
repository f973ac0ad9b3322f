"""Which project, subject and session headers name (statements 2, 6, 7, and ruling 37)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xnat_import_dicom.identification import assigned, label_from_name

from xnat_import_core import Ignored, Rejected, clean_label


@pytest.mark.parametrize(
    ("comment", "project", "subject", "session"),
    [
        ("Project:P1 Subject:S1 Session:E1", "P1", "S1", "E1"),
        ("project : P-1 ; SUBJECT: s_1,Session:E1", "P-1", "s_1", "E1"),
        ("Project:P.1 Subject:S", "", "S", ""),
        ("XProject:P1", "", "", ""),
        ("Project:P1Subject:S1", "", "", ""),
        ("Project: Subject:S1", "", "S1", ""),
        ("Session:E1 Session:E2", "", "", "E1"),
        ("x Session:E1 Session:E2", "", "", "E2"),
        ("Project:P1\nSubject:S1", "P1", "S1", ""),
        ("Subject:S1 Project:P1\n\nSession:E1", "P1", "S1", "E1"),
        ("Subject:S1\r\nProject:P1\r\nSession:E1", "P1", "S1", "E1"),
    ],
)
def test_2_assignments_in_comments(comment, project, subject, session):
    assert [assigned(keyword, comment) for keyword in ("Project", "Subject", "Session")] == [project, subject, session]


@given(st.text(), st.sampled_from(["Project", "Subject", "Session", "AA"]))
def test_any_comment_gives_a_plain_value_or_none(comment, keyword):
    assert all(c.isascii() and (c.isalnum() or c in "_-") for c in assigned(keyword, comment))


@given(st.text())
def test_a_label_from_a_name_is_never_empty_once_cleaned(name):
    label = label_from_name(name)
    assert label == "" or clean_label(label)


def test_a_long_comment_takes_no_time_out_of_proportion():
    assert assigned("Project", "Project:" * 20000 + " " * 20000 + ".") == ""


def test_1_every_project_candidate_is_offered_in_order(bench, made):
    study = bench.study(
        made(PatientComments="Project:NOSUCH", StudyComments="Project:P3", StudyDescription="P2", AccessionNumber="A")
    )
    assert study.proposal.project == ("NOSUCH", "P3", "P2", "A")


def test_6_a_nameless_object_names_nothing(bench, made):
    study = bench.study(made())
    assert (study.proposal.project, study.proposal.subject, study.proposal.label) == ((), (), ())


@pytest.mark.parametrize(("word", "wish"), [("true", True), ("T", True), ("f", False), ("yes", None)])
def test_7_the_wish_for_archiving(bench, made, word, wish):
    assert bench.study(made(StudyComments=f"AA:{word}")).proposal.auto_archive is wish


def test_labels_that_would_be_underscores_are_no_candidates(bench, made):
    study = bench.study(made(PatientID="***", PatientName="^^"))
    assert (study.proposal.subject, study.proposal.label) == ((), ())


def test_a_name_in_greek_gives_the_patient_id(bench, made):
    study = bench.study(made(SpecificCharacterSet="ISO_IR 192", PatientID="P7", PatientName="Διονυσιος"))
    assert study.proposal.subject == ("P7",)


@pytest.mark.parametrize(
    ("keyword", "what"),
    [
        ("SOPClassUID", "SOP Class UID"),
        ("SOPInstanceUID", "SOP Instance UID"),
        ("StudyInstanceUID", "Study Instance UID"),
    ],
)
def test_objects_without_an_identity_are_rejected_by_name(bench, made, keyword, what):
    assert bench.extract(made(**{keyword: None})) == (Rejected(0, f"object made.dcm contains no {what}"),)


def test_a_text_file_is_rejected_with_the_words_clients_look_for(bench, tmp_path):
    (tmp_path / "notes.txt").write_text("Nothing of DICOM in here. " * 20)
    (record,) = bench.extract(tmp_path)
    assert isinstance(record, Rejected)
    assert record.reason.startswith("unable to read DICOM object notes.txt: ")


def test_a_directory_of_files_is_no_data(bench, shipped):
    (record,) = bench.extract(shipped / "pydicom" / "test_files" / "dicomdirtests" / "DICOMDIR")
    assert isinstance(record, Ignored)


def test_an_object_without_series_uid_is_taken(bench, made):
    study = bench.study(made(SeriesInstanceUID=None, SeriesNumber=4))
    assert list(study.scans) == ["4"]
    assert "@UID" not in study.scans["4"].fields
    assert list(bench.study(made(SeriesInstanceUID=None)).scans) == ["NA"]


def test_wants_of_extensions_become_facts(bench, made):
    (record,) = bench.extract(made(DeviceSerialNumber="D7"), wants=["dicom:00181000", "dicom:oops", "other"])
    assert record.facts["dicom:00181000"] == "D7"
    assert not {"dicom:oops", "other"} & set(record.facts)
