"""Work in this process: at once in the asking thread, or in threads that are given up when they hang."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar, cast

from xnat_import_core.workers.deadlines import NoAnswer, lost, seconds_for
from xnat_import_core.workers.pool import Pool

if TYPE_CHECKING:
    from xnat_import_core.plugin_host import HookCalls, PluginHost
    from xnat_import_core.workers.jobs import Job

__all__ = ["InlineWorkers", "thread_workers"]

T = TypeVar("T")


def thread_workers(host: PluginHost, width: int, deadline: float) -> Pool:
    """Workers in threads; ``width`` 0: one for each core."""
    return Pool("threads", width or os.cpu_count() or 1, lambda: _ThreadDesk(host, deadline))


class InlineWorkers:
    """Does each job while it is submitted, in a thread of its own so that a plugin that hangs can be given up."""

    kind = "inline"
    width = 1

    def __init__(self, host: PluginHost, deadline: float) -> None:
        self._host = host
        self._deadline = deadline

    def submit(self, key: str, job: Job[T]) -> Future[T]:
        """See ``Workers``."""
        future: Future[T] = Future()
        desk = _ThreadDesk(self._host, self._deadline)
        try:
            calls = self._host.calls(key)
            future.set_result(desk.run(key, job) if calls.asked(job.hook) else job.run(calls))
        except Exception as error:  # noqa: BLE001 - the future carries it to whoever asks for the result
            future.set_exception(error)
        finally:
            desk.close()
        return future

    def close(self) -> None:
        """Nothing to do."""


class _ThreadDesk:
    """A thread that does jobs, watched by the one that asks. A job that hangs keeps its thread; the desk gets another.

    What such a job still does goes to a staging folder that is gone, or to a future that nobody holds.
    """

    def __init__(self, host: PluginHost, deadline: float) -> None:
        self._host = host
        self._deadline = deadline
        self._begun = False
        self._asked: SimpleQueue[tuple[HookCalls, Job[Any]] | None] = SimpleQueue()
        self._told: SimpleQueue[Future[Any]] = SimpleQueue()

    def begin(self) -> None:
        """See ``Desk``."""
        self._asked, self._told = SimpleQueue(), SimpleQueue()
        queues = (self._asked, self._told)
        threading.Thread(target=_work, args=queues, name="xnat-import-worker", daemon=True).start()
        self._begun = True

    def run(self, key: str, job: Job[T]) -> T:
        """See ``Desk``."""
        calls = self._host.calls(key)
        seconds = seconds_for(job, self._deadline)
        if not self._begun:
            self.begin()
        self._asked.put((calls, job))
        try:
            return cast("T", self._told.get(timeout=seconds).result())
        except Empty:
            self.close()  # its thread ends when the job does, if ever
            raise lost(calls, job, f"did not answer within {seconds:.3g} s", job.names()) from None
        except NoAnswer as fault:
            raise lost(calls, job, str(fault), job.names()) from None

    def close(self) -> None:
        """See ``Desk``."""
        self._asked.put(None)
        self._begun = False


def _work(asked: SimpleQueue[tuple[HookCalls, Job[Any]] | None], told: SimpleQueue[Future[Any]]) -> None:
    while (task := asked.get()) is not None:
        done: Future[Any] = Future()
        calls, job = task
        try:
            done.set_result(job.run(calls))
        except Exception as error:  # noqa: BLE001 - it is raised again where the answer is asked for
            done.set_exception(error)
        except BaseException as error:  # noqa: BLE001 - nobody interrupts this thread: a plugin raised it
            done.set_exception(NoAnswer(f"raised {type(error).__name__}"))
        told.put(done)
        del task, calls, job, done
