"""Merging into an experiment: files, scans, numbers, metadata (chapter 8.5 to 8.7; statements 21 to 25, 31)."""

from __future__ import annotations

import pytest

from xnat_import_core import Compat, Preferences
from xnat_import_core.documents import read_catalog, read_session_xml
from xnat_import_core.errors import ArchiveConflictError, StorageError


def scan_of(document, scan_id):
    return next(scan for scan in document.scans if scan.id == scan_id)


def test_21_eleven_files_and_five_are_sixteen_in_one_catalog(site, frames):
    site.store(frames(*range(1, 12)))
    found = site.store(frames(*range(12, 17)), "append")
    folder = site.archive.file(found, "1", "DICOM", "A001.dcm").parent
    assert len(read_catalog(folder / "scan_1_catalog.xml").entries) == 16
    scan = scan_of(read_session_xml(site.archive.document(found)), "1")
    assert (scan.resources[0].file_count, scan.fields["frames"]) == (16, "16")
    assert [record.name for record in site.archive.workflows(found) if "AutoRun" not in record.name] == [
        "Transferred", "Merged",
    ]  # fmt: skip
    site.check()


def test_22_delete_replaces_what_is_in_common_and_deletes_nothing_else(site, frames):
    first = site.store(frames(*range(1, 12)))
    old = site.archive.file(first, "1", "DICOM", "A011.dcm").read_bytes()
    new = frames(11, version=2) | frames(*range(12, 17))
    found = site.store(new, "delete")
    assert site.scans(found) == {"1": 16}
    assert site.archive.file(found, "1", "DICOM", "A011.dcm").read_bytes() == new["A011.dcm"] != old
    assert next(site.tree.trash.rglob("A011.dcm")).read_bytes() == old
    catalog = site.archive.file(found, "1", "DICOM", "A011.dcm").with_name("scan_1_catalog.xml")
    entry = next(each for each in read_catalog(catalog).entries if each.uri == "A011.dcm")
    records = {record.name: record.id for record in site.archive.workflows(found)}
    assert (entry.created.event, entry.modified.event) == (records["Transferred"], records["Merged"])
    site.check()


def test_22_an_instance_under_another_name_replaces_the_archived_one(site, frames):
    site.store(frames(1, 2))
    found = site.store({"renamed.dcm": frames(2, version=2)["A002.dcm"]}, "append+files")
    assert site.files(found, "1") == {"A001.dcm", "renamed.dcm"}
    site.check()


def test_22_identical_files_among_new_ones(make_site, frames):
    site = make_site(compat=Compat(identical_files="accept"))
    site.store(frames(1, 2, 3))
    row = site.send(frames(2, 3, 4))
    plan = site.plan(row, "append")
    assert plan.added == ("SCANS/1/DICOM/A004.dcm",)
    assert plan.same == ("SCANS/1/DICOM/A002.dcm", "SCANS/1/DICOM/A003.dcm")
    outcome = site.put(row, "append")
    assert outcome.plan == plan
    assert site.scans(site.archive.find(outcome.experiment)) == {"1": 4}
    site.check()


def test_23_a_number_that_is_taken_gets_a_suffix_and_keeps_it(site, frames):
    site.store(frames(2))
    found = site.store(frames(1, series="B"), "append")
    assert site.scans(found) == {"1": 1, "1-MR1": 1}
    plan = site.plan(site.send(frames(2, series="B", prefix="later")), "append")
    assert (plan.renamed_scans, plan.added) == ({"1": "1-MR1"}, ("SCANS/1-MR1/DICOM/laterB002.dcm",))
    site.put(site.service.prearchive.rows()[0], "append")
    found = site.store(frames(3, 4), "append")
    assert site.scans(found) == {"1": 3, "1-MR1": 2}
    assert {path.name for path in (site.tree.experiment_folder("P", "arc001", "SESS") / "SCANS").iterdir()} == {
        "1", "1-MR1",
    }  # fmt: skip
    site.check()


def test_23_a_third_series_of_one_number_and_one_of_a_number_above_nine(site, frames):
    site.store(frames(1, scan=12))
    site.store(frames(1, series="B", scan=12), "append")
    found = site.store(frames(1, series="C", scan=12), "append")
    assert site.scans(found) == {"12": 1, "12-MR1": 1, "12-MR2": 1}
    site.check()


def test_23_two_series_of_one_number_sent_at_once_join_those_that_are_there(site, frames):
    """In their own session they are 1-MR1 and 1-MR2; in the archive they are what they were there."""
    site.store(frames(1))
    site.store(frames(1, series="B"), "append")
    row = site.send(frames(2) | frames(2, series="B"))
    assert {scan.id for scan in site.service.prearchive.scans(row)} == {"1-MR1", "1-MR2"}
    found = site.archive.find(site.put(row, "append").experiment)
    assert site.scans(found) == {"1": 2, "1-MR1": 2}
    site.check()


def test_24_delete_adds_to_the_scan_that_has_the_series(site, frames):
    site.store(frames(1, 2))
    row = site.send(frames(3, scan=7))
    with pytest.raises(ArchiveConflictError, match=r"same UID, but a different number \(1\)") as caught:
        site.put(row, "append+files")
    assert [(each.kind, each.existing, each.incoming) for each in caught.value.conflicts] == [("scan_number", "1", "7")]
    found = site.archive.find(site.put(site.again(row), "delete").experiment)
    assert site.scans(found) == {"1": 3}
    site.check()


def test_25_another_study_under_delete_is_recorded(site, frames):
    site.store(frames(1))
    found = site.store(frames(1, study="another", scan=2), "delete")
    names = [record.name for record in site.archive.workflows(found)]
    assert [name for name in names if "AutoRun" not in name] == ["Transferred", "Merged", "Merged UIDs"]
    assert site.archive.experiments(tag=site.archive.experiments()[0].tag) == [found]
    site.check()
    again = site.store(frames(2, study="another", scan=2), "append")
    assert site.scans(again) == {"1": 1, "2": 2}, "its study is one of the session's now"
    site.check()


def test_26_the_type_stays_the_archived_ones(site, frames):
    site.store(frames(1))
    found = site.with_rules(prevent_cross_modality=False).store(frames(1, series="B", scan=2, modality="CT"), "append")
    document = read_session_xml(site.archive.document(found))
    assert (found.type, document.type, scan_of(document, "2").type) == (
        "xnat:mrSessionData", "xnat:mrSessionData", "xnat:ctScanData",
    )  # fmt: skip
    site.check()


def test_31_what_was_set_by_hand_survives(site, frames):
    found = site.store(frames(1, 2))
    path = site.archive.document(found)
    text = path.read_text()
    text = text.replace("2024-01-31</xnat:date>", "1999-12-31</xnat:date>")
    text = text.replace("<xnat:quality>usable<", "<xnat:quality>questionable<")
    path.write_text(text)
    found = site.store(frames(3) | frames(1, series="B", scan=2), "append")
    document = read_session_xml(site.archive.document(found))
    assert document.fields["date"] == "1999-12-31"
    scan = scan_of(document, "1")
    assert (scan.fields["quality"], scan.fields["frames"]) == ("questionable", "3")
    assert scan_of(document, "2").fields["quality"] == "usable"
    site.check()


def test_31_values_of_the_archived_session_win_and_new_ones_are_added(site, frames):
    first = site.store(frames(1, date="20240131"))
    before = read_session_xml(site.archive.document(first)).fields
    found = site.store(frames(1, series="B", scan=2, date="20250228"), "append")
    after = read_session_xml(site.archive.document(found)).fields
    assert {name: value for name, value in after.items() if before.get(name, value) != value} == {}
    site.check()


def test_a_merge_moves_only_what_is_new(site, frames):
    """The cost is that of the new files: nothing of an old scan is moved or written, its catalog neither."""
    found = site.store(frames(*range(1, 30)))
    folder = site.archive.file(found, "1", "DICOM", "A001.dcm").parent
    before = {path.name: path.stat() for path in folder.iterdir()}
    site.store(frames(1, series="B", scan=2), "append")
    after = {path.name: path.stat() for path in folder.iterdir()}
    assert {name: (stat.st_ino, stat.st_ctime_ns) for name, stat in after.items()} == {
        name: (stat.st_ino, stat.st_ctime_ns) for name, stat in before.items()
    }
    site.check()


def test_a_document_edited_into_nonsense_is_named_and_nothing_is_lost(site, frames, whole):
    found = site.store(frames(1))
    site.archive.document(found).write_text("<this is no document")
    before = whole.archive_bytes(site.service)
    row = site.send(frames(2))
    with pytest.raises(StorageError, match="document of the archived session SESS is damaged"):
        site.put(row, "append")
    assert whole.archive_bytes(site.service) == before
    assert site.again(row).status == "ERROR"


def test_a_catalog_cut_short_is_named_and_nothing_is_lost(site, frames):
    row = site.send(frames(1, 2))
    catalog = site.service.prearchive.file(row, "1", "DICOM", "A001.dcm").with_name("scan_1_catalog.xml")
    catalog.write_bytes(catalog.read_bytes()[:100])
    with pytest.raises(Exception, match=r"scan_1_catalog.xml is no well-formed XML"):
        site.put(row)
    assert site.scans(site.archive.find(site.put(site.again(row), "delete").experiment)) == {"1": 2}
    site.check()


def test_a_damaged_catalog_in_the_archive_is_written_anew_from_the_rows(site, frames):
    found = site.store(frames(1, 2))
    site.archive.file(found, "1", "DICOM", "A001.dcm").with_name("scan_1_catalog.xml").write_text("<cut")
    site.store(frames(3), "append")
    site.check()


def test_a_number_that_is_another_series_is_no_reason_to_refuse_a_series_that_is_there(site, frames):
    site.store(frames(1) | frames(1, series="B", scan=2))
    row = site.send(frames(2, scan=2))
    assert site.plan(row, "append").renamed_scans == {"2": "1"}
    assert site.scans(site.archive.find(site.put(row, "append").experiment)) == {"1": 2, "2": 1}
    site.check()


def test_where_uids_do_not_tell_files_apart_names_do(make_site, frames):
    site = make_site(preferences=Preferences(use_sop_instance_uid=False))
    site.store(frames(1, 2))
    found = site.store({"A002.dcm": frames(3)["A003.dcm"], "other.dcm": frames(1)["A001.dcm"]}, "append+files")
    assert site.files(found, "1") == {"A001.dcm", "A002.dcm", "other.dcm"}
    site.check()


def test_processes_digest_as_threads_do(make_site, frames):
    site = make_site(workers=1)
    site.store(frames(*range(1, 6)))
    site.store(frames(6, 7), "append")
    site.check()


def test_secondary_captures_are_a_resource_of_their_own(site, frames):
    site.store(frames(1, 2) | frames(3, modality="secondary"))
    found = site.store(frames(4, modality="secondary") | frames(5), "append")
    assert {each.label: each.file_count for each in site.archive.resources(found, "1")} == {"DICOM": 3, "secondary": 2}
    site.check()


def test_the_name_of_another_instance_is_not_taken_away(site, frames):
    site.store(frames(1))
    row = site.send({"A001.dcm": frames(2)["A002.dcm"]})
    words = "^A DICOM file with the same name but different UID already exists. There is no way to override"
    with pytest.raises(ArchiveConflictError, match=words):
        site.put(row, "delete")
    site.put(site.again(row), label="ANOTHER")
    site.check()
