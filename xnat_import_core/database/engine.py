"""``Database``: an engine, its transactions, its migrations."""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from xnat_import_core.errors import ServiceBusyError, StorageError, StorageFullError, XnatImportError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

__all__ = ["Database"]


class Database:
    """One database. Transactions are ``with database.read()`` and ``with database.write()``.

    Attributes:
        url: SQLAlchemy URL.
        busy_timeout: Seconds to wait for another writer.
    """

    def __init__(self, url: str, *, busy_timeout: float) -> None:
        self.url = url
        self.busy_timeout = busy_timeout
        self._engine: Engine | None = None
        self._pid = 0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database.

        Raises:
            ServiceBusyError, StorageFullError, StorageError: In place of what the driver raises.
        """
        with _faults(), self._made().connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes: committed at the end of the block, rolled back if it raises.

        It is a writer from its first moment (``BEGIN IMMEDIATE``): a reader that turns writer would fail at once.

        Raises:
            ServiceBusyError, StorageFullError, StorageError: In place of what the driver raises.
        """
        writer = self._made().execution_options(xnat_import_write=True)
        with _faults(), writer.begin() as connection:
            yield connection

    def migrate(self, package: str, version_table: str) -> None:
        """Bring the tables of a package to its newest version (Alembic scripts in ``PACKAGE/migrations``).

        Args:
            package: Import package with a folder ``migrations``; files in ``versions`` are named ``NNNN_what.py``.
            version_table: Where this package's version is kept; each package has its own.
        """
        folder = Path(str(files(package) / "migrations"))
        head = max(path.stem.partition("_")[0] for path in (folder / "versions").glob("[0-9]*.py"))
        with _faults():
            if self._version(version_table) != head:
                self._upgrade(folder, version_table)

    def close(self) -> None:
        """Release all connections."""
        if self._engine is not None and self._pid == os.getpid():
            self._engine.dispose()
        self._engine = None

    def _version(self, version_table: str) -> str | None:
        with self._made().connect() as connection:
            if not inspect(connection).has_table(version_table):
                return None
            found: str | None = connection.execute(text(f"SELECT version_num FROM {version_table}")).scalar()  # noqa: S608 - a constant of the calling package
            return found

    def _upgrade(self, folder: Path, version_table: str) -> None:
        from alembic import command  # noqa: PLC0415 - slow to import, and needed once a release
        from alembic.config import Config  # noqa: PLC0415

        config = Config(attributes={"version_table": version_table})
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _made(self) -> Engine:
        if self._engine is None or self._pid != os.getpid():  # a connection must not cross a fork
            self._engine, self._pid = _engine(self.url, self.busy_timeout), os.getpid()
        return self._engine


def _engine(url: str, busy_timeout: float) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    # A SQLite connection opens in 0.1 ms, and a pool would keep files open that a fork or an embedder does not expect.
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": busy_timeout, "isolation_level": None})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # SQLAlchemy calls it Any
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # NORMAL loses acknowledged commits in a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("xnat_import_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except XnatImportError:
        raise
    except DBAPIError as error:
        what = str(error.orig).lower()
        if "locked" in what or "busy" in what:
            message = "The database is busy; try again."
            raise ServiceBusyError(message) from error
        if "full" in what or "no space" in what:
            message = "The disk is full; nothing was stored."
            raise StorageFullError(message) from error
        message = "The database failed; nothing was stored."
        raise StorageError(message) from error
    except SQLAlchemyError as error:
        message = "The database failed; nothing was stored."
        raise StorageError(message) from error
