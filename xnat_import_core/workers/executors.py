"""The interface of worker slots, and the two kinds that need no process of their own."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["InlineWorkers", "ThreadWorkers", "Workers"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Workers(Protocol):
    """Something that runs batches."""

    @property
    def kind(self) -> str:
        """``inline`` or ``threads``."""

    @property
    def width(self) -> int:
        """How many batches run at once."""

    def submit(self, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Run a batch; its answer or exception is the future's."""

    def close(self) -> None:
        """Wait for what runs, then take no more."""


class InlineWorkers:
    """Runs a batch at once, in the thread of the import."""

    kind = "inline"
    width = 1

    def submit(self, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Run it now."""
        future: Future[_T] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the future carries it to whoever asks for the result
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing to do."""


class ThreadWorkers:
    """Threads, made when first needed and anew after a fork."""

    kind = "threads"

    def __init__(self, width: int = 0) -> None:
        self.width = width or os.cpu_count() or 1
        self._pool: ThreadPoolExecutor | None = None
        self._pid = 0

    def submit(self, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Run it in a thread."""
        if self._pool is None or self._pid != os.getpid():
            self._pool = ThreadPoolExecutor(self.width, thread_name_prefix="xnat-import")
            self._pid = os.getpid()
        return self._pool.submit(work, *args, **kwargs)

    def close(self) -> None:
        """Wait for what runs."""
        if self._pool is not None and self._pid == os.getpid():
            self._pool.shutdown()
        self._pool = None
