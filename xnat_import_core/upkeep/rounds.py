"""The rounds of a service, in a thread of its own.

Idle sessions are built and archived, dead locks given back, and what another process left is finished or undone.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Thread
from typing import TYPE_CHECKING

from attrs import field, frozen

from xnat_import_core.errors import XnatImportError
from xnat_import_core.logs import event_logger, frames_of
from xnat_import_core.prearchive.recovery import recover
from xnat_import_core.prearchive.sweeping import sweep
from xnat_import_core.storage.staging import start_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xnat_import_core.operations import Rebuilder
    from xnat_import_core.prearchive.deeds import Finisher
    from xnat_import_core.store import Store

__all__ = ["Rounds"]


@frozen
class Rounds:
    """What is done again and again.

    Attributes:
        store: The store.
        rebuilder: Builds what is idle.
        finishers: What shows the rows of a deed, by its kind.
    """

    store: Store
    rebuilder: Rebuilder
    finishers: Mapping[str, Finisher] = field(factory=dict)

    def make(self, now: datetime) -> int:
        """One round; how many sessions were seen to."""
        database, tree = self.store.database, self.store.tree
        swept = sweep(database, tree, now)
        with start_lock(tree.start_lock, fcntl.LOCK_EX):
            recover(database, tree, self.finishers)
        return swept + self.rebuilder.run(now)

    @contextmanager
    def going_on(self, seconds: float) -> Iterator[None]:
        """A round every so many seconds while the block runs; never for 0. A round that fails is followed by the next.

        A round that has begun is waited for at the end of the block.
        """
        if seconds <= 0:
            yield
            return
        over = Event()
        thread = Thread(target=self._until, args=(over, seconds), name="xnat-import-rounds", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _until(self, over: Event, seconds: float) -> None:
        while not over.wait(seconds):
            try:
                self.make(datetime.now(UTC))
            except (XnatImportError, OSError) as error:
                event_logger(task="rounds").error("round failed", error=type(error).__name__, frames=frames_of(error))
