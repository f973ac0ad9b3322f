"""A throw-away PostgreSQL for tests, and databases in it that stand in for the SQLite files of stores.

A stand-in follows its store: where ``xnat-import.db`` would lie, there is a note that names it. A store that was copied
gets a copy of it when it is first opened, and one that was made anew in the same place a new one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

VARIABLE = "XNAT_IMPORT_TEST_CLUSTER"
"""Names the cluster to the programs that a test starts."""

_SPARES = 2
_IN_PROGRAMS = Path(__file__).with_name("in_programs")
_FAST = ("fsync=off", "full_page_writes=off", "autovacuum=off", "jit=off", "shared_buffers=16MB", "listen_addresses=")


def missing() -> str:
    """What PostgreSQL wants to be tested with; empty if all is there."""
    if _programs() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    return "" if find_spec("psycopg") else "psycopg is not installed (the extra postgresql)"


@define
class Cluster:
    """One server with a folder of its own. It dies with the process that started it.

    Attributes:
        folder: Data, log and socket.
    """

    folder: Path
    _server: subprocess.Popen[bytes] | None = None
    _notes: dict[str, Path] = field(factory=dict)
    _spares: list[str] = field(factory=list)

    @classmethod
    def make(cls) -> Cluster:
        """A new one, not started."""
        cluster = cls(Path(tempfile.mkdtemp(prefix="xnat-import-postgresql-")))
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(cluster.folder, user.pw_uid, user.pw_gid)
        how = ("--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
        cluster._run("initdb", "--pgdata=data", *how)
        return cluster

    def start(self) -> None:
        """Start the server, if it does not run; back when it answers."""
        if self._server is not None:
            return
        options = [word for setting in (*_FAST, f"unix_socket_directories={self.folder}") for word in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            command = self._command("postgres", "-D", "data", *options)
            self._server = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        give_up = time.monotonic() + 30
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-3000:])
            time.sleep(0.01)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGINT: end all connections, then end in order. SIGQUIT: end at once; the next start recovers."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(30)
            self._server = None

    def remove(self) -> None:
        """Stop the server and drop all that it has."""
        self.stop()
        shutil.rmtree(self.folder)

    @cached_property
    def version(self) -> int:
        """15, for example."""
        with self.admin() as connection:
            return connection.info.server_version // 10000

    def url(self, name: str) -> str:
        """SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    @contextmanager
    def admin(self) -> Iterator[psycopg.Connection]:
        """A connection without transactions to the database of the server itself."""
        import psycopg  # noqa: PLC0415 - it may not be installed

        with psycopg.connect(f"host={self.folder} user=postgres dbname=postgres", autocommit=True) as connection:
            yield connection

    def new(self, name: str, template: str = "template0", how: str = "") -> str:
        """URL of a new database, in place of another of this name."""
        self.drop(name)
        quick = "STRATEGY file_copy" if self.version >= 15 else ""
        with self.admin() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {how} {quick}")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected."""
        with self.admin() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def clear_stand_ins(self) -> None:
        """Drop the databases of all stores, but for some that are emptied for stores to come."""
        with self.admin() as connection:
            query = "SELECT datname FROM pg_database WHERE datname LIKE 'store\\_%'"
            names = [name for (name,) in connection.execute(query).fetchall()]
        for name in names:
            if len(self._spares) < _SPARES and self._is_of_a_store(name):
                self._spares.append(self._emptied(name))
            else:
                self.drop(name)
        self._notes.clear()

    def stand_in(self, url: str) -> str:
        """URL of the database that stands in for a SQLite file."""
        if not url.startswith("sqlite:///"):
            return url
        path = Path(url.removeprefix("sqlite:///")).resolve()
        name = f"store_{hashlib.sha256(os.fsencode(path)).hexdigest()[:24]}"
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as note:
            fcntl.flock(note, fcntl.LOCK_EX)
            found = note.read()
            self._notes[name] = path
            if found != name:
                self._make(name, found)
                note.seek(0)
                note.write(name)
        return self.url(name)

    def programs_environment(self) -> dict[str, str]:
        """What makes the programs that a test starts use this cluster as well."""
        paths = [str(_IN_PROGRAMS), str(_IN_PROGRAMS.parent), os.environ.get("PYTHONPATH", "")]
        return {VARIABLE: str(self.folder), "PYTHONPATH": os.pathsep.join(filter(None, paths))}

    def _make(self, name: str, copied: str) -> None:
        """Make a stand-in; those of stores that are gone are dropped: a test may make hundreds, one after another."""
        if self._spares and not copied and self._is_of_a_store(name):
            self.drop(name)
            self._rename(self._spares.pop(), name)
        else:
            self.new(name, copied or "template0")
        for orphan in [each for each, note in self._notes.items() if not note.exists()]:
            self.drop(orphan)
            del self._notes[orphan]

    def _is_of_a_store(self, name: str) -> bool:
        """Whether it is a service's, which makes its folders first: its tables are those of this release."""
        return name in self._notes and (self._notes[name].parent / "prearchive").is_dir()

    def _emptied(self, name: str) -> str:
        """Empty a database and take it away from whoever still knows its name; the new one."""
        import psycopg  # noqa: PLC0415 - it may not be installed

        with self.admin() as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        with psycopg.connect(f"host={self.folder} user=postgres dbname={name}", autocommit=True) as connection:
            query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%version'"
            tables = ", ".join(f'"{table}"' for (table,) in connection.execute(query).fetchall())
            if tables:
                connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")
        return self._rename(name, f"spare_{name}")

    def _rename(self, old: str, new: str) -> str:
        with self.admin() as connection:
            connection.execute(f"ALTER DATABASE {old} RENAME TO {new}")
        return new

    def _answers(self) -> bool:
        import psycopg  # noqa: PLC0415 - it may not be installed

        try:
            with self.admin():
                return True
        except psycopg.OperationalError:
            return False

    def _run(self, program: str, *arguments: str) -> None:
        command = self._command(program, *arguments)
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)

    @staticmethod
    def _command(program: str, *arguments: str) -> list[str]:
        """PostgreSQL refuses to run as root; the kernel ends it with its parent."""
        user = ("--reuid=postgres", "--regid=postgres", "--init-groups") if os.geteuid() == 0 else ()
        return ["setpriv", "--pdeathsig=QUIT", *user, str(_programs() / program), *arguments]


def _programs() -> Path | None:
    """Where the programs of the newest installed server lie."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None
