"""Many rows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Table

__all__ = ["insert_rows"]


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    """Enter rows. SQLite's driver gets them as they are: a dict for each, for SQLAlchemy, costs as much as its work.

    Args:
        connection: Of a transaction that writes.
        table: Where to.
        columns: All that must be filled, also by default, in the order of the table.
        rows: Their values.

    Raises:
        ValueError: Other columns would be filled.
    """
    statement = insert(table).compile(dialect=connection.dialect, column_keys=columns)
    if not statement.positional:
        connection.execute(insert(table), [dict(zip(columns, row, strict=True)) for row in rows])
    elif statement.positiontup == list(columns):
        connection.exec_driver_sql(str(statement), rows)
    else:
        message = f"{table.name} wants {statement.positiontup}"
        raise ValueError(message)
