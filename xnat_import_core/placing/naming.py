"""Naming: the name of each file in its folder (ruling 8).

Most members wish for a name that nobody else wants and no stored file has: it is theirs, and nothing is written down.
Only the others are looked at one by one. Of the members that wish for one name, the lowest gets it.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from attrs import field, frozen
from sqlalchemy import select

from xnat_import_core.database.tables import file

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from xnat_import_core.database import Database
    from xnat_import_core.placing.placements import Placement
    from xnat_import_core.receipts.ledger import Ledger

__all__ = ["LOWEST_OF_HELD", "Naming", "by_folder"]

_HERE: Final = "placement = ? AND fate = 'stored'"
_CONTESTED: Final = r"""
placement = ? AND fate = 'stored' AND (
    holder IS NOT NULL OR wished = '' OR wished LIKE '%\_catalog.xml' ESCAPE '\' OR idx > (
        SELECT min(other.idx) FROM member other WHERE other.placement = member.placement
        AND other.place = member.place AND other.resource = member.resource
        AND other.fate = 'stored' AND other.wished = member.wished))
"""
_REPLACED: Final = """
placement = ? AND holder IS NOT NULL AND EXISTS (
    SELECT 1 FROM member other WHERE other.replaces = member.holder
    AND +other.place = member.place AND +other.resource = member.resource)
"""  # the signs keep SQLite from looking through the folder instead
LOWEST_OF_HELD: Final = """
idx IN (SELECT min(idx) FROM member WHERE placement = ? AND fate = 'stored' AND holder IS NOT NULL GROUP BY holder)
"""
"""Members that are the first to wish for the name of a stored file."""


@frozen
class Naming:
    """Names the files of one placement."""

    ledger: Ledger
    database: Database
    placement: Placement
    _numbers: dict[tuple[str, str, str, str], int] = field(factory=dict)

    def find_holders(self) -> None:
        """Note which stored file has the name that a member wishes for."""
        for members in self.ledger.batches(_HERE, (self.placement.number,)):
            self.ledger.update("UPDATE member SET holder = ? WHERE idx = ?", self._holders(members))

    def forget_replaced(self) -> None:
        """The name of a stored file that another member of its folder replaces is free."""
        self.ledger.change("holder = NULL", _REPLACED, (self.placement.number,))

    def replace_holders(self) -> None:
        """The lowest member that wishes for the name of a stored file replaces it."""
        here = (self.placement.number,)
        held = self.ledger.values("DISTINCT place", f"{_HERE} AND holder IS NOT NULL", here, order="place")
        self.placement.replaced.update(place for (place,) in held)
        self.ledger.change("replaces = holder", LOWEST_OF_HELD, here)
        self.ledger.change("holder = NULL", _HERE, here)

    def name(self) -> None:
        """Give each member another name that cannot have the one it wishes for."""
        for members in self.ledger.batches(_CONTESTED, (self.placement.number,)):
            for row in members:
                self.ledger.update("UPDATE member SET given = ? WHERE idx = ?", [(self._free(row), row["idx"])])

    def _holders(self, members: Sequence[sqlite3.Row]) -> Iterator[tuple[int, int]]:
        for folder, wishes in by_folder(members).items():
            for name, stored in self._stored(folder, list(wishes)).items():
                yield from ((stored, index) for index in wishes[name])

    def _free(self, row: sqlite3.Row) -> str:
        """The first name that is free: the fallback, then numbered ones, where an earlier search left off."""
        folder, first = _folder(row), row["wished"] or row["fallback"] or f"member-{row['idx']}"
        names = dict.fromkeys((first, row["fallback"] or first))
        found = next((name for name in names if not self._taken(folder, name)), None)
        if found is not None:
            return found
        before, after, start = _numbered(first, row["fallback"])
        memory = (*folder, before, after)
        tries = count(self._numbers.get(memory, start))
        number = next(number for number in tries if not self._taken(folder, f"{before}{number}{after}"))
        self._numbers[memory] = number + 1
        return f"{before}{number}{after}"

    def _taken(self, folder: tuple[str, str], name: str) -> bool:
        same, here = "placement = ? AND place = ? AND resource = ?", (self.placement.number, *folder)
        if (
            name.lower().endswith("_catalog.xml")
            or self.ledger.has(f"{same} AND fate = 'stored' AND wished = ?", (*here, name))
            or self.ledger.has(f"{same} AND given = ?", (*here, name))
        ):
            return True
        stored = self._stored(folder, [name]).get(name) if self.placement.joins else None
        replaced = "replaces = ? AND +place = ? AND +resource = ?"
        return stored is not None and not self.ledger.has(replaced, (stored, *folder))

    def _stored(self, folder: tuple[str, str], names: list[str]) -> dict[str, int]:
        query = select(file.c.name, file.c.id).where(
            file.c.session_id == self.placement.session_id,
            file.c.place == folder[0],
            file.c.resource == folder[1],
            file.c.name.in_(names),
        )
        with self.database.read() as connection:
            return {row.name: row.id for row in connection.execute(query)}


def by_folder(members: Iterable[sqlite3.Row]) -> dict[tuple[str, str], dict[str, list[int]]]:
    """Which members wish for which name, by place and resource."""
    found: dict[tuple[str, str], dict[str, list[int]]] = {}
    for row in members:
        found.setdefault(_folder(row), {}).setdefault(row["wished"], []).append(row["idx"])
    return found


def _folder(row: sqlite3.Row) -> tuple[str, str]:
    return row["place"], row["resource"]


def _numbered(first: str, fallback: str) -> tuple[str, str, int]:
    """What stands before and behind the number, and the first number: behind the fallback's stem, or the suffix."""
    if not fallback:
        return f"{first}_", "", 1
    stem, dot, suffix = fallback.rpartition(".")
    return (f"{stem}-", f".{suffix}", 2) if dot else (f"{fallback}-", "", 2)
