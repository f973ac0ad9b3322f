"""What a worker slot runs: ``python -m xnat_import_core.worker FD``. It does one job at a time until nobody asks.

It knows plugins, members and folds; neither database nor XML is imported here.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve

from xnat_import_core.errors import ServerError, XnatImportError
from xnat_import_core.logs import frames_of
from xnat_import_core.plugin_host import PluginHost
from xnat_import_core.storage.durable import storage_faults
from xnat_import_core.workers.channel import ChannelClosed, receive, send
from xnat_import_core.workers.deadlines import NoAnswer
from xnat_import_core.workers.slots import Answer

if TYPE_CHECKING:
    from xnat_import_core.workers.jobs import Job
    from xnat_import_core.workers.slots import Greeting

__all__ = ["main", "serve"]

_PR_SET_PDEATHSIG = 1
_PLAIN_KINDS: tuple[Any, ...] = (str, int, float)


def main() -> None:
    """Serve the socket whose descriptor is the argument."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a plugin that hangs must not outlive the service
    for number in (signal.SIGINT, signal.SIGTERM):  # a stop is told to every process; the service lets imports end
        signal.signal(number, _stay)
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        serve(channel)


def serve(channel: socket.socket) -> None:
    """Do jobs until the other side is gone."""
    with suppress(ChannelClosed):
        worker = _Worker(cast("Greeting", receive(channel)))
        send(channel, Answer())
        while True:
            _answer(channel, worker)


def _stay(_number: int, _frame: object) -> None:
    """Do not end, but let programs that a plugin starts end: they inherit what is ignored, not what is handled."""


def _answer(channel: socket.socket, worker: _Worker) -> None:
    key, job = cast("tuple[str, Job[Any]]", receive(channel))
    answer = worker.do(key, job)
    try:
        send(channel, answer, pickler=_Plain)
    except ChannelClosed:
        raise
    except Exception as error:  # noqa: BLE001 - pickling runs what plugins wrote
        missing = f"answered what cannot travel ({type(error).__name__})"
        send(channel, Answer(missing=missing, events=answer.events))


class _Plain(pickle.Pickler):
    """Sends a plugin's own texts, numbers and mappings as plain ones: the service loads no code to read an answer."""

    def reducer_override(self, value: object) -> Any:  # noqa: ANN401 - as pickle has it
        """Called for what is not of a built-in type."""
        for kind in _PLAIN_KINDS:
            if isinstance(value, kind):
                return kind, kind.__getnewargs__(value)
        return (dict, (dict(value),)) if isinstance(value, Mapping) else NotImplemented


class _Worker:
    """The plugins of this process, and what they have to say to the log of the service."""

    def __init__(self, greeting: Greeting) -> None:
        sys.path[:] = greeting.path
        _bound_memory(greeting.memory)
        self._events = _Events()
        source = pickle.loads(greeting.plugins)  # noqa: S301 - from our own service
        self._host = PluginHost(source, greeting.settings, self._events)

    def do(self, key: str, job: Job[Any]) -> Answer:
        """Do a job; whatever goes wrong is its own."""
        try:
            with storage_faults():
                answer = Answer(job.run(self._host.calls(key)))
        except XnatImportError as error:
            answer = Answer(error=error)
        except NoAnswer as error:
            answer = Answer(missing=str(error))
        except Exception as error:  # noqa: BLE001 - the service goes on, whatever it is
            self._events.error("unexpected fault", error=type(error).__name__, frames=frames_of(error))
            answer = Answer(error=ServerError("The service failed; nothing was stored."))
        except BaseException as error:  # noqa: BLE001 - nobody interrupts this process: a plugin raised it
            answer = Answer(missing=f"raised {type(error).__name__}")
        return evolve(answer, events=self._events.taken())


def _bound_memory(size: int) -> None:
    """More is a ``MemoryError``. What the service itself may not have cannot be allowed here."""
    _, highest = resource.getrlimit(resource.RLIMIT_DATA)
    allowed = size if highest == resource.RLIM_INFINITY else min(size, highest)
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))


class _Events:
    """Collects faults; the times of calls stay here. It is told after every call: a fork that comes back ends here."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._events: list[tuple[str, str, dict[str, object]]] = []

    def debug(self, event: str, **facts: object) -> None:  # noqa: ARG002 - as an EventLog has it
        """Not told."""
        self._end_fork()

    def error(self, event: str, **facts: object) -> None:
        """To be told with the answer."""
        self._end_fork()
        self._events.append(("error", event, facts))

    def _end_fork(self) -> None:
        """Two that write the same files and answer the same question would be one too many."""
        if os.getpid() != self._process:
            os._exit(1)

    def taken(self) -> tuple[tuple[str, str, dict[str, object]], ...]:
        """All since the last time."""
        events, self._events = tuple(self._events), []
        return events


if __name__ == "__main__":
    main()
