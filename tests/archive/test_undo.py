"""Undo: an archiving or a merge is taken back for a set time, exactly; refused with the reason where it cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from xnat_import_core import NotFoundError, SessionConflictError
from xnat_import_core.archive import Standing
from xnat_import_core.documents import read_session_xml


def prearchive_bytes(site):
    root = site.tree.prearchive
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_an_archiving_is_taken_back(site, frames):
    row = site.send(frames(1, 2) | frames(1, series="B", scan=2))
    before = prearchive_bytes(site)
    outcome = site.put(row)
    assert site.archiver.undo(outcome.deed, site.owner) == row.uri
    again = site.again(row)
    assert evolve(again, lastmod=row.lastmod) == row
    assert prearchive_bytes(site) == before
    assert site.archive.experiments() == []
    assert site.archive.subjects("P") == []
    site.check()
    found = site.archive.find(site.put(again).experiment)
    assert (found.id, site.scans(found)) == ("XNAT_E00002", {"1": 2, "2": 1})
    site.check()


MERGES = {
    "files of an old scan": (
        {"1": 13},
        lambda frames: frames(3, version=2) | frames(5) | frames(12, 13),
    ),
    "new scans, one renumbered": (
        {"1": 11, "1-MR1": 2, "3": 1},
        lambda frames: frames(1, 2, series="B") | frames(1, series="C", scan=3),
    ),
    "all there already": ({"1": 11}, lambda frames: frames(1, 2)),
}


@pytest.mark.parametrize("way", ["append+files", "delete"])
@pytest.mark.parametrize("merge", MERGES)
def test_a_merge_is_taken_back(site, frames, whole, merge, way):
    scans, members = MERGES[merge]
    site.store(frames(*range(1, 12)))
    row = site.send(members(frames))
    before = prearchive_bytes(site), whole.archive_bytes(site.service), whole.archive_rows(site.service)
    outcome = site.put(row, way)
    assert site.scans(site.archive.find(outcome.experiment)) == scans
    site.check()
    assert site.archiver.undo(outcome.deed, site.owner) == row.uri
    assert evolve(site.again(row), lastmod=row.lastmod) == row
    after = prearchive_bytes(site), whole.archive_bytes(site.service), whole.archive_rows(site.service)
    assert after[:2] == before[:2]
    old, new = before[2].pop("workflow"), after[2].pop("workflow")
    assert after[2] == before[2]
    assert [record for record in new if record in old] == old
    assert all("undone by" in str(record) for record in new if record not in old)
    site.check()
    assert site.scans(site.archive.find(site.put(site.again(row), way).experiment)) == scans
    site.check()


def test_merges_are_taken_back_one_after_the_other_the_last_one_first(site, frames):
    first = site.put(site.send(frames(1)))
    second = site.put(site.send(frames(2)), "append")
    third = site.put(site.send(frames(1, series="B", scan=2)), "append")
    for early in (first, second):
        with pytest.raises(SessionConflictError, match=rf"{third.deed} \(merge, .*\) built on it; undo that first"):
            site.archiver.undo(early.deed, site.owner)
    for outcome, scans in ((third, {"1": 2}), (second, {"1": 1})):
        site.archiver.undo(outcome.deed, site.owner)
        assert site.scans(site.archive.find("SESS", "P")) == scans
        site.check()
    site.archiver.undo(first.deed, site.owner)
    assert site.archive.experiments() == []
    assert len(site.service.prearchive.rows()) == 3
    site.check()


def test_what_cannot_be_taken_back_says_why(site, frames):
    outcome = site.put(site.send(frames(1)))
    found = site.archive.find(outcome.experiment)

    def refused(words):
        with pytest.raises(SessionConflictError, match=words):
            site.archiver.undo(outcome.deed, site.owner)
        assert site.scans(found) == {"1": 1}

    site.archiver.set_standing(found.id, Standing.LOCKED, site.owner)
    refused("is locked")
    site.archiver.set_standing(found.id, Standing.ACTIVE, site.owner)
    document = site.archive.document(found)
    text = document.read_text()
    document.write_text(text.replace("2024-01-31", "1999-12-31"))
    refused("document of the archived session was changed since")
    document.write_text(text)
    with site.service.database.write() as connection:
        connection.exec_driver_sql("UPDATE deed SET undo_until = '2020-01-01 00:00:00.000000'")
    refused("time in which it could be taken back is over")
    with pytest.raises(NotFoundError):
        site.archiver.undo("no such deed", site.owner)
    site.check()


def test_an_undo_is_not_undone_twice(site, frames):
    outcome = site.put(site.send(frames(1)))
    site.archiver.undo(outcome.deed, site.owner)
    with pytest.raises(SessionConflictError, match="taken back already"):
        site.archiver.undo(outcome.deed, site.owner)
    site.check()


def test_a_place_in_the_prearchive_that_is_taken_meanwhile(site, frames):
    dest = "/prearchive/projects/P/20240305_091244031/HERE"
    outcome = site.put(site.send(frames(1), dest=dest))
    site.send(frames(1, study="another"), dest=dest)
    with pytest.raises(SessionConflictError, match=r"20240305_091244031/HERE in the prearchive is another session"):
        site.archiver.undo(outcome.deed, site.owner)
    site.check()


def test_a_subject_that_others_have_stays(site, frames):
    first = site.put(site.send(frames(1, label="ONE", study="one")))
    second = site.put(site.send(frames(1, label="TWO", study="two")))
    site.archiver.undo(first.deed, site.owner)
    assert [subject.label for subject in site.archive.subjects("P")] == ["SUBJ"]
    site.archiver.undo(second.deed, site.owner)
    assert len(site.archive.subjects("P")) == 1, "the second did not make it"
    site.check()


def test_what_is_kept_for_an_undo_expires(site, frames, whole):
    site.store(frames(1, 2))
    outcome = site.put(site.send(frames(2, version=2) | frames(3)), "delete")
    assert [path.name for path in site.tree.trash.rglob("A002.dcm")]
    assert site.archiver.expire(datetime.now(UTC)) == 0
    assert site.archiver.expire(datetime.now(UTC) + timedelta(days=31)) == 2
    assert not list(site.tree.trash.rglob("*.dcm"))
    with site.service.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM file WHERE trashed_by IS NOT NULL").scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM session").scalar() == 1
    with pytest.raises(SessionConflictError, match="is over"):
        site.archiver.undo(outcome.deed, site.owner)
    site.check()


def test_the_original_document_comes_back_to_the_prearchive(site, frames):
    row = site.send(frames(1))
    outcome = site.put(row, fields={"xnat:mrSessionData/note": "seen by me"})
    found = site.archive.find(outcome.experiment)
    assert read_session_xml(site.archive.document(found)).fields["note"] == "seen by me"
    site.archiver.undo(outcome.deed, site.owner)
    assert "note" not in read_session_xml(site.service.prearchive.document(site.again(row))).fields
