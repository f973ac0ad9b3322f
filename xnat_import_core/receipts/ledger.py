"""The ledger: an import's own notebook of its members, in a private database, so that memory does not grow with them.

SQLite's temporary database lives in a bounded cache, spills to a file of its own and vanishes with the connection.
"""

from __future__ import annotations

import sqlite3
from itertools import starmap
from typing import TYPE_CHECKING, Any

from xnat_import_core.models import Fate
from xnat_import_core.receipts.records import line_as_json
from xnat_import_core.receipts.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from xnat_import_core.receipts.rows import MemberRow

__all__ = ["Ledger"]

_TABLE = """
CREATE TABLE member (
    idx INTEGER PRIMARY KEY, name TEXT NOT NULL, size INTEGER NOT NULL,
    digest TEXT NOT NULL, stored_digest TEXT NOT NULL DEFAULT '',
    fate TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', uri TEXT NOT NULL DEFAULT '',
    rule TEXT NOT NULL DEFAULT '', unsupported INTEGER NOT NULL DEFAULT 0,
    session TEXT, place TEXT, resource TEXT, wished TEXT, fallback TEXT, given TEXT, staged TEXT,
    format TEXT, content TEXT, identity TEXT, uid TEXT, instance_number INTEGER, inner_name TEXT, hint BLOB,
    placement INTEGER, holder INTEGER, replaces INTEGER
);
CREATE TABLE twin (idx INTEGER PRIMARY KEY, first INTEGER NOT NULL);
CREATE INDEX by_session ON member (session, place);
CREATE INDEX by_given ON member (placement, place, resource, given) WHERE given IS NOT NULL;
CREATE INDEX by_replaced ON member (replaces) WHERE replaces IS NOT NULL;
"""
_INDEXES = """
CREATE INDEX by_placement ON member (placement);
CREATE INDEX by_folder ON member (placement, place, resource, fate, wished);
CREATE INDEX by_identity ON member (placement, identity, digest) WHERE fate = 'stored';
"""
_RECEIPT = "idx, name, size, digest, stored_digest, fate, reason, uri, rule"
_INSERT = f"INSERT INTO member ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - names of columns


class Ledger:
    """Members of one import. Used from the import's own thread only."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_TABLE)

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def add(self, rows: Iterable[MemberRow]) -> None:
        """Enter members, each once."""
        self._db.execute("BEGIN")
        self._db.executemany(_INSERT, rows)
        self._db.execute("COMMIT")

    def index(self) -> None:
        """Make the indexes, once every member is in and has its placement: cheaper than to keep them up to date."""
        self._db.executescript(_INDEXES)

    def rows(self, where: str, parameters: Sequence[Any] = (), order: str = "idx") -> Iterator[sqlite3.Row]:
        """Members that satisfy a condition; nothing may be written while the answer is read."""
        return self._db.execute(f"SELECT * FROM member WHERE {where} ORDER BY {order}", parameters)  # noqa: S608 - conditions are constants of this package

    def batches(self, where: str, parameters: Sequence[Any] = (), size: int = 500) -> Iterator[list[sqlite3.Row]]:
        """The same in batches, in order; members may be changed between one batch and the next."""
        after = -1
        while batch := list(self.rows(f"{where} AND idx > ?", (*parameters, after), f"idx LIMIT {size}")):
            after = batch[-1]["idx"]
            yield batch

    def values(
        self, columns: str, where: str = "1", parameters: Sequence[Any] = (), order: str = "idx"
    ) -> Iterator[tuple[Any, ...]]:
        """Some columns of members that satisfy a condition as plain tuples; else as ``rows``."""
        cursor = self._db.cursor()
        cursor.row_factory = None
        return cursor.execute(f"SELECT {columns} FROM member WHERE {where} ORDER BY {order}", parameters)  # noqa: S608 - as above

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """A small answer, whole."""
        return self._db.execute(sql, parameters).fetchall()

    def change(self, what: str, where: str, parameters: Sequence[Any] = ()) -> None:
        """Change columns of all members that satisfy a condition."""
        self._db.execute(f"UPDATE member SET {what} WHERE {where}", parameters)  # noqa: S608 - as above

    def update(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Run a statement many times in one go."""
        self._db.execute("BEGIN")
        with self._db:  # ends it, also where the parameters raise
            self._db.executemany(sql, parameters)

    def settle(self, where: str, parameters: Sequence[Any], *, fate: Fate, reason: str, rule: str) -> None:
        """Give members another fate."""
        self._db.execute(
            f"UPDATE member SET fate = ?, reason = ?, rule = ?, stored_digest = '' WHERE {where}",  # noqa: S608 - as above
            (fate.value, reason, rule, *parameters),
        )

    def count(self, where: str = "1", parameters: Sequence[Any] = ()) -> int:
        """How many members satisfy a condition."""
        counted: int = self._db.execute(f"SELECT count(*) FROM member WHERE {where}", parameters).fetchone()[0]  # noqa: S608 - as above
        return counted

    def has(self, where: str, parameters: Sequence[Any] = ()) -> bool:
        """Whether any member satisfies a condition."""
        return self._db.execute(f"SELECT 1 FROM member WHERE {where} LIMIT 1", parameters).fetchone() is not None  # noqa: S608 - as above

    def counts(self) -> dict[Fate, int]:
        """Members by fate: all five."""
        found = dict(self._db.execute("SELECT fate, count(*) FROM member GROUP BY fate").fetchall())
        return {fate: found.get(fate.value, 0) for fate in Fate}

    def receipt(self, where: str = "1", parameters: Sequence[Any] = ()) -> Iterator[str]:
        """The lines of the receipt, as its file has them."""
        return starmap(line_as_json, self.values(_RECEIPT, where, parameters))
