"""Statements 10 and 11 as decisions: who says that a session is archived, and with what it is asked for."""

from __future__ import annotations

import pytest
from attrs import define, field

from xnat_import_core.archive.requests import ArchiveRequest, Entry
from xnat_import_core.models import ArchiveOutcome, ArchivePlan
from xnat_import_core.operations import CommitRequest


@define
class Recorder:
    """Archives nothing, and remembers what it was asked."""

    asked: list[tuple[str, ArchiveRequest]] = field(factory=list)

    def archive(self, row, request, principal):
        self.asked.append((row.uri, request))
        plan = ArchivePlan(created=True, project=row.project, subject=row.subject, subject_is_new=True, label=row.name)
        return ArchiveOutcome(f"/archive/projects/{row.project}/experiments/{row.name}", "E1", "D1", plan)


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def site(make_site, recorder):
    return make_site(recorder)


def wish(site, row, said):
    """As if it had been sent with ``AA``."""
    columns = {"wish": said, "policy_origin": "AA of the request"}
    site.put(row, autoarchive="AutoArchive" if said == "true" else "Manual", **columns)


@pytest.mark.parametrize(
    ("code", "sent", "committed", "archived", "why"),
    [
        (0, None, None, False, "prearchive_code 0 of the project"),
        (0, None, True, True, "AA of the request"),
        (0, "true", None, True, "AA of the request"),
        (0, "true", False, False, "AA of the request"),
        (4, None, None, True, "prearchive_code 4 of the project"),
        (4, None, False, False, "AA of the request"),
        (4, "false", None, False, "AA of the request"),
        (5, None, None, True, "prearchive_code 5 of the project"),
        (11, None, None, True, "prearchive_code 11 of the project"),
        (11, "false", None, False, "AA of the request"),
    ],
)
def test_11_a_commit(site, recorder, study, code, sent, committed, archived, why):
    site.service.projects.set_code("P", code)
    row = site.send(*study["first"], session="S1")
    if sent is not None:
        wish(site, row, sent)
    outcome = site.operations.commit(row, site.owner, CommitRequest(auto_archive=committed))
    assert (outcome.archived, outcome.why) == (archived, why)
    if archived:
        assert outcome.uri == "/archive/projects/P/experiments/S1"
        assert recorder.asked == [(row.uri, ArchiveRequest(entry=Entry.COMMIT))]
    else:
        assert outcome.uri == row.uri
        assert recorder.asked == []
    assert site.again(row).status == "READY", "the recorder archives nothing"


def test_11_a_code_that_was_set_after_the_session_came_does_not_count(site, study):
    row = site.send(*study["first"])
    site.service.projects.set_code("P", 4)
    assert not site.operations.commit(row, site.owner).archived


def test_10_a_session_without_project_is_never_archived(site, study):
    row = site.send(*study["first"], project=None, dest="/prearchive/projects/Unassigned")
    wish(site, row, "true")
    outcome = site.operations.commit(row, site.owner, CommitRequest(auto_archive=True))
    assert (outcome.uri, outcome.archived, outcome.why) == (row.uri, False, "no project")


def test_a_build_never_archives(site, recorder, study):
    site.service.projects.set_code("P", 4)
    row = site.send(*study["first"])
    wish(site, row, "true")
    site.operations.build(row, site.owner)
    assert recorder.asked == []


def test_what_the_commit_asks_for_goes_to_the_archive(site, recorder, study):
    row = site.send(*study["first"])
    asked = ArchiveRequest(label="L", quarantine=True, entry=Entry.COMMIT)
    site.operations.commit(row, site.owner, CommitRequest(auto_archive=True, archive=asked))
    assert recorder.asked == [(row.uri, asked)]


def test_both_halves_of_pet_with_mr_are_archived(site, recorder, pet_mr):
    site.put_project("P", separate_pet_mr="separate", code=4)
    row = site.send(*pet_mr, session="X")
    outcome = site.operations.commit(row, site.owner)
    assert [each.uri.rpartition("/")[2] for each in (outcome, *outcome.others)] == ["X_MR", "X_PET"]
    assert all(each.archived for each in (outcome, *outcome.others))
    assert [uri.rpartition("/")[2] for uri, _ in recorder.asked] == ["X_MR", "X_PET"]
