"""Row changes as data: what a deed will do with rows, written down before it does it, so that recovery can do it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import asdict, frozen
from sqlalchemy import Table, and_, bindparam, delete, exists, insert, select, update

from xnat_import_core.database.tables import UtcTime, metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sqlalchemy import ColumnElement, Connection

__all__ = [
    "Change",
    "Delete",
    "Insert",
    "Update",
    "UpdateEach",
    "apply_changes",
    "change_from",
    "change_to",
    "read_changes",
    "write_changes",
]

Values: TypeAlias = Mapping[str, Any]


@frozen
class Insert:
    """A row is added; not if ``unless`` finds one that is there."""

    table: str
    values: Values
    unless: Values | None = None

    def apply(self, connection: Connection) -> None:
        """Do it."""
        table = metadata.tables[self.table]
        if self.unless is not None and connection.execute(select(1).where(_where(table, self.unless))).first():
            return
        connection.execute(insert(table).values(**_bound(table, self.values)))


@frozen
class Update:
    """Rows get values; in ``where`` a list is any of its values, ``None`` is NULL."""

    table: str
    where: Values
    values: Values

    def apply(self, connection: Connection) -> None:
        """Do it."""
        table = metadata.tables[self.table]
        connection.execute(update(table).where(_where(table, self.where)).values(**_bound(table, self.values)))


@frozen
class UpdateEach:
    """Rows get values of their own: ``rows`` begin with the row's id, then one value for each of ``columns``."""

    table: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def apply(self, connection: Connection) -> None:
        """Do it."""
        if not self.rows:
            return
        table = metadata.tables[self.table]
        names = ["row_id", *(f"new_{name}" for name in self.columns)]
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in self.columns}
        change = update(table).where(table.c.id == bindparam("row_id")).values(**values)
        connection.execute(change, [dict(zip(names, row, strict=True)) for row in self.rows])


@frozen
class Delete:
    """Rows go; those stay that a row of another table refers to: ``unless`` is its name and column."""

    table: str
    where: Values
    unless: tuple[str, str] | None = None

    def apply(self, connection: Connection) -> None:
        """Do it."""
        table = metadata.tables[self.table]
        gone = _where(table, self.where)
        if self.unless is not None:
            other, column = metadata.tables[self.unless[0]], self.unless[1]
            gone = and_(gone, ~exists().where(other.c[column] == table.c.id))
        connection.execute(delete(table).where(gone))


Change: TypeAlias = Insert | Update | UpdateEach | Delete

_KINDS: Final[Mapping[str, type[Change]]] = MappingProxyType(
    {kind.__name__: kind for kind in (Insert, Update, UpdateEach, Delete)}
)


def apply_changes(connection: Connection, changes: Iterable[Change]) -> None:
    """Do them in order."""
    for change in changes:
        change.apply(connection)


def write_changes(path: Path, changes: Iterable[Change]) -> None:
    """One JSON line each; the caller syncs."""
    with path.open("w", encoding="utf-8") as stream:
        for change in changes:
            stream.write(json.dumps(change_to(change)) + "\n")


def read_changes(path: Path) -> Iterator[Change]:
    """What ``write_changes`` wrote."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield change_from(*json.loads(line))


def change_to(change: Change) -> tuple[str, dict[str, Any]]:
    """A change as JSON can say it."""
    fields = {name: _plain(value) for name, value in asdict(change, recurse=False).items()}
    return type(change).__name__, fields


def change_from(kind: str, fields: Mapping[str, Any]) -> Change:
    """What ``change_to`` said."""
    return _KINDS[kind](**fields)


def _where(table: Table, where: Values) -> ColumnElement[bool]:
    return and_(*(_is(table, name, value) for name, value in _bound(table, where).items()))


def _is(table: Table, name: str, value: object) -> ColumnElement[bool]:
    column = table.c[name]
    if isinstance(value, (list, tuple)):
        return column.in_(value)
    return column.is_(None) if value is None else column == value


def _bound(table: Table, values: Values) -> dict[str, Any]:
    return {name: _time(value) if isinstance(table.c[name].type, UtcTime) else value for name, value in values.items()}


def _time(value: object) -> object:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: each.isoformat() if isinstance(each, datetime) else each for name, each in value.items()}
    return value
