"""Workers behind one interface of three names: ``submit``, ``close``, ``kind``.

A pool has desks, at each of which one job is done at a time; a thread of the pool feeds each desk. What is at a desk,
a thread or a process, is the desk's business.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from xnat_import_core.workers.jobs import Job

__all__ = ["Asking", "Desk", "Pool", "Workers"]

T = TypeVar("T")


class Workers(Protocol):
    """Something that does jobs."""

    @property
    def kind(self) -> str:
        """``inline``, ``threads`` or ``slots``."""

    @property
    def width(self) -> int:
        """How many jobs are done at once."""

    def submit(self, key: str, job: Job[T]) -> Future[T]:
        """Have a job done for a handler key; its answer or exception is the future's."""

    def close(self) -> None:
        """Finish what runs, then take no more."""


@frozen
class Asking:
    """Asks workers on behalf of one import, and waits."""

    key: str
    workers: Workers

    def __call__(self, job: Job[T]) -> T:
        """A job's answer. Raises what it raises."""
        return self.workers.submit(self.key, job).result()


class Desk(Protocol):
    """Where one job is done at a time."""

    def begin(self) -> None:
        """Be ready, so that the first job need not wait. Raises where that is not possible now."""

    def run(self, key: str, job: Job[T]) -> T:
        """Do it. Raises what the job raises, or ``PluginError`` where a plugin hangs or kills its process."""

    def close(self) -> None:
        """Let go of thread or process."""


class Pool:
    """Workers with ``width`` desks, made when they are first needed, and anew after a fork."""

    def __init__(self, kind: str, width: int, make_desk: Callable[[], Desk]) -> None:
        self.kind = kind
        self.width = width
        self._make_desk = make_desk
        self._staffs: dict[int, _Staff] = {}

    def submit(self, key: str, job: Job[T]) -> Future[T]:
        """See ``Workers``."""
        future: Future[T] = Future()
        self._staff().take(_Task(key, job, future))
        return future

    def warm(self) -> None:
        """Have one desk ready: the first import does not wait for it."""
        self._staff().begin()

    def close(self) -> None:
        """See ``Workers``."""
        staff = self._staffs.pop(os.getpid(), None)
        if staff is not None:
            staff.dismiss()

    def _staff(self) -> _Staff:
        """The threads of this process: those of a parent do not live on in its child."""
        return self._staffs.setdefault(os.getpid(), _Staff(self.width, self._make_desk))


@frozen
class _Task:
    key: str
    job: Job[Any]
    future: Future[Any]


class _Staff:
    """The feeding threads of one process. They are daemons: a hanging plugin does not keep a program from ending."""

    def __init__(self, width: int, make_desk: Callable[[], Desk]) -> None:
        self._width = width
        self._make_desk = make_desk
        self._queue: SimpleQueue[_Task | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open = 0

    def begin(self) -> None:
        with self._lock:
            ready = None if self._threads else self._add()
        if ready is not None:
            ready.wait()

    def take(self, task: _Task) -> None:
        with self._lock:
            if len(self._threads) < min(self._open + 1, self._width):
                self._add()
            self._open += 1
        self._queue.put(task)

    def _add(self) -> threading.Event:
        ready = threading.Event()
        thread = threading.Thread(target=self._feed, args=(ready,), name="xnat-import-desk", daemon=True)
        thread.start()
        self._threads.append(thread)
        return ready

    def dismiss(self) -> None:
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _feed(self, ready: threading.Event) -> None:
        desk = self._make_desk()
        try:
            with suppress(Exception):  # the first job tries again, and says so
                desk.begin()
            ready.set()
            while (task := self._queue.get()) is not None:
                self._do(desk, task)
                del task  # its answer must not live until the next one comes
        finally:
            desk.close()

    def _do(self, desk: Desk, task: _Task) -> None:
        try:
            if not task.future.set_running_or_notify_cancel():
                return
            try:
                answer = desk.run(task.key, task.job)
            except BaseException as error:  # noqa: BLE001 - the future carries it to whoever asks for the result
                task.future.set_exception(error)
            else:
                task.future.set_result(answer)
        finally:
            with self._lock:
                self._open -= 1
