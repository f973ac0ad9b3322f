"""``Database``: an engine, its transactions, its migrations."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakMethod, finalize

from sqlalchemy import Column, Engine, MetaData, String, Table, create_engine, event, inspect, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from xnat_import_core.database import postgresql
from xnat_import_core.errors import ServiceBusyError, StorageError, StorageFullError, XnatImportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

__all__ = ["Database"]

_T = TypeVar("_T")


class Database:
    """One database. Transactions are ``with database.read()`` and ``with database.write()``.

    One connection stays open while nothing is asked: SQLite would sync five times where one commit syncs once, and
    throw its log away, if its last connection were closed after each transaction. It is closed before a fork, for a
    child must inherit none.

    Attributes:
        url: SQLAlchemy URL.
        busy_timeout: Seconds to wait for another writer.
    """

    def __init__(self, url: str, *, busy_timeout: float) -> None:
        self.url = url
        self.busy_timeout = busy_timeout
        self._engine: Engine | None = None
        self._pid = 0
        os.register_at_fork(before=_if_alive(WeakMethod(self._release)))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database.

        Raises:
            ServiceBusyError, StorageFullError, StorageError: In place of what the driver raises.
        """
        with _faults(), _reader(self._made(), self.busy_timeout) as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that writes: committed at the end of the block, rolled back if it raises.

        It is the only writer from its first moment, in every process: what it reads stays so until it ends.

        Args:
            durable: Synced before the block ends. Else a power cut may lose it, until a later one is synced.

        Raises:
            ServiceBusyError, StorageFullError, StorageError: In place of what the driver raises.
        """
        with _faults(), _writer(self._made(), self.busy_timeout, durable=durable) as connection:
            yield connection

    def carry_out(self, work: Callable[[Connection], _T]) -> _T:
        """Do what must not stay half-way in a transaction that writes: again, if the server went away meanwhile.

        Nobody knows whether it was done if the server went away during the commit: ``work`` finds that out by itself.

        Raises:
            ServiceBusyError, StorageFullError, StorageError: As ``write``.
        """

        def once() -> _T:
            with _writer(self._made(), self.busy_timeout, durable=True) as connection:
                return work(connection)

        with _faults():
            return postgresql.patiently(once, self.busy_timeout)

    def migrate(self, package: str, version_table: str) -> None:
        """Bring the tables of a package to its newest version.

        Where there are none yet they are made as the code has them, without Alembic, which costs 0.3 s and 10 MB; a
        test compares both ways.

        Args:
            package: Import package with ``tables.metadata`` and a folder ``migrations`` of Alembic scripts; files in
                ``versions`` are named ``NNNN_what.py``.
            version_table: Where this package's version is kept; each package has its own.
        """
        folder = Path(str(files(package) / "migrations"))
        head = max(path.stem.partition("_")[0] for path in (folder / "versions").glob("[0-9]*.py"))
        kept = Table(version_table, MetaData(), Column("version_num", String(32), primary_key=True))
        with _faults():
            with self.read() as connection:
                version = _version(connection, kept)
            if version is None:
                self._make_tables(import_module(f"{package}.tables").metadata, kept, head)
            elif version != head:
                self._upgrade(folder, version_table)

    def close(self) -> None:
        """Release all connections."""
        self._release()
        self._engine = None

    def _release(self) -> None:
        """Close the connection that waits for work."""
        if self._engine is not None and self._pid == os.getpid():
            self._engine.dispose()

    def _make_tables(self, metadata: MetaData, kept: Table, head: str) -> None:
        with self.write() as connection:
            if _version(connection, kept) is None:  # another process may have been faster
                if connection.dialect.name == "postgresql":
                    postgresql.refuse_unfit(connection)
                metadata.create_all(connection)
                kept.create(connection)
                connection.execute(kept.insert().values(version_num=head))

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
            self._engine, self._pid = make_engine(self.url, self.busy_timeout), os.getpid()
            finalize(self, self._engine.dispose)
        return self._engine


def _if_alive(method: WeakMethod[Callable[[], None]]) -> Callable[[], None]:
    """The method's call, or nothing once its object is gone: what is called at a fork cannot be taken back."""

    def call() -> None:
        if (bound := method()) is not None:
            bound()

    return call


def _version(connection: Connection, kept: Table) -> str | None:
    if not inspect(connection).has_table(kept.name):
        return None
    version: str | None = connection.execute(select(kept.c.version_num)).scalar()
    return version


def _reader(engine: Engine, patience: float) -> AbstractContextManager[Connection]:
    return postgresql.reading(engine, patience) if engine.name == "postgresql" else engine.connect()


def _writer(engine: Engine, patience: float, *, durable: bool) -> AbstractContextManager[Connection]:
    if engine.name == "postgresql":
        return postgresql.writing(engine, patience, durable=durable)
    return engine.execution_options(xnat_import_write=True, xnat_import_durable=durable).begin()


def make_engine(url: str, busy_timeout: float) -> Engine:
    if not url.startswith("sqlite"):
        return postgresql.make_engine(url)
    connect = {"timeout": busy_timeout, "isolation_level": None}
    engine = create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=-1, connect_args=connect)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # SQLAlchemy calls it Any
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("xnat_import_write"):
        connection.exec_driver_sql("BEGIN")
        return
    # NORMAL loses acknowledged commits in a power cut.
    connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if options['xnat_import_durable'] else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise _meaning(error) from error


def _meaning(error: SQLAlchemyError) -> XnatImportError:
    if isinstance(error, DBAPIError):
        if hasattr(error.orig, "sqlstate"):
            return postgresql.meaning(error)
        what = str(error.orig).lower()
        if "locked" in what or "busy" in what:
            return ServiceBusyError("The database is busy; try again.")
        if "full" in what or "no space" in what:
            return StorageFullError("The disk is full; nothing was stored.")
    return StorageError("The database failed; nothing was stored.")
