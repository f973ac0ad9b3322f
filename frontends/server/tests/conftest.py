"""A service on an empty store, its users, and clients that are logged in as one of them."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
from argon2 import PasswordHasher
from attrs import define, field, frozen
from xnat_import_server import Role, Users, create_app
from xnat_import_server.passwords import Passwords

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xnat_import_core.service import Service

SERVE = "import sys; from xnat_import_server.commands import serve; serve(sys.argv[1:])"
URL = re.compile(r"http://127\.0\.0\.1:(\d+)")
PASSWORD = "right words"  # noqa: S105 - of users that live for one test


@define
class Client:
    """A client that keeps its cookies and talks to an application without any network."""

    app: object
    auth: tuple[str, str] | None = None
    cookies: httpx.Cookies = field(factory=httpx.Cookies)

    def request(self, method: str, url: str, **sent) -> httpx.Response:
        return anyio.run(self._request, method, url, sent)

    def get(self, url: str, **sent) -> httpx.Response:
        return self.request("GET", url, **sent)

    def post(self, url: str, **sent) -> httpx.Response:
        return self.request("POST", url, **sent)

    def put(self, url: str, **sent) -> httpx.Response:
        return self.request("PUT", url, **sent)

    def delete(self, url: str, **sent) -> httpx.Response:
        return self.request("DELETE", url, **sent)

    async def _request(self, method: str, url: str, sent: dict) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        options = {"base_url": "http://lab.example", "auth": self.auth, "cookies": self.cookies}
        async with httpx.AsyncClient(transport=transport, **options) as client:
            answer = await client.request(method, url, **sent)
            self.cookies = client.cookies
            return answer


@frozen
class Lab:
    """A service with project P: anna owns it, max is member, carl collaborator, eve a stranger; root is admin."""

    service: Service
    users: Users
    app: object

    def client(self, name: str | None = "anna") -> Client:
        return Client(self.app, (name, PASSWORD) if name else None)

    def import_(self, data: bytes, query: str = "", name: str = "anna", **headers: str):
        headers = {"Content-Type": "application/zip", **headers}
        return self.client(name).post(f"/data/services/import?{query}", content=data, headers=headers)

    def rows(self):
        return self.service.prearchive.rows()

    def leaves(self) -> list[str]:
        """Every file below prearchive and staging."""
        store = self.service.settings.store
        files = (path for top in ("prearchive", "staging") for path in (store / top).rglob("*") if path.is_file())
        return [str(path.relative_to(store)) for path in files]


@pytest.fixture
def lab(import_service: Callable[[], Service]) -> Lab:
    service = import_service()
    users = Users(service.database, Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)))
    app = create_app(service, users=users)
    service.projects.create("P", user="anna")
    for name in ("anna", "max", "carl", "eve", "root"):
        users.add(name, PASSWORD, admin=name == "root")
    for name, role in [("anna", Role.OWNER), ("max", Role.MEMBER), ("carl", Role.COLLABORATOR)]:
        users.set_role(name, "P", role)
    return Lab(service, users, app)


def zipped(folder: Path, **more: bytes) -> bytes:
    """A zip of a folder's files, and of others."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, str(path.relative_to(folder)))
        for name, data in more.items():
            archive.writestr(name, data)
    return stream.getvalue()


@pytest.fixture(scope="session")
def one_study(shipped: Path) -> bytes:
    """A CT study: 2 series, 7 objects, patient 98890234."""
    return zipped(shipped / "pydicom" / "test_files" / "dicomdirtests" / "98892001")


@pytest.fixture(scope="session")
def two_studies(shipped: Path) -> bytes:
    """Two studies of one patient, 7 objects."""
    return zipped(shipped / "pydicom" / "test_files" / "dicomdirtests" / "77654033")


@pytest.fixture(scope="session")
def zip_of() -> Callable[..., bytes]:
    """Make a zip of a folder's files, and of others by name."""
    return zipped


@pytest.fixture
def client_of() -> type[Client]:
    """Make a client of any application."""
    return Client


class Server:
    """A ``serve`` process on a free port of its own choice."""

    def __init__(self, store, *options, python=(), **streams):
        command = [sys.executable, *python, "-c", SERVE, "--store", str(store), "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **streams)
        self.lines = []
        while not self.lines or not URL.search(self.lines[-1]):
            line = self.process.stdout.readline()
            assert line, f"serve ended: {self.lines}"
            self.lines.append(line)
        self.url = URL.search(self.lines[-1]).group(0)
        self.port = int(URL.search(self.lines[-1]).group(1))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0
        self.process.stdout.close()

    def kill(self):
        self.process.kill()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture
def start():
    """Start servers; those that still run at the end of the test are killed."""
    running = []

    def started(*arguments, **options):
        running.append(Server(*arguments, **options))
        return running[-1]

    yield started
    for server in running:
        if server.process.poll() is None:
            server.kill()
