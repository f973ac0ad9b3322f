"""Receipts on disk and in the import's row."""

from __future__ import annotations

import csv
import json
import shutil
import time
from typing import IO, TYPE_CHECKING, Any

from attrs import astuple, fields
from sqlalchemy import Row, select

from xnat_import_core.database.tables import import_
from xnat_import_core.errors import NotFoundError
from xnat_import_core.receipts.records import ImportSummary, ReceiptLine, line_as_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from xnat_import_core.database import Database
    from xnat_import_core.storage.tree import Tree

__all__ = ["Receipts", "write_csv", "write_jsonl"]

_DAY = 86400


class Receipts:
    """Reads and expires the receipts of a store."""

    def __init__(self, database: Database, tree: Tree) -> None:
        self._database = database
        self._tree = tree

    def summary(self, import_id: str) -> ImportSummary:
        """How an import ended. Raises NotFoundError."""
        with self._database.read() as connection:
            row = connection.execute(select(import_).where(import_.c.id == import_id)).first()
        if row is None:
            message = "There is no import of this ID."
            raise NotFoundError(message)
        return _summary(row)

    def lines(self, import_id: str) -> Iterator[ReceiptLine]:
        """The fate of every member, in the order of the upload. Raises NotFoundError at once."""
        self.summary(import_id)
        path = self.path(import_id)
        return _read(path) if path.exists() else iter(())

    def path(self, import_id: str) -> Path:
        """Where an import's receipt lies."""
        return self._tree.imports / import_id / "receipt.jsonl"

    def expire(self, keep_days: int) -> None:
        """Drop receipts of imports that are older; the part that lies with a session stays with it."""
        oldest = time.time() - keep_days * _DAY
        for folder in self._tree.imports.iterdir():
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)


def write_jsonl(lines: Iterable[ReceiptLine], stream: IO[str]) -> None:
    """One JSON object a line."""
    stream.writelines(line_as_json(*astuple(line)) for line in lines)


def write_csv(lines: Iterable[ReceiptLine], stream: IO[str]) -> None:
    """A header, then one row a member; a cell that a spreadsheet would take for a formula gets a quote in front."""
    names = [attribute.name for attribute in fields(ReceiptLine)]
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(names)
    for line in lines:
        writer.writerow([_cell(getattr(line, name)) for name in names])


def _cell(value: object) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _read(path: Path) -> Iterator[ReceiptLine]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield ReceiptLine(**json.loads(line))


def _summary(row: Row[Any]) -> ImportSummary:
    outcome = json.loads(row.outcome)
    return ImportSummary(
        import_id=row.id,
        handler_key=row.handler_key,
        status=row.status,
        user=row.user,
        message=row.message,
        planned=row.planned,
        started_at=row.started_at,
        finished_at=row.finished_at,
        counts=outcome.get("counts", {}),
        sessions=outcome.get("sessions", []),
        notes=outcome.get("notes", []),
    )
