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
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import frozen

import xnat_import_core
from xnat_import_core.errors import InvalidRequestError, ServerError, XnatImportError
from xnat_import_core.logs import event_logger
from xnat_import_core.workers.channel import ChannelClosed, ChannelTimeout, receive, send
from xnat_import_core.workers.deadlines import lost, seconds_for
from xnat_import_core.workers.pool import Pool

if TYPE_CHECKING:
    from xnat_import_core.plugin_host import PluginHost, PluginSource
    from xnat_import_core.settings import Plugins
    from xnat_import_core.workers.jobs import Job

__all__ = ["Answer", "Greeting", "slot_workers"]

T = TypeVar("T")

_START_SECONDS = 60.0
_SECONDS_ALONE = 1.0


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
    """What comes back: a value or an error, and events for the log."""

    value: object = None
    error: XnatImportError | None = None
    events: tuple[tuple[str, str, dict[str, object]], ...] = ()


class _Lost(Exception):  # noqa: N818 - a fact about the process
    """The process brought no answer; its text says why."""


class _Slot:
    """One process: started when there is work, and again when the last one is gone."""

    def __init__(self, host: PluginHost, greeting: Greeting, deadline: float) -> None:
        self._host = host
        self._greeting = greeting
        self._deadline = deadline
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def begin(self) -> None:
        """See ``Desk``."""
        if self._process is not None:
            self._kill()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "xnat_import_core.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=2, pass_fds=[theirs.fileno()], env=_environment(),
            )  # fmt: skip
        self._channel = ours
        deadline = time.monotonic() + _START_SECONDS
        try:
            send(ours, self._greeting, deadline)
            receive(ours, deadline)
        except (ChannelClosed, ChannelTimeout):
            message = f"A worker process did not begin ({self._kill()}). Nothing was stored; the log says more."
            raise ServerError(message) from None

    def run(self, key: str, job: Job[T]) -> T:
        """See ``Desk``."""
        calls = self._host.calls(key)
        try:
            return cast("T", self._ask(key, job, seconds_for(job, self._deadline)))
        except _Lost as fault:
            members = self._culprits(key, job) or list(job.names())
            raise lost(calls, job, str(fault), members) from None

    def close(self) -> None:
        """See ``Desk``: the process ends by itself when nobody is at the other end."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            try:
                self._process.wait(_SECONDS_ALONE)
            except subprocess.TimeoutExpired:
                self._kill()
        self._process = self._channel = None

    def _ask(self, key: str, job: Job[Any], seconds: float) -> object:
        channel = self._ready()
        deadline = time.monotonic() + seconds
        try:
            send(channel, (key, job), deadline)
            answer = receive(channel, deadline)
        except ChannelTimeout:
            self._kill()
            what = f"did not answer within {seconds:.0f} s"
            raise _Lost(what) from None
        except ChannelClosed:
            what = f"ended its process ({self._kill()})"
            raise _Lost(what) from None
        return self._told(cast("Answer", answer))

    def _told(self, answer: Answer) -> object:
        """Repeat what the process had to say to the log, and raise its error."""
        for level, event, facts in answer.events:
            getattr(event_logger(), level)(event, **facts)
        if answer.error is not None:
            raise answer.error
        return answer.value

    def _culprits(self, key: str, job: Job[Any]) -> list[str]:
        """The member that it dies of, tried one by one up to the first."""
        parts = job.parts()
        for part in parts if len(parts) > 1 else ():
            try:
                self._ask(key, part, max(_SECONDS_ALONE, self._deadline / len(parts)))
            except _Lost:
                return list(part.names())
            except XnatImportError:
                continue
        return []

    def _ready(self) -> socket.socket:
        if self._process is None or self._channel is None or self._process.poll() is not None:
            self.begin()
        return cast("socket.socket", self._channel)

    def _kill(self) -> str:
        """End the process, however it is; say how it ended."""
        process, self._process = self._process, None
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if process is None:
            return "it was gone"
        try:
            code = process.wait(0.2)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def _environment() -> dict[str, str]:
    """The service's own, and where the core is: the interpreter may have found it by a path of the program's own."""
    here = str(Path(xnat_import_core.__file__).parent.parent)
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))}
