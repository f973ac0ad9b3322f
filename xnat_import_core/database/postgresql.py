"""What makes PostgreSQL keep the promises of ``Database``: one writer at a time, and patience with a restart."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from xnat_import_core.errors import InvalidRequestError, ServiceBusyError, StorageError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg
    from sqlalchemy import URL, Connection, Engine

    from xnat_import_core.errors import XnatImportError

__all__ = ["make_engine", "meaning", "patiently", "reading", "refuse_unfit", "writing"]

_T = TypeVar("_T")

# Whoever writes holds one lock until the transaction ends: what it has read is still so when it writes, as after
# SQLite's BEGIN IMMEDIATE. Each statement sees what is committed by then, so nothing is read too early.
_ENTER: Final = text(
    """
    SELECT set_config('lock_timeout', :wait, true),
           set_config('synchronous_commit', CASE WHEN NOT :durable THEN 'off'
                      WHEN current_setting('synchronous_commit') = 'off' THEN 'on'
                      ELSE current_setting('synchronous_commit') END, true),
           pg_advisory_xact_lock(2020499828)
    """
)
_SORTS: Final = text("SELECT current_setting('server_encoding') = 'UTF8' AND 'Z' < 'a' AND 'z' < CHR(228)")
_GONE: Final = ("57P01", "57P02", "57P03", "08")
_TAKEN: Final = frozenset({"40001", "40P01", "55P03"})
_UNFIT: Final = ("22", "54")
_HOPELESS: Final = ("authentication", "password", "does not exist", "pg_hba.conf", "translate host name")


def make_engine(url: str) -> Engine:
    """An engine with as many connections as are asked for at a time.

    Raises:
        InvalidRequestError: The URL is not PostgreSQL's, or the driver is not installed.
    """
    parsed = _parsed(url)
    wanted: dict[str, Any] = {
        "client_encoding": "utf8",
        "connect_timeout": 10,
        "fallback_application_name": "xnat-import",
    }
    try:
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            connect_args={name: value for name, value in wanted.items() if name not in parsed.query},
            isolation_level="READ COMMITTED",
            max_overflow=-1,
            pool_pre_ping=True,
        )
    except ModuleNotFoundError as error:
        message = "Setting database: PostgreSQL needs its driver; install xnat-import-core[postgresql]."
        raise InvalidRequestError(message) from error
    event.listen(engine, "connect", _prepare)
    return engine


def refuse_unfit(connection: Connection) -> None:
    """Refuse a database whose texts sort otherwise than everywhere else in this program.

    Raises:
        InvalidRequestError: It was made with another encoding or collation.
    """
    if not connection.execute(_SORTS).scalar():
        message = (
            "Setting database: the database must have encoding UTF8 and collation C; make it with CREATE DATABASE NAME "
            "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0."
        )
        raise InvalidRequestError(message)


@contextmanager
def reading(engine: Engine, patience: float) -> Iterator[Connection]:
    """A connection that sees one state of the database."""
    reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with patiently(reader.connect, patience) as connection:
        yield connection


@contextmanager
def writing(engine: Engine, patience: float, *, durable: bool) -> Iterator[Connection]:
    """The transaction of the one that writes now, committed at the end of the block."""

    def enter() -> Connection:
        connection = engine.connect()
        try:
            connection.execute(_ENTER, {"wait": str(max(1, round(patience * 1000))), "durable": durable})
        except BaseException:
            connection.close()
            raise
        return connection

    with patiently(enter, patience) as connection:
        yield connection
        connection.commit()


def patiently(work: Callable[[], _T], patience: float) -> _T:
    """Do what can be done twice; again while the server is away, for so many seconds."""
    give_up = time.monotonic() + patience
    pause = 0.01
    while True:
        try:
            return work()
        except DBAPIError as error:
            if not _is_away(error) or time.monotonic() > give_up:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


def meaning(error: DBAPIError) -> XnatImportError:
    """What a fault of the server is to the caller."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if _is_away(error):
        return ServiceBusyError("The database cannot be reached; try again.")
    if state in _TAKEN:
        return ServiceBusyError("The database is busy; try again.")
    if state == "53100":
        return StorageFullError("The disk is full; nothing was stored.")
    if state.startswith(_UNFIT):
        return InvalidRequestError("A text or number is larger than any that the database keeps; nothing was stored.")
    if not state:
        return StorageError("The database lets nobody in: setting database has a wrong name, user or password.")
    return StorageError("The database failed; nothing was stored.")


def _is_away(error: DBAPIError) -> bool:
    """Whether the server could not be reached, or went away before it answered."""
    state: str | None = getattr(error.orig, "sqlstate", "")
    if error.connection_invalidated or (state or "").startswith(_GONE):
        return True
    refused = state is None and type(error.orig).__name__ == "OperationalError"  # libpq has no codes before it is in
    return refused and not any(word in str(error.orig) for word in _HOPELESS)


def _parsed(url: str) -> URL:
    with suppress(ArgumentError):
        parsed = make_url(url)
        if parsed.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
            return parsed
    message = "Setting database: a URL such as postgresql://USER@HOST/NAME, or empty for SQLite in the store."
    raise InvalidRequestError(message)


def _prepare(connection: psycopg.Connection[Any], _record: object) -> None:
    from psycopg.types.numeric import IntLoader  # noqa: PLC0415 - it may not be installed

    from xnat_import_core.database.postgresql_text import TextDumper  # noqa: PLC0415 - as above

    connection.adapters.register_dumper(str, TextDumper)
    connection.adapters.register_loader("numeric", IntLoader)  # what a sum of sizes comes as
