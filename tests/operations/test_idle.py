"""Statement 9: what the rebuilder builds and when; what it archives is in ``test_auto_archive.py``."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import define, field

from xnat_import_core import ServiceBusyError
from xnat_import_core.archive.requests import Entry
from xnat_import_core.models import ArchiveOutcome, ArchivePlan
from xnat_import_core.operations import Rebuilder, due, left_behind
from xnat_import_core.operations.describing import Describer

MINUTE = timedelta(minutes=1)


@define
class Recorder:
    """Archives nothing, remembers what it was asked, and may fail."""

    asked: list[tuple[str, Entry]] = field(factory=list)
    fails: BaseException | None = None

    def archive(self, row, request, principal):
        if self.fails is not None:
            raise self.fails
        self.asked.append((row.name, request.entry))
        plan = ArchivePlan(created=True, project=row.project, subject=row.subject, subject_is_new=True, label=row.name)
        return ArchiveOutcome("/archive/x", "E1", "D1", plan)


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def site(make_site, recorder):
    return make_site(recorder)


@pytest.fixture
def rebuilder(site):
    return Rebuilder(site.store, site.operations, site.service.prearchive, site.owner, minutes=1)


def later(row, by=MINUTE):
    return row.lastmod + by


def test_9_after_the_idle_time_and_not_before(site, rebuilder, study):
    row = site.send(*study["first"])
    assert due(site.store, later(row, MINUTE - timedelta(milliseconds=1)), 1) == []
    assert rebuilder.run(later(row, MINUTE - timedelta(milliseconds=1))) == 0
    assert site.again(row).status == "RECEIVING"
    assert due(site.store, later(row), 1) == [("P", row.timestamp, row.folder)]
    assert rebuilder.run(later(row)) == 1
    assert site.again(row).status == "READY"
    site.check(site.again(row))
    assert site.deeds() == [("idle-build", "done")]
    assert rebuilder.run(later(row, 100 * MINUTE)) == 0


def test_9_data_that_arrive_start_the_time_anew(site, study):
    row = site.send(*study["first"])
    joined = site.send(*study["second"])
    assert joined.uri == row.uri
    assert joined.lastmod > row.lastmod
    assert due(site.store, later(joined) - timedelta(milliseconds=1), 1) == []
    assert len(due(site.store, later(joined), 1)) == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"prevent_auto_commit": True},
        {"source": "uploader"},
        {"source": "Uploader"},
        {"locked_by": "an import that is adding a file", "before": "RECEIVING"},
        {"status": "READY"},
        {"status": "CONFLICT"},
        {"status": "ERROR"},
        {"status": "BUILDING", "locked_by": "x", "before": "RECEIVING"},
    ],
    ids=str,
)
def test_9_never(site, rebuilder, study, columns):
    row = site.send(*study["first"])
    site.put(row, **columns)
    assert rebuilder.run(later(row, 100 * MINUTE)) == 0
    assert site.deeds() == []


def test_sessions_of_unassigned_are_built_too(site, rebuilder, study, recorder):
    row = site.send(*study["first"], project=None, dest="/prearchive/projects/Unassigned")
    site.put(row, status="RECEIVING", wish="true")
    assert rebuilder.run(later(row)) == 1
    assert site.again(row).status == "READY"
    assert recorder.asked == []


def test_one_that_fails_keeps_nobody_from_being_built(site, rebuilder, study, monkeypatch):
    bad = site.send(*study["other"], session="BAD")
    good = site.send(*study["first"], session="GOOD")
    (site.folder(bad) / "SCANS/2/DICOM" / study["other"][0].name).unlink()
    assert rebuilder.run(later(good)) == 2
    assert (site.again(bad).status, site.again(good).status) == ("ERROR", "READY")
    assert rebuilder.run(later(good)) == 0, "an error waits for a person"


def test_somebody_who_was_faster_is_no_fault(site, rebuilder, study, monkeypatch):
    row = site.send(*study["first"])
    monkeypatch.setattr("xnat_import_core.operations.idle.due", lambda *_: [("P", row.timestamp, row.folder)])
    site.put(row, locked_by="x", status="MOVING", before="RECEIVING")
    assert rebuilder.run(later(row)) == 1
    assert site.columns(row).status == "MOVING"


@pytest.mark.parametrize(("code", "asked"), [(0, 0), (4, 1), (5, 1), (11, 1)])
def test_the_project_s_code_says_what_is_archived(site, rebuilder, recorder, study, code, asked):
    site.service.projects.set_code("P", code)
    row = site.send(*study["first"], session="S1")
    rebuilder.run(later(row))
    assert recorder.asked == [("S1", Entry.REBUILDER)] * asked


def test_a_wish_wins_over_the_code(site, rebuilder, recorder, study):
    site.service.projects.set_code("P", 4)
    row = site.send(*study["first"], AA="false")
    rebuilder.run(later(row))
    assert (site.again(row).status, recorder.asked) == ("READY", [])


def test_pet_is_separated_from_mr_and_both_are_archived(site, rebuilder, recorder, pet_mr):
    site.put_project("P", separate_pet_mr="separate", code=4)
    row = site.send(*pet_mr, session="X")
    assert rebuilder.run(later(row)) == 1
    assert recorder.asked == [("X_MR", Entry.REBUILDER), ("X_PET", Entry.REBUILDER)]
    assert {each.name for each in site.service.prearchive.rows()} == {"X_MR", "X_PET"}


class TestLeftBehind:
    """A service that stops between build and archive archives after its next start."""

    @pytest.fixture
    def stopped(self, site, rebuilder, recorder, study):
        site.service.projects.set_code("P", 4)
        row = site.send(*study["first"], session="S1")

        recorder.fails = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            rebuilder.run(later(row))
        recorder.fails = None
        assert site.again(row).status == "READY"
        return site.again(row)

    def test_it_is_archived_by_the_next_run(self, site, rebuilder, recorder, stopped):
        assert left_behind(site.store) == [("P", stopped.timestamp, stopped.folder)]
        assert rebuilder.run(stopped.lastmod) == 1
        assert recorder.asked == [("S1", Entry.REBUILDER)]

    def test_not_what_a_person_has_built(self, site, rebuilder, recorder, stopped):
        site.operations.build(stopped, site.owner)
        assert rebuilder.run(stopped.lastmod + 100 * MINUTE) == 0
        assert recorder.asked == []

    def test_not_what_was_refused(self, site, rebuilder, recorder, stopped):
        site.put(stopped, status="CONFLICT")
        assert rebuilder.run(stopped.lastmod) == 0

    def test_not_in_a_project_that_waits_for_persons(self, site, stopped):
        site.put(stopped, autoarchive="Manual")
        assert left_behind(site.store) == []

    def test_halves_too(self, site, rebuilder, recorder, pet_mr):
        site.put_project("P", separate_pet_mr="separate", code=4)
        row = site.send(*pet_mr, session="X")

        recorder.fails = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            rebuilder.run(later(row))
        recorder.fails = None
        assert rebuilder.run(row.lastmod) == 2
        assert sorted(name for name, _ in recorder.asked) == ["X_MR", "X_PET"]

    def test_a_busy_database_is_asked_again(self, site, rebuilder, recorder, stopped):
        recorder.fails = ServiceBusyError("The database is busy; try again.")
        assert rebuilder.run(stopped.lastmod) == 1
        recorder.fails = None
        assert rebuilder.run(stopped.lastmod) == 1
        assert len(recorder.asked) == 1


def test_8_data_that_come_while_the_rebuilder_builds_are_in_the_document(site, rebuilder, study, monkeypatch):
    row = site.send(*study["first"])
    described = []

    def describe(self, contents, real=Describer.describe, **preferences):
        described.append(len(contents.scans))
        if len(described) == 1:
            site.send(*study["second"])
        return real(self, contents, **preferences)

    monkeypatch.setattr(Describer, "describe", describe)
    rebuilder.run(later(row))
    assert described == [1, 2]
    assert (site.again(row).status, site.again(row).built) == ("READY", 2)
    site.check(site.again(row))
