"""The machine: who may begin, what a refusal says, how a lock comes free (prearchive chapter 3, rulings 22 and 27)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from xnat_import_core import NotFoundError, SessionConflictError
from xnat_import_core.database.tables import session
from xnat_import_core.models import Conflict
from xnat_import_core.prearchive.machine import (
    HoldLostError,
    LockedSessionError,
    Operation,
    Status,
    advance,
    beat,
    begin,
    end,
    join,
    queue,
    remove,
)
from xnat_import_core.prearchive.recovery import recover
from xnat_import_core.prearchive.statuses import RESTING, RULES, WORKING, shown_status
from xnat_import_core.prearchive.sweeping import sweep

IN_THE_PREARCHIVE = [operation for operation in Operation if operation is not Operation.MERGE]
WORKS = [operation for operation in IN_THE_PREARCHIVE if RULES[operation].working]
WIRE = {
    "RECEIVING", "BUILDING", "READY", "CONFLICT", "ERROR", "ARCHIVING", "MOVING", "DELETING", "SEPARATING",
    "RECEIVING_INTERRUPT",
}  # fmt: skip


def later() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=2)


# ---- what an operation answers (the table of section 3)


@pytest.mark.parametrize("operation", IN_THE_PREARCHIVE)
def test_an_operation_runs_on_a_session_that_nobody_holds(room, operation):
    row = room.session()
    with room.database.write() as connection:
        hold = begin(connection, row, operation, "a")
    assert hold.before == Status.READY
    assert room.row(row).status == (RULES[operation].working or Status.READY)


@pytest.mark.parametrize("doing", WORKS)
def test_13_a_locked_session_answers_409_with_status_operation_and_since_when(room, doing):
    row = room.session()
    _, hold = room.begun(row, doing)
    held, shown = room.row(row), f"_{RULES[doing].working}"
    name = "build" if doing is Operation.COMMIT else doing.value
    for asked in IN_THE_PREARCHIVE:
        with pytest.raises(LockedSessionError) as caught, room.database.write() as connection:
            begin(connection, row, asked, "b")
        error = caught.value
        assert (error.status, error.shown, error.operation, error.since) == (409, shown, name, hold.since)
        assert "session document locked" in error.message
        assert re.search(rf"{shown} since {hold.since:%Y-%m-%d %H:%M:%S} UTC \({name}\)", error.message)
    assert room.row(row) == held


def test_two_that_begin_at_once_are_one_that_begins(room):
    row = room.session()
    with room.database.write() as connection:
        begin(connection, row, Operation.MOVE, "a")
        with pytest.raises(LockedSessionError):
            begin(connection, row, Operation.DELETE, "b")
    assert room.row(row).locked_by == "a"


def test_only_a_built_session_is_separated(room):
    row = room.session(status="RECEIVING")
    with pytest.raises(SessionConflictError, match="is RECEIVING; separate begins when it is READY"):
        room.begun(row, Operation.SEPARATE)


@pytest.mark.parametrize("status", ["STAGING", "PLACING", "ARCHIVED", None])
def test_what_is_not_in_the_prearchive_is_not_found(room, status):
    row = room.session(status=status) if status else 4711
    with pytest.raises(NotFoundError):
        room.begun(row, Operation.MOVE)


def test_an_archived_session_takes_one_merge_at_a_time(room):
    row = room.session(status="ARCHIVED")
    _, hold = room.begun(row, Operation.MERGE)
    with pytest.raises(LockedSessionError, match=r"_ARCHIVING since .* \(merge\)"):
        room.begun(row, Operation.MERGE)
    with room.database.write() as connection:
        end(connection, hold, Status.ARCHIVED)
    assert room.row(row).locked_by is None


# ---- how it ends


def test_a_failure_keeps_its_reason_and_success_forgets_it(room):
    row = room.session(status="READY")
    conflict = Conflict("uid", "Session already exists", scan="4", remedy="send overwrite=delete")
    _, hold = room.begun(row, Operation.ARCHIVE)
    with room.database.write() as connection:
        end(connection, hold, Status.CONFLICT, "Session already exists", [conflict])
    (shown,) = room.service.prearchive.rows()
    assert (shown.status, shown.reason, shown.conflicts) == ("CONFLICT", "Session already exists", (conflict,))
    _, hold = room.begun(row, Operation.BUILD)
    with room.database.write() as connection:
        end(connection, hold, Status.READY)
    (shown,) = room.service.prearchive.rows()
    assert (shown.status, shown.reason, shown.conflicts) == ("READY", "", ())


def test_what_is_given_up_is_as_it_was(room):
    row = room.session(status="CONFLICT", reason="why")
    _, hold = room.begun(row, Operation.MOVE)
    with room.database.write() as connection:
        end(connection, hold, hold.before)
    after = room.row(row)
    assert (after.status, after.reason, after.locked_by, after.before) == ("CONFLICT", "why", None, "")


@pytest.mark.parametrize(
    ("operation", "status"),
    [(Operation.BUILD, Status.ARCHIVED), (Operation.DELETE, Status.RECEIVING), (Operation.SET, Status.MOVING)],
)
def test_an_operation_cannot_end_as_it_never_does(room, operation, status):
    _, hold = room.begun(room.session(), operation)
    with pytest.raises(ValueError, match="cannot end in"), room.database.write() as connection:
        end(connection, hold, status)


def test_a_build_notes_the_version_that_it_read(room):
    row = room.session(status="RECEIVING", version=3, built=1)
    _, hold = room.begun(row, Operation.BUILD)
    assert hold.version == 3
    with room.database.write() as connection:
        end(connection, hold, Status.READY)
    assert room.row(row).built == 3


def test_a_session_that_is_gone_has_no_rows(room):
    row = room.session()
    _, hold = room.begun(row, Operation.DELETE)
    with room.database.write() as connection:
        remove(connection, hold)
    assert room.service.prearchive.rows() == []
    with pytest.raises(HoldLostError), room.database.write() as connection:
        remove(connection, hold)


# ---- data that arrive


def test_data_interrupt_a_build_which_then_begins_again(room):
    row = room.session(status="CONFLICT")
    _, hold = room.begun(row, Operation.BUILD)
    with room.database.write() as connection:
        assert join(connection, row, "import")
    (shown,) = room.service.prearchive.rows()
    assert (shown.status, shown.shown_status) == ("RECEIVING_INTERRUPT", "_RECEIVING")
    for late in (advance, lambda connection, hold: end(connection, hold, Status.READY)):
        with pytest.raises(HoldLostError), room.database.write() as connection:
            late(connection, hold)
    assert room.row(row).before == "CONFLICT"


def test_a_build_that_has_gone_forward_is_not_interrupted(room):
    row = room.session()
    _, hold = room.begun(row, Operation.BUILD)
    with room.database.write() as connection:
        advance(connection, hold)
    with room.database.write() as connection:
        assert not join(connection, row, "import")
    with room.database.write() as connection:
        end(connection, hold, Status.READY)
        assert join(connection, row, "import")


@pytest.mark.parametrize("operation", [o for o in WORKS if not RULES[o].data_join])
def test_what_leaves_is_not_joined(room, operation):
    row = room.session()
    room.begun(row, operation)
    with room.database.write() as connection:
        assert not join(connection, row, "import")


# ---- batches


def test_a_queued_session_is_begun_by_its_batch_only(room):
    row = room.session(status="CONFLICT")
    batch = room.deed()
    with room.database.write() as connection:
        queue(connection, row, Operation.MOVE, batch.id)
    assert room.service.prearchive.rows()[0].shown_status == "QUEUED_MOVING"
    with pytest.raises(LockedSessionError, match=r"it is QUEUED_MOVING since .* \(move\)"):
        room.begun(row, Operation.MOVE)
    with room.database.write() as connection:
        hold = begin(connection, row, Operation.MOVE, batch.id)
    assert (room.row(row).status, hold.before) == ("MOVING", "CONFLICT")


def test_a_batch_that_dies_leaves_its_sessions_as_they_were(room):
    row = room.session(status="CONFLICT")
    batch = room.deed()
    with room.database.write() as connection:
        queue(connection, row, Operation.DELETE, batch.id)
    room.kill(batch)
    recover(room.database, room.tree)
    assert room.row(row).status == "CONFLICT"


# ---- locks and their owners


@pytest.mark.parametrize("operation", WORKS)
def test_a_dead_lock_goes_back_and_a_living_one_stays(room, operation):
    dead, alive = room.session(), room.session()
    killed, _ = room.begun(dead, operation)
    room.begun(alive, operation)
    assert sweep(room.database, room.tree, datetime.now(UTC)) == 0, "a heartbeat is not old enough"
    room.kill(killed)
    assert sweep(room.database, room.tree, datetime.now(UTC)) == 0
    assert sweep(room.database, room.tree, later()) == 1
    assert [room.row(each).status for each in (dead, alive)] == ["READY", RULES[operation].working]
    assert room.row(dead).locked_by is None


def test_a_start_does_not_wait_for_the_heartbeat_to_grow_old(room):
    row = room.session(status="ERROR", reason="why")
    deed, _ = room.begun(row, Operation.ARCHIVE)
    room.kill(deed)
    recover(room.database, room.tree)
    after = room.row(row)
    assert (after.status, after.reason, after.locked_by) == ("ERROR", "why", None)
    assert not any(room.tree.staging.iterdir())


def test_a_heartbeat_from_a_clock_that_was_set_back_is_dead(room):
    row = room.session()
    deed, _ = room.begun(row, Operation.MOVE)
    room.kill(deed)
    assert sweep(room.database, room.tree, datetime.now(UTC) - timedelta(hours=1)) == 1
    assert room.row(row).status == "READY"


def test_what_has_gone_forward_is_not_given_back(room):
    row = room.session()
    deed, hold = room.begun(row, Operation.MOVE)
    with room.database.write() as connection:
        advance(connection, hold)
    room.kill(deed)
    assert sweep(room.database, room.tree, later()) == 0
    assert room.row(row).locked_by == deed.id


def test_a_beat_keeps_all_locks_of_its_owner_alive(room):
    rows = [room.session(), room.session()]
    deed = room.deed()
    with room.database.write() as connection:
        for row in rows:
            begin(connection, row, Operation.MOVE, deed.id)
        connection.execute(update(session).values(heartbeat_at=datetime.now(UTC) - timedelta(hours=1)))
    assert beat(room.database, deed.id) == 2
    room.kill(deed)
    assert sweep(room.database, room.tree, datetime.now(UTC)) == 0


def test_reset_status_takes_a_session_whose_heartbeat_is_dead_and_no_other(room):
    row = room.session(status="CONFLICT")
    deed, hold = room.begun(row, Operation.MOVE)
    with pytest.raises(LockedSessionError):
        room.begun(row, Operation.RESET)
    with room.database.write() as connection:
        connection.execute(update(session).values(heartbeat_at=datetime.now(UTC) - timedelta(minutes=2)))
    with room.database.write() as connection:
        end(connection, begin(connection, row, Operation.RESET, "r"), Status.READY)
    assert room.row(row).status == "READY"
    with pytest.raises(HoldLostError), room.database.write() as connection:
        advance(connection, hold)
    room.kill(deed)


def test_reset_status_frees_a_status_that_nobody_holds(room):
    row = room.session(status="ARCHIVING")
    with room.database.write() as connection:
        end(connection, begin(connection, row, Operation.RESET, "r"), Status.RECEIVING)
    assert room.row(row).status == "RECEIVING"


# ---- names


def test_the_names_on_the_wire_are_xnats():
    shown = {shown_status(status, locked=locked) for status in (*RESTING, *WORKING) for locked in (True, False)}
    shown |= {shown_status(rule.queued, locked=True) for rule in RULES.values() if rule.queued}
    shown.discard("ARCHIVED")
    plain = {name.removeprefix("QUEUED_").removeprefix("_") for name in shown}
    assert plain == WIRE
