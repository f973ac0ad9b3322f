"""O: Orthanc, if it is installed, which takes a zip archive by HTTP as well."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Final, Self

from attrs import define, field

from benchmarks.client import FilePart, send

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from benchmarks.client import Answer
    from benchmarks.studies import Archive

__all__ = ["Orthanc", "orthanc_version"]

_START_SECONDS = 30.0
_OK = 200
_CONFIGURATION: Final = {
    "Name": "bench", "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "DicomServerEnabled": False,
    "HttpThreadsCount": 50, "TcpNoDelay": True, "KeepAlive": True, "StoreMD5ForAttachments": True,
    "StorageCompression": False, "SyncStorageArea": False, "Plugins": [],
}  # fmt: skip


def orthanc_version() -> str:
    """The first line that it says of itself; empty if it is not on the PATH."""
    if shutil.which("Orthanc") is None:
        return ""
    said = subprocess.run(["Orthanc", "--version"], check=True, capture_output=True, text=True).stdout
    return said.partition("\n")[0]


@define
class Orthanc:
    """A process of its own on a folder of its own, in the foreground, as the ``with`` block lasts."""

    folder: Path
    url: str = field(init=False)
    _process: subprocess.Popen[bytes] = field(init=False)

    def __enter__(self) -> Self:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        storage = str(self.folder / "storage")
        own = {"HttpPort": port, "StorageDirectory": storage, "IndexDirectory": storage}
        configuration = self.folder / "orthanc.json"
        configuration.write_text(json.dumps({**_CONFIGURATION, **own}), "utf-8")
        with (self.folder / "orthanc.log").open("wb") as log:
            self._process = subprocess.Popen(["Orthanc", str(configuration)], stdout=log, stderr=log)
        self._wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def upload(self, archive: Archive) -> Answer:
        """Send an archive; every file in it must have been stored."""
        body = [FilePart(archive.path, archive.size)]
        answer = send("POST", f"{self.url}/instances", body, {"Content-Type": "application/zip"})
        stored = json.loads(answer.body) if answer.status == _OK else []
        fresh = sum(instance["Status"] == "Success" for instance in stored)
        if fresh != archive.files:
            message = f"Orthanc stored {fresh} of {archive.files} files of {archive.name}"
            raise SystemExit(message)
        return answer

    def _wait(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                if send("GET", f"{self.url}/system").status == _OK:
                    return
            except OSError:
                time.sleep(0.05)
        self._process.kill()
        self._process.wait()
        message = f"Orthanc did not start; see {self.folder / 'orthanc.log'}"
        raise SystemExit(message)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
