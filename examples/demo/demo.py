# ruff: noqa: INP001, T201, S603 - a script that prints and starts a program
"""Start the real service, upload a real study as a user would, and show what came of it."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import queue
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

STUDY = Path(__file__).parent / "study"
PROJECT = "DEMO"
CHUNK = 4096
START_SECONDS = 60.0


class Client:
    """A user of XNAT's REST interface, with nothing but the standard library."""

    def __init__(self, url: str, password: str) -> None:
        """``url``: where the service listens."""
        self._address = urlsplit(url)
        login = base64.b64encode(f"admin:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}
        self.import_id = ""

    def send(self, method: str, path: str, body: bytes = b"", media_type: str = "", progress: str = "") -> str:
        """The text of the answer; leaves the demo if it is an error."""
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=60)
        headers = self._headers | ({"Content-Type": media_type} if media_type else {})
        try:
            chunks = told(body, progress) if progress else body
            connection.request(method, path, chunks, headers | {"Content-Length": str(len(body))})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= http.client.BAD_REQUEST:
            sys.exit(f"{method} {path}: {answer.status} {text}")
        self.import_id = answer.headers.get("X-Import-Id", self.import_id)
        return text


def told(body: bytes, what: str) -> Iterator[bytes]:
    """The body in chunks, telling how much of it is on its way."""
    for start in range(0, len(body), CHUNK):
        yield body[start : start + CHUNK]
        done = min(start + CHUNK, len(body))
        print(f"\r{what}: {done:,} of {len(body):,} bytes", end="", flush=True)
    print()


@contextmanager
def service(store: Path, password: str) -> Iterator[str]:
    """``xnat-import serve`` on a free port; the URL that it prints. Ended in any case."""
    command = [sys.executable, "-m", "xnat_import_core.cli"]
    options = ["serve", "--store", str(store), "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(
        [*command, *options],
        env=os.environ | plain_settings() | {"XNAT_IMPORT_ADMIN_PASSWORD": password, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield printed_url(process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def plain_settings() -> dict[str, str]:
    """Extensions that happen to be installed here (such as the examples) take no part: the study comes as it is."""
    extensions = sorted(point.name for point in entry_points(group="xnat_import.extensions"))
    return {"XNAT_IMPORT_PLUGINS_DENY": ":".join(extensions)} if extensions else {}


def printed_url(process: subprocess.Popen[str]) -> str:
    """The address that the service prints once it listens; its output is read to the end, so that it never blocks."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=forward, args=(process, lines), daemon=True).start()
    seen = []
    try:
        while (line := lines.get(timeout=START_SECONDS)) is not None:
            seen.append(line)
            if found := re.search(r"http://[\w.\[\]:-]+:\d+", line):
                return found[0]
    except queue.Empty:
        pass
    sys.exit(f"The service did not start:\n{''.join(seen)}")


def forward(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    """Hand on the service's output, then ``None``."""
    for line in process.stdout or ():
        lines.put(line)
    lines.put(None)


def zipped(folder: Path) -> bytes:
    """A folder as a zip, as a user would make it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(folder.parent))
    return archive.getvalue()


def tree(folder: Path, indent: str = "  ") -> Iterator[str]:
    """A line for each file and folder below."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield f"{indent}{path.name}/"
            yield from tree(path, indent + "  ")
        else:
            yield f"{indent}{path.name}  ({path.stat().st_size:,} bytes)"


def receipt_summary(text: str) -> str:
    """How many members had which fate."""
    receipt = json.loads(text)
    return ", ".join(f"{count} {fate}" for fate, count in receipt["counts"].items())


def typed_program() -> str:
    """How a user here starts ``xnat-import``: by name if the shell finds it, else by its path in this environment."""
    program = Path(sys.executable).with_name("xnat-import")
    found = shutil.which("xnat-import")
    if found and Path(found) == program:
        return "xnat-import"
    return str(program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program)


def demo(store: Path) -> None:
    """The whole story, told on standard output."""
    password = secrets.token_urlsafe(12)
    upload = zipped(STUDY)
    with service(store, password) as url:
        print(f"The service runs on {url}, its store is empty.")
        client = Client(url, password)
        client.send("PUT", f"/data/projects/{PROJECT}")
        print(f"Project {PROJECT} is made.")
        address = f"/data/services/import?dest=/prearchive/projects/{PROJECT}"
        answer = client.send("POST", address, upload, "application/zip", "Uploading the study as a zip")
        receipt = client.send("GET", f"/xapi/imports/{client.import_id}")
    print(f"\nThe answer:\n  {answer.strip()}")
    print(f"\nThe receipt ({client.import_id}):\n  {receipt_summary(receipt)}")
    print("\nWhat it made in the store's prearchive:")
    print("\n".join(tree(store / "prearchive")))
    print("\nWhat to try next:")
    program = typed_program()
    print(f"  {program} project add {PROJECT} --store my-store")
    print(f"  {program} import {STUDY} --store my-store --project {PROJECT}")
    print(f"  {program} serve --store my-store")


def main() -> int:
    """Run the demo in a temporary store, which is removed whatever happens."""
    try:
        with tempfile.TemporaryDirectory(prefix="xnat-import-demo-") as store:
            demo(Path(store))
    except KeyboardInterrupt:
        print("\nInterrupted; nothing is left.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
