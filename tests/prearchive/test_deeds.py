"""Deeds: undone before they go forward, finished after it, whenever their process dies; the delete is one."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from xnat_import_core import NotFoundError, Service, SessionConflictError, Settings, StorageError
from xnat_import_core.database.tables import deed as deed_table
from xnat_import_core.prearchive import deeds, deleting
from xnat_import_core.prearchive.deeds import finish, give_up, go_forward
from xnat_import_core.prearchive.deleting import delete_session
from xnat_import_core.prearchive.machine import HoldLostError, LockedSessionError, Operation, advance
from xnat_import_core.prearchive.recovery import recover


@pytest.fixture
def sessions(room, shipped):
    """Two sessions with files, in one timestamp folder."""
    for label in ("A", "B"):
        dest = f"/prearchive/projects/P/20260131_142501123/{label}"
        room.service.import_upload(shipped / "pydicom/test_files/MR_small.dcm", dest=dest, import_handler="SI")
    return {row.folder: row for row in room.service.prearchive.rows()}


def states(room):
    with room.database.read() as connection:
        return list(connection.execute(select(deed_table.c.state).order_by(deed_table.c.started_at)).scalars())


def tree(room):
    return sorted(path.name for path in room.tree.prearchive.glob("P/*/*"))


def nothing(connection, deed, tree):
    """A finisher for deeds that change no rows."""


def test_a_deleted_session_waits_in_the_trash_with_its_document(room, sessions):
    room.service.prearchive.delete(sessions["A"])
    assert tree(room) == ["B", "B.xml"]
    (trash,) = room.tree.trash.iterdir()
    assert sorted(path.name for path in trash.iterdir()) == ["A", "A.xml"]
    with pytest.raises(NotFoundError):
        room.service.prearchive.delete(sessions["A"])
    room.service.prearchive.delete(sessions["B"])
    assert not any((room.tree.prearchive / "P").iterdir())
    assert states(room) == ["done", "undone", "done"]
    assert not any(room.tree.staging.iterdir())


def test_a_session_without_a_document_can_be_deleted(room, sessions):
    room.service.prearchive.document(sessions["A"]).unlink()
    room.service.prearchive.delete(sessions["A"])
    assert tree(room) == ["B", "B.xml"]


def test_a_session_that_somebody_works_on_is_not_deleted(room, sessions):
    room.begun(sessions["A"].id, Operation.ARCHIVE)
    with pytest.raises(SessionConflictError, match=r"_ARCHIVING since .* \(archive\)"):
        room.service.prearchive.delete(sessions["A"])
    assert tree(room) == ["A", "A.xml", "B", "B.xml"]


@pytest.mark.parametrize("failing", ["go_forward", "sync_filesystem"])
def test_a_delete_that_fails_before_it_goes_forward_has_not_begun(room, sessions, monkeypatch, failing):
    def fail(*_):
        raise OSError(5, "the disk is gone")

    monkeypatch.setattr(deleting, failing, fail)
    with pytest.raises(StorageError):
        delete_session(room.database, room.tree, sessions["A"].id)
    assert tree(room) == ["A", "A.xml", "B", "B.xml"]
    assert {row.shown_status for row in room.service.prearchive.rows()} == {"READY"}
    assert states(room) == ["undone"]


@pytest.mark.parametrize("failing", ["run_redo", "_show"])
def test_a_delete_that_has_gone_forward_is_finished_at_the_next_start(room, sessions, monkeypatch, failing):
    def fail(*_):
        raise OSError(5, "the disk is gone")

    monkeypatch.setattr(deeds, failing, fail)
    with pytest.raises(StorageError):
        delete_session(room.database, room.tree, sessions["A"].id)
    monkeypatch.undo()
    with pytest.raises(LockedSessionError, match=r"_DELETING since .* \(delete\)"):
        room.begun(sessions["A"].id, Operation.BUILD)
    recover(room.database, room.tree)
    assert [row.folder for row in room.service.prearchive.rows()] == ["B"]
    assert tree(room) == ["B", "B.xml"]
    assert "done" in states(room)


def test_recovery_leaves_a_living_deed_alone(room):
    row = room.session()
    deed, hold = room.begun(row, Operation.MOVE)
    recover(room.database, room.tree)
    with room.database.write() as connection:
        advance(connection, hold)
        go_forward(connection, deed.id, {})
    recover(room.database, room.tree, {"move": nothing})
    assert states(room) == ["forward"]
    assert not give_up(room.database, deed)


def test_a_deed_that_recovery_gave_up_does_not_go_forward(room):
    deed = room.deed()
    room.kill(deed)
    recover(room.database, room.tree)
    with pytest.raises(HoldLostError), room.database.write() as connection:
        go_forward(connection, deed.id, {})
    assert states(room) == ["undone"]


def test_finishing_twice_is_finishing_once(room):
    deed, calls = room.deed(), []
    with room.database.write() as connection:
        go_forward(connection, deed.id, {"a": 1})
    for _ in range(2):
        finish(room.database, room.tree, deed, lambda connection, row, tree: calls.append(row.detail))
    assert calls == ['{"a": 1}']


def test_a_deed_that_nobody_can_finish_waits_for_who_can(room):
    row = room.session()
    deed, hold = room.begun(row, Operation.MOVE)
    with room.database.write() as connection:
        advance(connection, hold)
        go_forward(connection, deed.id, {})
    room.kill(deed)
    recover(room.database, room.tree)
    assert states(room) == ["forward"]
    assert deed.staging.folder.exists()
    recover(room.database, room.tree, {"move": nothing})
    assert states(room) == ["done"]


def test_conflict_and_error_survive_a_restart(tmp_path, room):
    kept = {status: room.session(status=status, reason=f"why {status}") for status in ("CONFLICT", "ERROR")}
    room.service.close()
    with Service(Settings(store=room.service.settings.store)) as again:
        found = {row.status: row.reason for row in again.prearchive.rows()}
    assert found == {status: f"why {status}" for status in kept}
