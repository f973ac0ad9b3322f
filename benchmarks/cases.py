"""The cases of an import: each takes an archive and a fresh folder, and says what it took."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from attrs import frozen

from benchmarks.measure import Case, Measured
from benchmarks.orthanc import Orthanc
from benchmarks.ours import Caller, Server
from benchmarks.processes import MemoryWatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.client import Answer
    from benchmarks.studies import Archive

__all__ = ["FAST", "FLOOR", "FORM", "NAIVE", "ORTHANC", "RAW", "SLOTS", "THREADS", "ImportCases"]

FLOOR: Final = "F floor"
NAIVE: Final = "N naive script"
ORTHANC: Final = "O Orthanc"
SLOTS: Final = "call, 2 slots"
THREADS: Final = "call, threads"
FAST: Final = "call, 2 slots, not synced"
RAW: Final = "HTTP, raw body"
FORM: Final = "HTTP, form"

_SETTINGS: Final[dict[str, dict[str, object]]] = {
    SLOTS: {"workers": 2},
    THREADS: {},
    FAST: {"workers": 2, "durability": "fast"},
}


@frozen
class ImportCases:
    """Makes cases; what is ours is warmed by an import that is large enough for every worker to be started."""

    warm_up: Archive

    def of(self, archive: Archive, *names: str) -> list[Case]:
        """The named cases for an archive."""
        return [Case(name, self._runner(name, archive)) for name in names]

    def _runner(self, name: str, archive: Archive) -> Callable[[Path], Measured]:
        if name == FLOOR:
            return lambda folder: _script("benchmarks.floor", archive, folder)
        if name == NAIVE:
            return lambda folder: _script("benchmarks.naive", archive, folder)
        if name == ORTHANC:
            return lambda folder: _orthanc(archive, folder)
        if name == RAW:
            return lambda folder: self._http(archive, folder, Server.import_raw)
        if name == FORM:
            return lambda folder: self._http(archive, folder, Server.import_form)
        return lambda folder: self._call(archive, folder, _SETTINGS[name])

    def _call(self, archive: Archive, folder: Path, settings: dict[str, object]) -> Measured:
        with Caller(folder / "store", settings) as caller:
            caller.import_(self.warm_up)
            archive.warm()
            with MemoryWatch(caller.pid, "caller") as memory:
                seconds = caller.import_(archive)
        return Measured(seconds, archive.files, memory.peaks, memory.together)

    def _http(self, archive: Archive, folder: Path, upload: Callable[[Server, Archive], Answer]) -> Measured:
        with Server(folder / "store") as server:
            server.log_in()
            server.import_raw(self.warm_up)
            archive.warm()
            with MemoryWatch(server.pid, "server") as memory:
                answer = upload(server, archive)
        return Measured(answer.seconds, archive.files, memory.peaks, memory.together)


def _script(module: str, archive: Archive, folder: Path) -> Measured:
    archive.warm()
    command = [sys.executable, "-m", module, str(archive.path), str(folder)]
    said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    if said["files"] != archive.files:
        message = f"{module} found {said['files']} of {archive.files} files of {archive.name}"
        raise SystemExit(message)
    return Measured(said["seconds"], archive.files, {"script": said["peak"]}, said["peak"])


def _orthanc(archive: Archive, folder: Path) -> Measured:
    with Orthanc(folder) as orthanc:
        archive.warm()
        with MemoryWatch(orthanc.pid, "Orthanc") as memory:
            answer = orthanc.upload(archive)
    return Measured(answer.seconds, archive.files, memory.peaks, memory.together)
