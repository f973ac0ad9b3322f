"""The core's own answers: only reserved facts are read, nothing is guessed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from xnat_import_core import ImportedFile, Proposal, Scan
from xnat_import_core.plugin_host import defaults
from xnat_import_core.testing import incoming_session, stored_session


def file(member, scan, scan_id=None, **facts):
    return ImportedFile(member, "key", Scan(scan, scan_id), "R", f"{member}", facts=facts)


def described(*files):
    return defaults.describe(stored_session(files))


def test_a_destination_is_proposed_from_reserved_facts_only():
    session = incoming_session(
        [file(0, "1", project="P1", subject="S"), file(1, "1", project="P2"), file(2, "1", project="P2", label="no")]
    )
    assert defaults.map_destination(session) == Proposal(("P2", "P1"), ("S",), (), reason="said by the files")


def test_facts_become_fields_by_their_path_and_prefix():
    facts = {
        "scan:series_description": "T1",
        "scan:parameters/tr": 2400.0,
        "scanner/@model": "M",
        "dicom:00081010": "X",
    }
    document = described(file(0, "1", modality="MR", project="P", subject="S", session="E", **facts))
    assert document.fields == {"modality": "MR", "scanner/@model": "M"}
    assert document.scans[0].fields == {"series_description": "T1", "parameters/tr": 2400.0}
    assert (document.type, document.scans[0].type, document.notes) == ("xnat:mrSessionData", "xnat:mrScanData", ())


def test_what_differs_is_left_out_and_noted_without_its_values():
    one, two = {"scan:frames": 1, "operator": "Doe"}, {"scan:frames": 2, "operator": "Roe"}
    document = described(file(0, "1", **one), file(1, "1", **two))
    assert (document.fields, document.scans[0].fields) == ({}, {})
    assert document.notes == (
        "frames of scan 1 is left out: the files differ",
        "operator of the session is left out: the files differ",
    )


def test_types_are_said_or_follow_the_modality_or_are_other():
    assert described(file(0, "1", type="xnat:eegSessionData", **{"scan:type": "xnat:eegScanData"})).type == (
        "xnat:eegSessionData"
    )
    document = described(file(0, "1", modality="CT"), file(1, "2", modality="PT"), file(2, "3", modality="XYZ"))
    assert document.type == "xnat:petSessionData"
    assert [scan.type for scan in document.scans] == ["xnat:ctScanData", "xnat:petScanData", "xnat:otherDicomScanData"]
    assert described(file(0, "1")).type == "xnat:otherDicomSessionData"


def test_a_scan_keeps_the_id_that_it_has_and_the_others_are_numbered():
    document = described(file(0, "b"), file(1, "a"), file(2, "c", "1"), file(3, "d", "T1"))
    assert {scan.key: scan.id for scan in document.scans} == {"a": "2", "b": "3", "c": "1", "d": "T1"}


@settings(max_examples=50)
@given(st.permutations([file(n, f"s{n % 3}", **{"scan:frames": n % 2, "scanner/@model": "M"}) for n in range(6)]))
def test_the_order_of_files_does_not_matter(files):
    assert described(*files) == described(*reversed(files))
    assert len({scan.id for scan in described(*files).scans}) == 3
