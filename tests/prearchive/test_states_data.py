"""Statement 8: data that come while somebody works on their session are never lost (real uploads, real threads)."""

from __future__ import annotations

import random
import zipfile
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import select, update

from xnat_import_core import Fate, Service, ServiceBusyError, SessionConflictError, Settings
from xnat_import_core.database.tables import file, session
from xnat_import_core.placing.placer import Placer
from xnat_import_core.prearchive.deeds import finish, give_up, go_forward, start_deed
from xnat_import_core.prearchive.machine import (
    HoldLostError,
    LockedSessionError,
    Operation,
    Status,
    advance,
    begin,
    end,
)
from xnat_import_core.prearchive.recovery import recover
from xnat_import_core.prearchive.statuses import RULES
from xnat_import_core.prearchive.sweeping import begin_patiently

LEAVING = [operation for operation, rule in RULES.items() if rule.working and not rule.data_join][:4]


@pytest.fixture
def parts(tmp_path, shipped):
    """Uploads of one study, one object each."""
    made = []
    for path in sorted((shipped / "pydicom/test_files/dicomdirtests/98892003/MR700").iterdir())[:6]:
        made.append(tmp_path / f"{path.name}.zip")
        with zipfile.ZipFile(made[-1], "w") as archive:
            archive.write(path, path.name)
    return made


def send(service, upload, **parameters):
    return service.import_upload(upload, project="P", import_handler="DICOM-zip", **parameters).sessions[0]


def all_files(service):
    """Names of all files that a reader finds, each on disk."""
    found = []
    for row in service.prearchive.rows():
        for scan in service.prearchive.scans(row):
            for resource in service.prearchive.resources(row, scan.id):
                for each in service.prearchive.files(row, scan.id, resource.label):
                    assert service.prearchive.file(row, scan.id, resource.label, each.name).stat().st_size == each.size
                    found.append(each.name)
    return sorted(found)


def names(parts):
    return sorted(part.stem for part in parts)


def rebuild(room, session_id, parts=()):
    """What a build does, as far as statuses go; ``parts`` arrive while it reads. How often it began."""
    deed, begun = room.deed("build"), 0
    while True:
        hold = begin_patiently(room.database, session_id, Operation.BUILD, deed.id, patience=10)
        begun += 1
        with room.database.read() as connection:
            read = connection.execute(select(file.c.name).where(file.c.session_id == session_id)).scalars().all()
        for part in parts:
            send(room.service, part)
        parts = ()
        try:
            with room.database.write() as connection:
                advance(connection, hold)
                end(connection, hold, Status.READY)
        except HoldLostError:
            continue
        give_up(room.database, deed)
        return begun, sorted(read)


def test_data_during_a_build_join_and_are_in_what_is_next_ready(room, parts):
    first = send(room.service, parts[0])
    (row,) = room.service.prearchive.rows()
    begun, read = rebuild(room, row.id, parts[1:3])
    assert (begun, read) == (2, names(parts[:3]))
    (row,) = room.service.prearchive.rows()
    assert (row.status, row.uri, row.built, row.version) == ("READY", first.uri, 3, 3)
    assert all_files(room.service) == names(parts[:3])


def test_the_same_data_during_a_build_change_no_status(room, parts):
    send(room.service, parts[0])
    (row,) = room.service.prearchive.rows()
    _, hold = room.begun(row.id, Operation.BUILD)
    outcome = room.service.import_upload(parts[0], project="P", import_handler="DICOM-zip")
    assert outcome.counts[Fate.SAME] == 1
    (row,) = room.service.prearchive.rows()
    assert (row.status, row.version) == ("RECEIVING", 1)
    with pytest.raises(HoldLostError), room.database.write() as connection:
        advance(connection, hold)


def test_an_upload_that_fails_during_a_build_leaves_the_session_as_the_build_found_it(room, parts, monkeypatch):
    send(room.service, parts[0], action="commit")
    (row,) = room.service.prearchive.rows()
    room.begun(row.id, Operation.BUILD)

    def failing(*_):
        message = "no"
        raise SessionConflictError(message)

    monkeypatch.setattr(Placer, "place", failing)
    with pytest.raises(SessionConflictError):
        send(room.service, parts[1])
    (row,) = room.service.prearchive.rows()
    assert (row.status, row.shown_status) == ("READY", "READY")


def test_data_wait_for_the_moment_in_which_a_build_is_published(room, parts):
    send(room.service, parts[0])
    (row,) = room.service.prearchive.rows()
    _, hold = room.begun(row.id, Operation.BUILD)
    with room.database.write() as connection:
        advance(connection, hold)
    with ThreadPoolExecutor(1) as thread:
        arriving = thread.submit(send, room.service, parts[1])
        with pytest.raises(TimeoutError):
            arriving.result(timeout=0.3)
        with room.database.write() as connection:
            end(connection, hold, Status.READY)
        assert arriving.result(timeout=30).joined
    assert all_files(room.service) == names(parts[:2])


@pytest.mark.parametrize("operation", LEAVING)
def test_data_for_a_session_that_leaves_are_kept_in_one_beside_it(room, parts, operation):
    first = send(room.service, parts[0], action="commit")
    (row,) = room.service.prearchive.rows()
    _, hold = room.begun(row.id, operation)
    second, third = (send(room.service, part) for part in parts[1:3])
    assert (second.uri != first.uri, second.label, second.joined) == (True, first.label, False)
    assert (third.uri, third.joined) == (second.uri, True)
    assert hold.owner not in str(second.notes)
    assert any(f"is {RULES[operation].working}: these files are kept in a session beside it" in n for n in second.notes)
    with pytest.raises(LockedSessionError, match=rf"locked: it is _{RULES[operation].working} since"):
        send_to(room.service, parts[3], first.uri)
    with room.database.write() as connection:
        advance(connection, hold)
    assert all_files(room.service) == names(parts[:3])


def send_to(service, upload, uri):
    """To a session that is named: past the door, which looks at the same row."""
    from xnat_import_core.admission import Admission  # noqa: PLC0415 - this test looks behind it

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Admission, "_refuse_busy", lambda *_: None)
        service.import_upload(upload, dest=uri, import_handler="DICOM-zip")


def test_a_session_that_another_import_is_adding_to_is_waited_for(room, parts, monkeypatch):
    send(room.service, parts[0])
    placing, go_on = Event(), Event()
    place = Placer.place

    def slow(self, placements):
        placing.set()
        go_on.wait(30)
        return place(self, placements)

    monkeypatch.setattr(Placer, "place", slow)
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(send, room.service, parts[1])
        assert placing.wait(30)
        two = threads.submit(send, room.service, parts[2])
        (row,) = room.service.prearchive.rows()
        assert row.shown_status == "_RECEIVING"
        with pytest.raises(LockedSessionError, match=r"_RECEIVING since .* \(import\)"):
            room.begun(row.id, Operation.MOVE)
        go_on.set()
        assert one.result(30).uri == two.result(30).uri == row.uri
    assert all_files(room.service) == names(parts[:3])


def test_one_that_waits_too_long_is_told_so(tmp_path, parts):
    with Service(Settings(store=tmp_path / "store", busy_timeout=0.2)) as service:
        service.projects.create("P")
        send(service, parts[0])
        with service.database.write() as connection:
            connection.execute(update(session).values(locked_by="somebody"))
        with pytest.raises(ServiceBusyError, match="for a long time"):
            send(service, parts[1])


def move(room, session_id, die_at):
    """A move to project Q, as far as rows and statuses go; its process dies at the given step."""

    def steps():
        deed = start_deed(room.database, room.tree, "move", session_id=session_id)
        try:
            yield deed
            with room.database.write() as connection:
                hold = begin(connection, session_id, Operation.MOVE, deed.id)
            yield deed
            with room.database.write() as connection:
                advance(connection, hold)
                go_forward(connection, deed.id, {"project": "P2"})
            yield deed
        except (LockedSessionError, HoldLostError):
            give_up(room.database, deed)
            return
        finish(room.database, room.tree, deed, moved)
        yield deed

    for number, deed in enumerate(steps()):
        if number == die_at:
            room.kill(deed)
            return


def moved(connection, deed, tree):
    """Nothing lies elsewhere in this test: only the row says that it moved."""
    mine = (session.c.id == deed.session_id) & (session.c.locked_by == deed.id)
    connection.execute(update(session).where(mine).values(status="READY", locked_by=None, before="", source="moved"))


@pytest.mark.long
def test_8_data_and_moves_that_die_at_once(room, parts):
    """In each round a move that dies at some step, and an object that comes at some moment; then a restart."""
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    send(room.service, parts[0])
    sent = [parts[0]]
    with ThreadPoolExecutor(2) as threads:
        for number in range(25):
            target = chance.choice(room.service.prearchive.rows()).id
            moving = threads.submit(move, room, target, chance.randrange(5))
            part = parts[number % 6]
            threads.submit(send, room.service, part).result(60)
            sent.append(part)
            moving.result(60)
            recover(room.database, room.tree, {"move": moved})
            rows = room.service.prearchive.rows()
            assert {row.shown_status for row in rows} <= {"RECEIVING", "READY"}, f"seed {seed}, round {number}"
            assert set(all_files(room.service)) == set(names(sent)), f"seed {seed}, round {number}"
