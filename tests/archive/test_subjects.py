"""Subjects and IDs (chapter 8.4, ruling 10; statement 32)."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from xnat_import_core import InvalidRequestError, StorageError, XnatImportError
from xnat_import_core.archive import ArchiveRequest, finishing
from xnat_import_core.errors import ArchiveConflictError


def test_32_a_subject_is_found_whatever_its_case(site, frames):
    first = site.store(frames(1, subject="ABC", label="ONE", study="one"))
    second = site.store(frames(1, subject="abc", label="TWO", study="two"))
    assert first.subject_id == second.subject_id
    assert second.subject_label == "ABC"
    assert second.uri == "/archive/projects/P/subjects/ABC/experiments/TWO"
    site.check()


def test_32_a_label_in_another_project_is_another_subject(site, frames):
    first = site.store(frames(1, label="ONE", study="one"))
    row = site.send(frames(1, label="TWO", study="two"), project="Q")
    second = site.archive.find(site.put(row).experiment)
    assert first.subject_id != second.subject_id
    assert [subject.label for subject in site.archive.subjects("Q")] == ["SUBJ"]


def test_a_subject_is_found_by_its_id_in_its_project_only(site, frames):
    first = site.store(frames(1, label="ONE", study="one"))
    second = site.store(frames(1, label="TWO", study="two"), subject=first.subject_id)
    assert second.subject_id == first.subject_id
    row = site.send(frames(1, label="THREE", study="three"), project="Q")
    third = site.archive.find(site.put(row, subject=first.subject_id).experiment)
    assert (third.subject_id != first.subject_id, third.subject_label) == (True, first.subject_id)


def test_ids_are_numbered_from_one_with_the_site_in_front(make_site, frames):
    site = make_site(site_id="My 'Site'-1")
    found = site.store(frames(1))
    assert (found.id, found.subject_id) == ("MySite_1_E00001", "MySite_1_S00001")


def test_an_id_that_somebody_brought_is_passed_over(site, frames):
    site.store(frames(1))
    with site.service.database.write() as connection:
        connection.exec_driver_sql("UPDATE counter SET value = 0")
    found = site.store(frames(1, label="TWO", study="two", subject="OTHER"))
    assert (found.id, found.subject_id) == ("XNAT_E00002", "XNAT_S00002")


@pytest.mark.timeout(300)
def test_32_twenty_at_once_make_one_subject_and_twenty_ids(site, frames):
    rows = [site.send(frames(1, label=f"SESS{number}", study=f"study {number}")) for number in range(20)]
    with ThreadPoolExecutor(20) as threads:
        outcomes = list(threads.map(lambda row: site.archiver.archive(row, ArchiveRequest(), site.owner), rows))
    assert len(site.archive.subjects("P")) == 1
    ids = {outcome.experiment for outcome in outcomes}
    assert len(ids) == 20
    assert all(re.fullmatch(r"XNAT_E000[0-9]{2}", each) for each in ids)
    assert sum(outcome.plan.subject_is_new for outcome in outcomes) == 1
    site.check()


@pytest.mark.timeout(300)
def test_of_several_sessions_of_one_label_one_is_archived(site, frames):
    rows = [site.send(frames(1, study=f"study {number}", scan=number)) for number in range(6)]

    def archive(row):
        try:
            return site.archiver.archive(row, ArchiveRequest(), site.owner)
        except XnatImportError as error:
            return error

    with ThreadPoolExecutor(6) as threads:
        ends = list(threads.map(archive, rows))
    assert sum(hasattr(end, "experiment") for end in ends) == 1
    refused = [end for end in ends if not hasattr(end, "experiment")]
    assert {end.status for end in refused} == {409}
    assert sorted(row.status for row in site.service.prearchive.rows()) == ["CONFLICT"] * 5
    site.check()


@pytest.mark.parametrize("bad", ["../x", "", "/", "x" * 300])
def test_a_subject_that_is_no_label_is_refused(site, frames, bad):
    row = site.send(frames(1, subject=""))
    with pytest.raises(InvalidRequestError):
        site.put(row, subject=bad or None)
    assert site.archive.subjects("P") == []
    assert site.again(row).status == "ERROR"


def test_what_is_only_finished_at_the_next_start_keeps_its_subject_and_its_label(site, frames, monkeypatch):
    def failing(database, tree, deed, finisher):
        deed.staging.release()
        message = "the disk is gone"
        raise StorageError(message)

    monkeypatch.setattr(finishing, "finish", failing)
    first = site.send(frames(1, label="ONE", study="one"))
    with pytest.raises(StorageError, match="next start of the service ends it"):
        site.put(first)
    assert site.again(first).shown_status == "_ARCHIVING"
    monkeypatch.undo()
    second = site.put(site.send(frames(1, label="TWO", study="two")))
    assert not second.plan.subject_is_new
    rival = site.send(frames(1, label="ONE", study="another"))
    with pytest.raises(ArchiveConflictError, match="Destination session in use"):
        site.put(rival)
    site.service.close()
    site.service.start()
    assert {row.label: row.subject_id for row in site.archive.experiments()} == {
        "ONE": "XNAT_S00001", "TWO": "XNAT_S00001",
    }  # fmt: skip
    assert len(site.archive.subjects("P")) == 1
    site.check()
