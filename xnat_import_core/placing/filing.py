"""Filing: the rows of an import's files, hidden until it commits, and the names that the files get in staging."""

from __future__ import annotations

from itertools import chain, islice, starmap
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, and_, case, func, null, or_, select, update

from xnat_import_core.database.bulk import insert_rows
from xnat_import_core.database.tables import file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from xnat_import_core.database import Database
    from xnat_import_core.documents import CatalogEntry
    from xnat_import_core.placing.placements import Placement
    from xnat_import_core.receipts.ledger import Ledger
    from xnat_import_core.storage.staging import Staging

__all__ = ["COLUMNS", "catalog_entries", "file_members", "give_final_names", "new_entries"]

_ROWS: Final = 2000
_READ: Final = 500
_FINAL: Final = "coalesce(given, wished)"
_FROM_MEMBER: Final = {
    "session_id": "?", "place": "place", "resource": "resource", "name": _FINAL,
    "format": "format", "content": "content", "identity": "identity", "tag": "session", "uid": "uid",
    "instance_number": "instance_number", "size": "size", "received_sha256": "digest",
    "stored_sha256": "stored_digest", "md5": "''", "event": "0", "modified_event": "0", "import_id": "?",
    "member": "idx", "member_name": "inner_name", "hint": "hint", "pending": "?",
}  # fmt: skip
"""The columns of a file's row, and where they come from."""
COLUMNS: Final = tuple(_FROM_MEMBER)
"""Those that a new row fills, in the order of the table."""
_MISNAMED: Final = f"fate = 'stored' AND staged <> '' AND substr(staged, -length({_FINAL}) - 1) <> '/' || {_FINAL}"


def file_members(placements: Iterable[Placement], ledger: Ledger, database: Database, import_id: str) -> None:
    """Enter the members that will be stored, and mark the stored files that they replace."""
    for rows in _batches(chain.from_iterable(_rows(each, ledger, import_id) for each in placements), _ROWS):
        with database.write() as connection:
            insert_rows(connection, file, COLUMNS, rows)
    for rows in _batches(ledger.values("replaces", "replaces IS NOT NULL AND fate = 'stored'"), _READ):
        with database.write() as connection:
            ids = [identifier for (identifier,) in rows]
            connection.execute(update(file).where(file.c.id.in_(ids)).values(replaced_by=import_id))


def _rows(placement: Placement, ledger: Ledger, import_id: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a new session are hidden with it; in one that is there each is hidden by itself."""
    own = (placement.session_id, import_id, placement.joins)
    return ledger.values(
        ", ".join(_FROM_MEMBER.values()), "placement = ? AND fate = 'stored'", (*own, placement.number)
    )


def give_final_names(ledger: Ledger, staging: Staging) -> None:
    """Take away what is not stored, and give each staged file the name that was decided."""
    for (staged,) in ledger.values("staged", "fate <> 'stored' AND staged <> ''"):
        (staging.files / staged).unlink(missing_ok=True)
    aside = False
    for index, staged in ledger.values("idx, staged", _MISNAMED):  # aside first: two may have each other's names
        source = staging.files / staged
        source.rename(source.with_name(f"{index}~"))
        aside = True
    for rows in ledger.batches(_MISNAMED) if aside else ():
        moved = []
        for row in rows:
            target = (staging.files / row["staged"]).with_name(row["given"] or row["wished"])
            target.with_name(f"{row['idx']}~").rename(target)
            moved.append((target.relative_to(staging.files).as_posix(), row["idx"]))
        ledger.update("UPDATE member SET staged = ? WHERE idx = ?", moved)


def new_entries(ledger: Ledger, placement: Placement, place: str, resource: str) -> Iterator[CatalogEntry]:
    """Entries of a resource of a new session, in the order of its catalog."""
    from xnat_import_core.documents import CatalogEntry  # noqa: PLC0415 - lxml is needed for documents only

    number = "CASE format WHEN 'DICOM' THEN coalesce(nullif(instance_number, 0), 1) END"
    entries = ledger.values(
        f"{_FINAL}, uid, {'NULL' if resource == 'secondary' else number}, size",
        "placement = ? AND place = ? AND resource = ? AND fate = 'stored'",
        (placement.number, place, resource),
        order=f"coalesce(instance_number, 1), {_FINAL}",
    )
    yield from starmap(CatalogEntry, entries)


def catalog_entries(
    connection: Connection, placement: Placement, place: str, resource: str, import_id: str
) -> Iterator[CatalogEntry]:
    """Entries of a resource as it will be after the import, in the order of its catalog."""
    from xnat_import_core.documents import CatalogEntry  # noqa: PLC0415 - lxml is needed for documents only

    number = func.coalesce(file.c.instance_number, 1)
    shown = func.coalesce(func.nullif(file.c.instance_number, 0), 1)
    numbered = case((file.c.format == "DICOM", shown)) if resource != "secondary" else null()
    query = (
        select(file.c.name, file.c.uid, numbered, file.c.size)
        .where(file.c.session_id == placement.session_id, file.c.place == place, file.c.resource == resource)
        .where(_after(import_id))
        .order_by(number, file.c.name)
    )
    yield from starmap(CatalogEntry, connection.execute(query).yield_per(_READ))


def _after(import_id: str) -> ColumnElement[bool]:
    stays = and_(file.c.pending.is_(False), or_(file.c.replaced_by.is_(None), file.c.replaced_by != import_id))
    return or_(stays, and_(file.c.pending.is_(True), file.c.import_id == import_id))


def _batches(rows: Iterator[tuple[Any, ...]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    while batch := list(islice(rows, size)):
        yield batch
