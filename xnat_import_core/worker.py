"""What a worker slot runs: ``python -m xnat_import_core.worker FD``. It does one job at a time until nobody asks.

It knows plugins, members and folds; neither database nor XML is imported here.
"""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, cast

from xnat_import_core.errors import PluginError, ServerError, XnatImportError
from xnat_import_core.logs import frames_of
from xnat_import_core.plugin_host import PluginHost
from xnat_import_core.storage.durable import storage_faults
from xnat_import_core.workers.channel import ChannelClosed, receive, send
from xnat_import_core.workers.slots import Answer

if TYPE_CHECKING:
    from xnat_import_core.workers.jobs import Job
    from xnat_import_core.workers.slots import Greeting

__all__ = ["main", "serve"]

_ORPHAN_CHECK_SECONDS = 5.0


def main() -> None:
    """Serve the socket whose descriptor is the argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the whole group; the service decides
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        serve(channel)


def serve(channel: socket.socket) -> None:
    """Do jobs until the other side is gone."""
    parent = os.getppid()
    try:
        worker = _Worker(cast("Greeting", receive(channel)))
        send(channel, Answer())
        while _is_asked(channel, parent):
            _answer(channel, worker)
    except ChannelClosed:
        return


def _is_asked(channel: socket.socket, parent: int) -> bool:
    """Wait for a job; false when the service was killed and a child of its own still holds the other end."""
    while not select.select([channel], [], [], _ORPHAN_CHECK_SECONDS)[0]:
        if os.getppid() != parent:
            return False
    return True


def _answer(channel: socket.socket, worker: _Worker) -> None:
    key, job = cast("tuple[str, Job[Any]]", receive(channel))
    answer = worker.do(key, job)
    try:
        send(channel, answer)
    except ChannelClosed:
        raise
    except Exception as error:  # noqa: BLE001 - pickling calls a plugin's own code
        message = f"Plugin {key}, hook {job.hook}, answered what cannot travel ({type(error).__name__})."
        fault = PluginError(message, plugin=key, distribution="", hook=job.hook, members=job.names())
        send(channel, Answer(error=fault))


class _Worker:
    """The plugins of this process, and what they have to say to the log of the service."""

    def __init__(self, greeting: Greeting) -> None:
        sys.path[:] = greeting.path
        resource.setrlimit(resource.RLIMIT_DATA, (greeting.memory, greeting.memory))
        self._events = _Events()
        source = pickle.loads(greeting.plugins)  # noqa: S301 - from our own service
        self._host = PluginHost(source, greeting.settings, self._events)

    def do(self, key: str, job: Job[Any]) -> Answer:
        """Do a job; whatever goes wrong is its own."""
        try:
            with storage_faults():
                value, fault = job.run(self._host.calls(key)), None
        except XnatImportError as error:
            value, fault = None, error
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the service goes on, whatever it is
            self._events.error("unexpected fault", error=type(error).__name__, frames=frames_of(error))
            value, fault = None, ServerError("The service failed; nothing was stored.")
        return Answer(value, fault, self._events.taken())


class _Events:
    """Collects faults; the times of calls stay here."""

    def __init__(self) -> None:
        self._events: list[tuple[str, str, dict[str, object]]] = []

    def debug(self, event: str, **facts: object) -> None:
        """Not told."""

    def error(self, event: str, **facts: object) -> None:
        """To be told with the answer."""
        self._events.append(("error", event, facts))

    def taken(self) -> tuple[tuple[str, str, dict[str, object]], ...]:
        """All since the last time."""
        events, self._events = tuple(self._events), []
        return events


if __name__ == "__main__":
    main()
