"""Statements 10, 11 and 28 with the real archive: what the rebuilder and a commit archive, and what they leave."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from xnat_import_core import SessionConflictError
from xnat_import_core.archive.archiver import Archiver
from xnat_import_core.database.tables import experiment
from xnat_import_core.operations import CommitRequest, Operations, Rebuilder


@pytest.fixture
def site(make_site):
    made = make_site()
    service = made.service
    archiver = Archiver(made.store, service._host, service._crew)
    made.operations = Operations(made.store, service._host, service._crew, archiver)
    return made


@pytest.fixture
def idle(site):
    """Let a session's idle time pass."""
    rebuilder = Rebuilder(site.store, site.operations, site.service.prearchive, site.owner, minutes=1)
    return lambda row: rebuilder.run(row.lastmod + timedelta(minutes=1))


def experiments(site):
    with site.service.database.read() as connection:
        rows = connection.execute(select(experiment.c.project, experiment.c.label))
        return sorted((row.project, row.label) for row in rows)


def archived_files(site, label):
    folder = site.store.tree.archive / "P/arc001" / label / "SCANS"
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".xml")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def changed(path):
    """The same instance with another pixel."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    return bytes(data)


def send(site, *files):
    return site.send(*files, session="S1")


def test_10_code_0_waits_for_a_person(site, idle, study):
    row = send(site, *study["first"])
    idle(row)
    assert (site.again(row).status, experiments(site)) == ("READY", [])


def test_10_code_4_archives_and_a_second_part_is_merged(site, idle, study):
    site.service.projects.set_code("P", 4)
    idle(send(site, *study["first"]))
    assert experiments(site) == [("P", "S1")]
    assert site.service.prearchive.rows() == []
    first = archived_files(site, "S1")
    assert len(first) == 4
    idle(send(site, *study["second"]))
    assert site.service.prearchive.rows() == []
    both = archived_files(site, "S1")
    assert len(both) == 7
    assert first.items() <= both.items()


def test_10_code_4_same_file_is_a_conflict(site, idle, study):
    site.service.projects.set_code("P", 4)
    idle(send(site, *study["first"]))
    before = archived_files(site, "S1")
    row = send(site, changed(study["first"][0]))
    idle(row)
    left = site.again(row)
    assert left.status == "CONFLICT"
    assert left.reason.startswith("Session already exists with")
    assert archived_files(site, "S1") == before
    assert left.reason in [entry.entry for entry in site.operations.logs(left)]


def test_10_code_5_replaces(site, idle, study):
    site.service.projects.set_code("P", 5)
    idle(send(site, *study["first"]))
    before = archived_files(site, "S1")
    new = changed(study["first"][0])
    idle(send(site, new))
    after = archived_files(site, "S1")
    assert site.service.prearchive.rows() == []
    assert new in after.values()
    assert len(after) == len(before) == 4


def test_10_code_11_archives_new_sessions_only(site, idle, study):
    site.service.projects.set_code("P", 11)
    idle(send(site, *study["first"]))
    assert experiments(site) == [("P", "S1")]
    row = send(site, *study["second"])
    idle(row)
    assert site.again(row).status == "CONFLICT"
    assert "already exists" in site.again(row).reason
    assert len(archived_files(site, "S1")) == 4


def test_10_unassigned_is_ready(site, idle, study):
    row = site.send(*study["first"], project=None, dest="/prearchive/projects/Unassigned")
    site.put(row, status="RECEIVING", wish="true")
    idle(row)
    assert (site.again(row).status, experiments(site)) == ("READY", [])


def test_11_a_commit_with_aa(site, study):
    row = send(site, *study["first"])
    outcome = site.operations.commit(row, site.owner, CommitRequest(auto_archive=True))
    assert outcome.archived
    assert outcome.uri.startswith("/archive/projects/P/")
    assert experiments(site) == [("P", "S1")]


@pytest.mark.parametrize("code", [0, 4])
def test_11_a_commit_without_aa(site, study, code):
    site.service.projects.set_code("P", code)
    row = send(site, *study["first"])
    outcome = site.operations.commit(row, site.owner, CommitRequest(auto_archive=False))
    assert (outcome.uri, outcome.archived) == (row.uri, False)
    assert (site.again(row).status, experiments(site)) == ("READY", [])


def test_11_a_commit_in_a_project_that_archives_new_sessions_only(site, study):
    site.service.projects.set_code("P", 11)
    assert site.operations.commit(send(site, *study["first"]), site.owner).archived
    row = send(site, *study["second"])
    with pytest.raises(SessionConflictError, match="already exists"):
        site.operations.commit(row, site.owner)
    left = site.again(row)
    assert left.status == "CONFLICT"
    assert left.reason in [entry.entry for entry in site.operations.logs(left)]


def test_both_halves_of_pet_with_mr_are_archived(site, idle, pet_mr):
    site.put_project("P", separate_pet_mr="separate", code=4)
    idle(site.send(*pet_mr, session="X_PETMR"))
    assert experiments(site) == [("P", "X_MR"), ("P", "X_PET")]
    assert site.service.prearchive.rows() == []
