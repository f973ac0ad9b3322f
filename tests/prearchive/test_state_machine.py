"""No sequence of operations, arriving data, kills, sweeps and restarts loses data or wedges a session.

The real rows, locks, journal and recovery, beside a model of what they should be. What happens to files on the disk has
tests of its own.
"""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from attrs import define, evolve, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import insert, select, update

from xnat_import_core import Handler, NotFoundError, ServiceBusyError, SessionConflictError
from xnat_import_core.database.tables import file, import_, session
from xnat_import_core.models import Destination, Space
from xnat_import_core.parameters import ImportRequest
from xnat_import_core.placing.placements import Placement
from xnat_import_core.placing.reserving import Reservations
from xnat_import_core.prearchive import commits
from xnat_import_core.prearchive.deeds import Deed, finish, give_up, go_forward
from xnat_import_core.prearchive.machine import (
    UNLOCKED,
    HoldLostError,
    Operation,
    PrearchiveHold,
    Status,
    advance,
    begin,
    end,
    join,
    queue,
    remove,
)
from xnat_import_core.prearchive.recovery import recover
from xnat_import_core.prearchive.statuses import BUSY, HIDDEN, INTERRUPTIBLE, RESTING, RULES, shown_status
from xnat_import_core.prearchive.sweeping import sweep
from xnat_import_core.storage.staging import Staging

WORKS = [Operation.BUILD, Operation.COMMIT, Operation.ARCHIVE, Operation.MOVE, Operation.DELETE]
ENDS = {Operation.ARCHIVE: "ARCHIVED"}
WIRE = {
    "RECEIVING", "_RECEIVING", "READY", "CONFLICT", "ERROR",
    "QUEUED_BUILDING", "QUEUED_ARCHIVING", "QUEUED_MOVING", "QUEUED_DELETING",
    "_BUILDING", "_ARCHIVING", "_MOVING", "_DELETING",
}  # fmt: skip
KEY = "1.1"
HANDLER = Handler(summary="test", containers=("file",))


@define(eq=False)
class Known:
    """What the model knows of a session."""

    status: str = "STAGING"
    before: str = ""
    owner: Worker | None = None
    version: int = 0
    built: int = 0
    files: set[str] = field(factory=set)

    def free(self, status: str = "") -> None:
        self.status, self.before, self.owner = status or self.before, "", None


@define(eq=False)
class Worker:
    """A process with an import (no operation) or a deed, until it has ended or is dead and recovered."""

    session_id: int
    staging: Staging
    operation: Operation | None = None
    hold: PrearchiveHold | None = None
    ready: bool = False
    forward: bool = False
    dead: bool = False

    @property
    def id(self) -> str:
        return self.staging.folder.name

    @property
    def deed(self) -> Deed:
        return Deed(self.id, str(self.operation), self.staging)


def imports(worker):
    return worker.operation is None and not worker.dead


def works(worker):
    return worker.operation is not None and not worker.dead


def staged(worker):
    return not worker.forward


class Sessions(RuleBasedStateMachine):
    """One project of its own for each example, on one service."""

    def __init__(self, room):
        super().__init__()
        self.room, self.database, self.tree = room, room.database, room.tree
        self.project = f"H{next(room.numbers)}"
        room.service.projects.create(self.project)
        self.sessions: dict[int, Known] = {}
        self.workers: list[Worker] = []

    @initialize(status=st.sampled_from(["READY", "RECEIVING", "CONFLICT"]))
    def a_session_is_there(self, status):
        columns = {"project": self.project, "label": "L", "tag": KEY, "status": status}
        self.sessions[self.room.session(**columns)] = Known(status)

    def any(self, *tests):
        return [worker for worker in self.workers if all(test(worker) for test in tests)]

    def one(self, data, *tests):
        return data.draw(st.sampled_from(self.any(*tests)))

    def holds(self, worker):
        known = self.sessions.get(worker.session_id)
        return known is not None and known.owner is worker

    # ---- data arrive

    @rule(ready=st.booleans())
    def data_arrive(self, ready):
        joinable = sorted(i for i, known in self.sessions.items() if known.status not in (*BUSY, "ARCHIVED"))
        found = joinable[0] if joinable else None
        known = self.sessions.get(found)
        interrupts = known is not None and known.status in INTERRUPTIBLE and known.before
        worker = Worker(0, self.import_begins(), ready=ready)
        placement = Placement(0, (KEY,), Destination(Space.PREARCHIVE, self.project, "s", "L"), nameless=False)
        store = self.room.service._store
        impatient = evolve(store, settings=evolve(store.settings, busy_timeout=0))
        reservations = Reservations(impatient, ImportRequest(), HANDLER, "T", worker.id, "u", planned=False)
        if known is not None and known.owner is not None and not interrupts:
            with pytest.raises(ServiceBusyError):
                reservations.reserve([placement])
            commits.undo(self.database, worker.id, "", {})
            worker.staging.discard()
            return
        reservations.reserve([placement])
        worker.session_id = placement.session_id
        assert placement.joins == (known is not None)
        if known is None:
            known = self.sessions[worker.session_id] = Known()
        else:
            assert (worker.session_id, placement.existing["status"]) == (found, known.before or known.status)
            known.before = known.before or known.status
            known.status = "RECEIVING_INTERRUPT" if interrupts else known.status
        known.owner = worker
        self.workers.append(worker)

    def import_begins(self):
        import_id = f"{self.project}i{next(self.room.numbers)}"
        values = {"id": import_id, "user": "u", "status": "receiving", "started_at": datetime.now(UTC)}
        with self.database.write() as connection:
            connection.execute(insert(import_).values(**values))
        return Staging(self.tree.staging / import_id).make()

    @precondition(lambda self: self.any(imports, staged))
    @rule(data=st.data())
    def an_import_goes_forward(self, data):
        self.stage(self.one(data, imports, staged))

    def stage(self, worker):
        row = {
            "session_id": worker.session_id, "place": "session:", "resource": "R", "name": worker.id, "tag": "t",
            "size": 1, "received_sha256": "", "stored_sha256": "", "import_id": worker.id, "member": 0,
            "pending": True,
        }  # fmt: skip
        with self.database.write() as connection:
            connection.execute(insert(file).values(**row))
        values = {"status": "READY" if worker.ready else "RECEIVING"}
        commits.mark_placing(self.database, worker.id, [commits.SessionChange(worker.session_id, values, (), ())], {})
        known = self.sessions[worker.session_id]
        known.before, worker.forward = "", True
        known.status = "PLACING" if known.status == "STAGING" else known.status

    @precondition(lambda self: self.any(imports))
    @rule(data=st.data())
    def an_import_ends(self, data):
        worker = self.one(data, imports)
        if not worker.forward:
            self.stage(worker)
        assert not commits.undo(self.database, worker.id, "too late", {})
        commits.finish(self.database, worker.id)
        self.has_arrived(worker)
        worker.staging.discard()

    @precondition(lambda self: self.any(imports, staged))
    @rule(data=st.data())
    def an_import_fails(self, data):
        worker = self.one(data, imports, staged)
        assert commits.undo(self.database, worker.id, "no", {})
        self.has_not_arrived(worker)
        worker.staging.discard()

    def has_arrived(self, worker):
        known = self.sessions[worker.session_id]
        known.version += 1
        known.files.add(worker.id)
        known.built = known.version if worker.ready else known.built
        known.free("READY" if worker.ready else "RECEIVING")
        self.workers.remove(worker)

    def has_not_arrived(self, worker):
        known = self.sessions.get(worker.session_id)
        if known is not None and known.status == "STAGING":
            del self.sessions[worker.session_id]
        elif self.holds(worker):
            known.free()
        self.workers.remove(worker)

    # ---- operations

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), operation=st.sampled_from([*WORKS, Operation.RESET]), batch=st.booleans())
    def an_operation_begins(self, data, operation, batch):
        found = data.draw(st.sampled_from(sorted(self.sessions)))
        known, deed = self.sessions[found], self.room.deed(operation.value)
        batch = batch and operation is not Operation.RESET
        try:
            with self.database.write() as connection:
                hold = (queue if batch else begin)(connection, found, operation, deed.id)
                if operation is Operation.RESET:
                    end(connection, hold, Status.READY)
        except (SessionConflictError, NotFoundError):
            assert known.owner is not None or known.status not in RULES[operation].begins
            give_up(self.database, deed)
            return
        assert known.owner is None
        assert (hold.before, hold.version) == (known.status, known.version)
        if operation is Operation.RESET:
            known.free("READY")
            give_up(self.database, deed)
            return
        status = RULES[operation].queued if batch else RULES[operation].working
        worker = Worker(found, deed.staging, operation, hold)
        known.before, known.status, known.owner = known.status, status.value, worker
        self.workers.append(worker)

    @precondition(lambda self: self.any(works, staged))
    @rule(data=st.data())
    def an_operation_goes_forward(self, data):
        self.go(self.one(data, works, staged))

    def go(self, worker):
        """Its turn comes, if it waits in a batch; then it goes forward, unless data have interrupted it."""
        known = self.sessions.get(worker.session_id)
        if self.holds(worker) and known.status == RULES[worker.operation].queued:
            with self.database.write() as connection:
                worker.hold = begin(connection, worker.session_id, worker.operation, worker.id)
            assert worker.hold.before == known.before
            known.status = RULES[worker.operation].working.value
            self.rows_are_as_the_model_says()
        try:
            with self.database.write() as connection:
                advance(connection, worker.hold)
                go_forward(connection, worker.id, {"version": worker.hold.version})
        except HoldLostError:
            assert not self.holds(worker)
            give_up(self.database, worker.deed)
            self.workers.remove(worker)
            return
        assert self.holds(worker)
        worker.forward, known.before = True, ""

    @precondition(lambda self: self.any(works))
    @rule(data=st.data())
    def an_operation_ends(self, data):
        worker = self.one(data, works)
        if not worker.forward:
            self.go(worker)
        if worker.forward:
            assert not give_up(self.database, worker.deed)
            finish(self.database, self.tree, worker.deed, show)
            self.is_done(worker)

    @precondition(lambda self: self.any(works, staged))
    @rule(data=st.data(), status=st.sampled_from([Status.CONFLICT, Status.ERROR, None]))
    def an_operation_fails(self, data, status):
        worker = self.one(data, works, staged)
        before = worker.hold.before
        try:
            with self.database.write() as connection:
                end(connection, worker.hold, status or before, "why")
        except HoldLostError:
            assert not self.holds(worker)
        else:
            assert self.holds(worker)
            self.sessions[worker.session_id].free(str(status or before))
        assert give_up(self.database, worker.deed)
        self.workers.remove(worker)

    def is_done(self, worker):
        known = self.sessions[worker.session_id]
        if worker.operation is Operation.DELETE:
            del self.sessions[worker.session_id]
        known.free(ENDS.get(worker.operation, "READY"))
        if worker.operation in {Operation.BUILD, Operation.COMMIT}:
            known.built = worker.hold.version
            assert known.built == known.version, "READY shows the newest data"
        self.workers.remove(worker)

    # ---- processes die

    @precondition(lambda self: self.any(lambda worker: not worker.dead))
    @rule(data=st.data())
    def a_process_is_killed(self, data):
        self.kill(self.one(data, lambda worker: not worker.dead))

    def kill(self, worker):
        worker.staging.release()
        worker.dead = True

    @rule()
    def the_sweeper_comes_later(self):
        sweep(self.database, self.tree, datetime.now(UTC) + timedelta(minutes=2))
        for known in self.sessions.values():
            if known.owner is not None and known.owner.dead and known.before:
                known.free()

    @precondition(lambda self: self.workers)
    @rule()
    def another_service_starts(self):
        """What is dead is recovered, what lives goes on."""
        recover(self.database, self.tree, dict.fromkeys(map(str, WORKS), show))
        for worker in self.any(lambda worker: worker.dead):
            if worker.forward:
                (self.is_done if worker.operation else self.has_arrived)(worker)
            else:
                self.has_not_arrived(worker)

    # ---- what always holds

    @invariant()
    def rows_are_as_the_model_says(self):
        with self.database.read() as connection:
            rows = connection.execute(select(session).where(session.c.project == self.project)).all()
            seen = select(file.c.session_id, file.c.name).where(file.c.pending.is_(False))
            files = connection.execute(seen.where(file.c.name.startswith(f"{self.project}i"))).all()
        found = {row.id: (row.status, row.before, row.locked_by, row.version, row.built) for row in rows}
        assert found == {
            i: (s.status, s.before, s.owner.id if s.owner else None, s.version, s.built)
            for i, s in self.sessions.items()
        }
        assert set(map(tuple, files)) == {(i, name) for i, s in self.sessions.items() for name in s.files}

    @invariant()
    def what_is_seen_are_names_of_xnat(self):
        for known in self.sessions.values():
            if known.status not in HIDDEN:
                shown = shown_status(known.status, locked=known.owner is not None)
                assert shown in WIRE

    def teardown(self):
        """The power fails: after the next start no session is wedged, and each takes data and operations."""
        for worker in self.any(lambda worker: not worker.dead):
            self.kill(worker)
        self.another_service_starts()
        self.rows_are_as_the_model_says()
        for session_id, known in self.sessions.items():
            assert known.status in {*RESTING, "ARCHIVED"}
            if known.status != "ARCHIVED":
                with self.database.write() as connection:
                    end(connection, begin(connection, session_id, Operation.BUILD, "b"), Status.READY)
                    assert join(connection, session_id, "i")
                    connection.execute(update(session).where(session.c.id == session_id).values(**UNLOCKED))


def show(connection, deed, tree):
    """The finisher of every operation of this test: all that it knows is the deed's row."""
    row = connection.execute(select(session).where(session.c.locked_by == deed.id)).one()
    detail, operation = json.loads(deed.detail), Operation(deed.kind)
    hold = PrearchiveHold(row.id, operation, deed.id, Status.READY, detail["version"], row.locked_at)
    if operation is Operation.DELETE:
        remove(connection, hold)
    else:
        end(connection, hold, Status(ENDS.get(operation, "READY")))


@pytest.mark.long
@pytest.mark.timeout(600)  # to make a failing sequence short takes minutes
def test_no_sequence_of_events_wedges_a_session_or_loses_data(room, monkeypatch):
    monkeypatch.setattr(room.database, "write", partial(room.database.write, durable=False))  # no power fails: no sync
    room.numbers = itertools.count()
    how = settings(max_examples=30, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(lambda: Sessions(room), settings=how)
