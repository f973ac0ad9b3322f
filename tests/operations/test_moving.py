"""Statement 14, and the project's own part of 39: one rename, document and rows rewritten."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from xnat_import_core import NotFoundError, SessionConflictError, XnatImportError
from xnat_import_core.documents import read_session_xml
from xnat_import_core.operations import FINISHERS
from xnat_import_core.prearchive.recovery import recover
from xnat_import_core.storage import redo


@pytest.fixture
def ready(site, study):
    row = site.send(*study["first"], *study["second"], session="S1")
    site.operations.build(row, site.owner)
    return site.again(row)


def test_14_moved(site, ready):
    files, catalogs = site.files(ready), sorted(site.folder(ready).rglob("*_catalog.xml"))
    inodes = {path.stat().st_ino for path in catalogs}
    before = site.document(ready).read_bytes()
    old = site.folder(ready)
    uri = site.operations.move(ready, site.owner, "Q")
    assert uri == f"/prearchive/projects/Q/{ready.timestamp}/{ready.folder}"
    moved = site.at(uri)
    assert (moved.project, moved.status, moved.name, moved.tag) == ("Q", "READY", "S1", ready.tag)
    assert site.files(moved) == files
    assert {path.stat().st_ino for path in site.folder(moved).rglob("*_catalog.xml")} == inodes, "nothing is copied"
    assert site.document(moved).read_bytes() == before.replace(b'project="P"', b'project="Q"')
    assert not old.parent.exists()
    assert (site.store.tree.prearchive / "P").is_dir(), "an import may be about to put something into it"
    with pytest.raises(NotFoundError, match="Unknown prearchive session"):
        site.at(ready.uri)
    site.check(moved)
    assert site.deeds()[-1] == ("move", "done")


def test_14_into_its_own_project_nothing_happens(site, ready):
    deeds = site.deeds()
    assert site.operations.move(ready, site.owner, "P") == ready.uri
    assert (site.again(ready), site.deeds()) == (ready, deeds)


def test_14_from_unassigned_by_alias(site, study):
    site.service.projects.create("R", aliases=("the-r",))
    row = site.send(*study["first"], project=None, dest="/prearchive/projects/Unassigned")
    assert (row.project, row.status) == (None, "READY")
    moved = site.at(site.operations.move(row, site.owner, "the-r"))
    assert (moved.project, moved.status, moved.policy_origin) == ("R", "READY", "prearchive_code 0 of the project")
    assert read_session_xml(site.document(moved)).project == "R"
    site.check(moved)


def test_a_neighbour_in_the_timestamp_folder_stays(site, ready, study):
    beside = site.send(*study["other"], dest=f"/prearchive/projects/P/{ready.timestamp}/other")
    site.operations.move(ready, site.owner, "Q")
    site.check(site.again(beside))


def test_what_waits_to_be_built_goes_on_waiting(site, study):
    row = site.send(*study["first"])
    assert site.at(site.operations.move(row, site.owner, "Q")).status == "RECEIVING"


@pytest.mark.parametrize("status", ["CONFLICT", "ERROR"])
def test_a_refused_session_that_is_built_is_ready_in_another_project(site, ready, status):
    site.put(ready, status=status, reason="no")
    moved = site.at(site.operations.move(ready, site.owner, "Q"))
    assert (moved.status, moved.reason) == ("READY", "")


def test_a_document_that_nobody_can_read_moves_and_waits_to_be_built(site, ready):
    site.document(ready).write_text("<nonsense")
    moved = site.at(site.operations.move(ready, site.owner, "Q"))
    assert moved.status == "RECEIVING"
    assert site.document(moved).read_text() == "<nonsense"
    site.operations.build(moved, site.owner)
    site.check(site.again(moved))


def test_a_project_that_separates_pet_from_mr_gets_the_session_unbuilt(site, pet_mr):
    site.put_project("Q", separate_pet_mr="separate")
    row = site.send(*pet_mr, session="X")
    site.operations.build(row, site.owner)
    assert site.at(site.operations.move(row, site.owner, "Q")).status == "RECEIVING"


def test_policy_that_followed_from_the_project_follows_from_the_new_one(site, ready, study):
    site.service.projects.set_code("Q", 5)
    assert (ready.autoarchive, ready.policy_origin) == ("Manual", "prearchive_code 0 of the project")
    moved = site.at(site.operations.move(ready, site.owner, "Q"))
    assert (moved.autoarchive, moved.policy_origin) == ("AutoArchiveOverwrite", "prearchive_code 5 of the project")
    wished = site.send(*study["other"], AA="false")
    moved = site.at(site.operations.move(wished, site.owner, "Q"))
    assert (moved.autoarchive, moved.policy_origin) == ("Manual", "AA of the request")


def test_a_taken_key_is_409_and_both_stay(site, ready, study):
    there = site.send(*study["first"][:1], project="Q", session="S1")
    with pytest.raises(
        SessionConflictError, match="Project Q has a prearchive session of this study and label"
    ) as caught:
        site.operations.move(ready, site.owner, "Q")
    assert there.timestamp in caught.value.message
    stays = site.again(ready)
    assert (stays.status, stays.reason) == ("CONFLICT", caught.value.message)
    assert [entry.entry for entry in site.operations.logs(stays)] == [f"move failed: {stays.reason}"]
    site.check(stays)
    site.check(site.again(there))


def test_another_label_or_study_is_no_taken_key(site, ready, study):
    site.send(*study["first"][:1], project="Q", session="S2")
    site.send(*study["other"], project="Q", session="S1")
    site.check(site.at(site.operations.move(ready, site.owner, "Q")))


def test_a_taken_address_is_409(site, ready, study):
    site.send(*study["other"], project="Q", dest=f"/prearchive/projects/Q/{ready.timestamp}/{ready.folder}")
    with pytest.raises(SessionConflictError, match="of this address"):
        site.operations.move(ready, site.owner, "Q")
    site.check(site.again(ready))


def test_a_folder_that_no_row_knows_is_409(site, ready):
    stray = site.store.tree.session_folder("Q", ready.timestamp, ready.folder)
    stray.mkdir(parents=True)
    with pytest.raises(SessionConflictError, match="has a folder of this address"):
        site.operations.move(ready, site.owner, "Q")
    assert stray.is_dir()
    site.check(site.again(ready))


def test_a_project_on_another_file_system_is_refused_before_anything_moves(site, ready):
    with TemporaryDirectory(dir="/dev/shm") as elsewhere:
        if Path(elsewhere).stat().st_dev == site.folder(ready).stat().st_dev:
            pytest.skip("there is no other file system in memory")
        (site.store.tree.prearchive / "Q").symlink_to(elsewhere)
        with pytest.raises(XnatImportError, match="lies on another file system"):
            site.operations.move(ready, site.owner, "Q")
        assert not any(Path(elsewhere).iterdir())
    assert site.again(ready).status == "ERROR"
    site.check(site.again(ready))


def test_an_unknown_project_is_404(site, ready):
    with pytest.raises(NotFoundError, match="Unable to identify project: NONE"):
        site.operations.move(ready, site.owner, "NONE")
    assert site.again(ready).status == "READY"


def test_a_disk_that_fails_half_way_is_finished_by_the_next_start(site, ready, monkeypatch):
    monkeypatch.setattr(redo, "rename", _fails)
    with pytest.raises(XnatImportError, match="the next start of the service ends it"):
        site.operations.move(ready, site.owner, "Q")
    monkeypatch.undo()
    recover(site.service.database, site.store.tree, FINISHERS)
    moved = site.at(f"/prearchive/projects/Q/{ready.timestamp}/{ready.folder}")
    assert moved.status == "READY"
    site.check(moved)


def _fails(source, target):
    raise OSError(5, "Input/output error")
