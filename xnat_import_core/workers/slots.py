"""Worker slots: processes of our own, one job in flight each, that may hang, crash or run out of memory.

``sys.executable -m xnat_import_core.worker`` over a socket pair, because a pool of the standard library breaks innocent
imports when one process dies, cannot end the one that hangs, and runs an unguarded main script again.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import frozen

import xnat_import_core
from xnat_import_core.errors import InvalidRequestError, ServerError, XnatImportError
from xnat_import_core.logs import event_logger
from xnat_import_core.workers.channel import ChannelClosed, ChannelTimeout, receive, send
from xnat_import_core.workers.deadlines import NoAnswer, lost, seconds_for
from xnat_import_core.workers.jobs import Calling
from xnat_import_core.workers.pool import Pool

if TYPE_CHECKING:
    from xnat_import_core.plugin_host import HookCalls, PluginHost, PluginSource
    from xnat_import_core.settings import Plugins
    from xnat_import_core.workers.jobs import Job

__all__ = ["Answer", "Greeting", "slot_workers"]

T = TypeVar("T")

_START_SECONDS = 60.0
_SECONDS_ALONE = 1.0
_SECONDS_TO_LEAVE = 1.0
_SECONDS_TO_DIE = 0.2


@frozen
class Greeting:
    """What a worker process is told first.

    Attributes:
        path: ``sys.path`` of the service: its plugins are found there.
        plugins: Where plugins come from, pickled: unpickling it may need the path.
        settings: Which of them take part.
        memory: Bytes that the process may take; more is a ``MemoryError`` there.
    """

    path: tuple[str, ...]
    plugins: bytes
    settings: Plugins
    memory: int


def slot_workers(  # noqa: PLR0913 - what a process has to be told, each once
    host: PluginHost, source: PluginSource, settings: Plugins, *, width: int, deadline: float, memory: int
) -> Pool:
    """Workers in processes.

    Raises:
        InvalidRequestError: The plugins are objects or modules that another process cannot import.
    """
    try:
        plugins = pickle.dumps(source)
    except Exception as error:
        message = (
            f"workers={width} needs plugins that another process can import, and these are not ({error}). "
            "Put them into a module, or use workers=0."
        )
        raise InvalidRequestError(message) from error
    greeting = Greeting(tuple(sys.path), plugins, settings, memory)
    return Pool("slots", width, lambda: _Slot(host, greeting, deadline))


@frozen
class Answer:
    """What comes back: a value or an error or why there is neither, and events for the log."""

    value: object = None
    error: XnatImportError | None = None
    missing: str = ""
    events: tuple[tuple[str, str, dict[str, object]], ...] = ()


class _Slot:
    """One process: started when there is work, and again when the last one is gone.

    It is in a process group of its own, with the programs that a plugin starts, and the kernel kills it when the thread
    that started it ends: this desk's, or its whole process.
    """

    def __init__(self, host: PluginHost, greeting: Greeting, deadline: float) -> None:
        self._host = host
        self._greeting = greeting
        self._deadline = deadline
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def begin(self) -> None:
        """See ``Desk``."""
        self._end()
        deadline = time.monotonic() + _START_SECONDS
        try:
            channel = self._start()
            send(channel, self._greeting, deadline)
            receive(channel, deadline)
        except (ChannelClosed, ChannelTimeout, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else self._end()
            message = f"A worker process did not begin ({why}). Nothing was stored; the log says more."
            raise ServerError(message) from None

    def _start(self) -> socket.socket:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "xnat_import_core.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=2, pass_fds=[theirs.fileno()], env=_environment(), process_group=0,
            )  # fmt: skip
        return self._channel

    def run(self, key: str, job: Job[T]) -> T:
        """See ``Desk``."""
        calls = self._host.calls(key)
        try:
            return cast("T", self._ask(key, job, seconds_for(job, self._deadline)))
        except NoAnswer as fault:
            members = self._culprits(key, job) or list(job.names())
            raise lost(calls, job, str(fault), members) from None

    def close(self) -> None:
        """See ``Desk``: the process ends by itself when nobody is at the other end."""
        self._end(_SECONDS_TO_LEAVE)

    def _ask(self, key: str, job: Job[Any], seconds: float) -> object:
        channel = self._ready()
        deadline = time.monotonic() + seconds
        try:
            send(channel, (key, job), deadline)
            answer = receive(channel, deadline)
        except ChannelTimeout:
            what = f"did not answer within {seconds:.3g} s"
        except ChannelClosed:
            what = f"ended its process ({self._end()})"
        except Exception as error:  # noqa: BLE001 - pickling runs what plugins wrote
            what = f"answered what cannot travel ({type(error).__name__})"
        else:
            return _told(cast("Answer", answer))
        self._end()
        raise NoAnswer(what)

    def _culprits(self, key: str, job: Job[Any]) -> list[str]:
        """The member that it dies of, tried one by one up to the first."""
        parts = job.parts()
        if len(parts) <= 1 or not self._survives(key, Calling(job.hook, _loaded), self._deadline):
            return []
        seconds = max(_SECONDS_ALONE, self._deadline / len(parts))
        deadly = (part for part in parts if not self._survives(key, part, seconds_for(part, seconds)))
        return next((list(part.names()) for part in deadly), [])

    def _survives(self, key: str, job: Job[Any], seconds: float) -> bool:
        try:
            with suppress(XnatImportError):
                self._ask(key, job, seconds)
        except NoAnswer:
            return False
        return True

    def _ready(self) -> socket.socket:
        if self._process is None or self._channel is None or self._process.poll() is not None:
            self.begin()
        return cast("socket.socket", self._channel)

    def _end(self, patience: float = _SECONDS_TO_DIE) -> str:
        """End the process, however it is, and the programs that it started; say how it ended."""
        process, channel, self._process, self._channel = self._process, self._channel, None, None
        if channel is not None:
            with suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)  # a fork of this process may hold it too
            channel.close()
        if process is None:
            return "it was gone"
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def _loaded(_calls: HookCalls) -> None:
    """The plugin is imported now: what that took is no member's fault."""


def _told(answer: Answer) -> object:
    """Repeat what the process had to say to the log, and raise its error."""
    for level, event, facts in answer.events:
        getattr(event_logger(), level)(event, **facts)
    if answer.error is not None:
        raise answer.error
    if answer.missing:
        raise NoAnswer(answer.missing)
    return answer.value


def _environment() -> dict[str, str]:
    """The service's own, and where the core is: the interpreter may have found it by a path of the program's own."""
    here = str(Path(xnat_import_core.__file__).parent.parent)
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))}
