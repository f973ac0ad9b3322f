"""P: this service, by a Python call and by HTTP; each in a process of its own on a fresh store, warm."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from attrs import define, field

from benchmarks.client import FilePart, form_of, send

if TYPE_CHECKING:
    from types import TracebackType

    from benchmarks.client import Answer
    from benchmarks.studies import Archive

__all__ = ["Caller", "Server"]

_PASSWORD = "benchmark words"  # noqa: S105 - of a store that lives for one run
_URL: Final = re.compile(r"http://127\.0\.0\.1:\d+")
_PROJECT = "BENCH"
_ZIP: Final = {"Content-Type": "application/zip"}
_OK = (200, 201)
_UNREADABLE = 400


@define
class Caller:
    """A program that embeds a ``Service``; ``settings`` are those that differ from the defaults."""

    store: Path
    settings: dict[str, object] = field(factory=dict)
    _process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.caller", str(self.store), json.dumps(self.settings)]
        self._process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def import_(self, archive: Archive) -> float:
        """Seconds of the call; every file of the archive must have been stored."""
        if self._process.stdin is None or self._process.stdout is None:
            message = "not started"
            raise RuntimeError(message)
        print(archive.path, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        answer = json.loads(line or '{"seconds": 0, "stored": 0}')
        _check(answer["stored"], archive)
        return float(answer["seconds"])


@define
class Server:
    """``xnat-import serve`` on a free port; whoever asks is logged in."""

    store: Path
    url: str = field(init=False)
    _login: dict[str, str] = field(init=False)
    _process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Self:
        self._process = self._started()
        if self._process.stdout is None:
            message = "not started"
            raise RuntimeError(message)
        found = next(filter(None, map(_URL.search, self._process.stdout)), None)
        if found is None:
            message = f"serve ended with status {self._process.wait()}"
            raise SystemExit(message)
        self.url = found[0]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def log_in(self) -> None:
        """Get a session's cookie, so that no request pays for checking a password; make the project."""
        basic = base64.b64encode(f"admin:{_PASSWORD}".encode()).decode()
        answer = send("POST", f"{self.url}/data/JSESSION", headers={"Authorization": f"Basic {basic}"})
        self._login = {"Cookie": f"JSESSIONID={answer.body.decode()}"}
        made = send("PUT", f"{self.url}/data/projects/{_PROJECT}", headers=self._login)
        if made.status not in _OK:
            message = f"no project: {made.status} {made.body.decode()}"
            raise SystemExit(message)

    def import_raw(self, archive: Archive) -> Answer:
        """The archive as the body; every file in it must have been stored."""
        answer = self._post([FilePart(archive.path, archive.size)], _ZIP, inbody="true")
        _check(_stored(answer), archive)
        return answer

    def import_form(self, archive: Archive) -> Answer:
        """The archive as a part of a form, as XNAT's own uploader sends it."""
        media_type, body = form_of(FilePart(archive.path, archive.size), {})
        answer = self._post(body, {"Content-Type": media_type})
        _check(_stored(answer), archive)
        return answer

    def refuse_raw(self, archive: Archive) -> Answer:
        """A zip archive without its directory: received as a whole, then refused at once."""
        return _refused(self._post([_without_directory(archive)], _ZIP, inbody="true"))

    def refuse_form(self, archive: Archive) -> Answer:
        """The same as a part of a form."""
        media_type, body = form_of(_without_directory(archive), {})
        return _refused(self._post(body, {"Content-Type": media_type}))

    def _post(self, body: list[bytes | FilePart], headers: dict[str, str], **query: str) -> Answer:
        asked = "&".join(f"{name}={value}" for name, value in {"import-handler": "SI", **query}.items())
        url = f"{self.url}/data/services/import?project={_PROJECT}&{asked}"
        return send("POST", url, body, {"Accept": "application/json", **self._login, **headers})

    def _started(self) -> subprocess.Popen[str]:
        program = Path(sys.executable).parent / "xnat-import"
        return subprocess.Popen(
            [str(program), "serve", "--store", str(self.store), "--port", "0"],
            env={**os.environ, "XNAT_IMPORT_ADMIN_PASSWORD": _PASSWORD},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )


def _without_directory(archive: Archive) -> FilePart:
    with zipfile.ZipFile(archive.path) as opened:
        return FilePart(archive.path, opened.start_dir)


def _stored(answer: Answer) -> int:
    if answer.status not in _OK:
        message = f"not imported: {answer.status} {answer.body.decode()}"
        raise SystemExit(message)
    return int(json.loads(answer.body)["counts"]["stored"])


def _refused(answer: Answer) -> Answer:
    if answer.status != _UNREADABLE:
        message = f"expected a refusal: {answer.status} {answer.body.decode()}"
        raise SystemExit(message)
    return answer


def _check(stored: int, archive: Archive) -> None:
    if stored != archive.files:
        message = f"stored {stored} of {archive.files} files of {archive.name}"
        raise SystemExit(message)
