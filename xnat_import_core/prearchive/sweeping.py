"""Locks whose owner is dead go back; owners that live say so; who needs a session that is locked waits for it."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, select, update

from xnat_import_core.database.tables import session
from xnat_import_core.errors import XnatImportError
from xnat_import_core.logs import event_logger
from xnat_import_core.prearchive.machine import UNLOCKED, LockedSessionError, beat, begin, stale
from xnat_import_core.storage.staging import lock_is_free

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from xnat_import_core.database import Database
    from xnat_import_core.prearchive.machine import Operation, PrearchiveHold
    from xnat_import_core.storage.tree import Tree

__all__ = ["beating", "begin_patiently", "sweep"]

_BEAT_EVERY: Final = 15.0


def sweep(database: Database, tree: Tree, now: datetime) -> int:
    """Give back each lock without a heartbeat for a minute whose owner's process is gone; how many they were.

    What has gone forward keeps its lock: ``recover`` finishes it.
    """
    revocable = and_(session.c.before != "", stale(now))
    with database.read() as connection:
        owners = connection.execute(select(session.c.locked_by).where(revocable).distinct()).scalars().all()
    given = 0
    for owner in [each for each in owners if lock_is_free(tree.staging / each)]:
        back = update(session).where(revocable, session.c.locked_by == owner)
        with database.write() as connection:
            given += connection.execute(back.values(**UNLOCKED, status=session.c.before)).rowcount
        event_logger(owner=owner).warning("lock of a dead owner given back")
    return given


@contextmanager
def beating(database: Database, owner: str) -> Iterator[None]:
    """Keep the locks of an owner alive, from a thread of their own, while the block runs."""
    over = Event()
    thread = Thread(target=_beat_until, args=(over, database, owner), name=f"heartbeat-{owner[:8]}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def begin_patiently(
    database: Database, session_id: int, operation: Operation, owner: str, patience: float
) -> PrearchiveHold:
    """``begin`` as soon as the session is free: a build that data have interrupted waits for them.

    Raises:
        LockedSessionError: It was not free for ``patience`` seconds.
        SessionConflictError, NotFoundError: As ``begin``.
    """
    give_up = time.monotonic() + patience
    pause = 0.005
    while True:
        try:
            with database.write() as connection:
                return begin(connection, session_id, operation, owner)
        except LockedSessionError:
            if time.monotonic() > give_up:
                raise
            time.sleep(pause)
            pause = min(pause * 2, 0.25)


def _beat_until(over: Event, database: Database, owner: str) -> None:
    while not over.wait(_BEAT_EVERY):
        with suppress(XnatImportError):  # the database is away for now: the next beat tells it
            beat(database, owner)
