"""Filing: the rows of an import's files, hidden until it commits, and the names that the files get in staging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update

from xnat_import_core.database.tables import file

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from xnat_import_core.database import Database
    from xnat_import_core.documents import CatalogEntry
    from xnat_import_core.placing.placements import Placement
    from xnat_import_core.receipts.ledger import Ledger
    from xnat_import_core.storage.staging import Staging

__all__ = ["catalog_entries", "file_members", "give_final_names"]

_BATCH = 1000


def file_members(placement: Placement, ledger: Ledger, database: Database, import_id: str) -> None:
    """Enter the members that will be stored, and mark the stored files that they replace."""
    rows: list[dict[str, Any]] = []
    replaced: list[int] = []
    for member in ledger.rows(f"placement = {placement.number:d} AND fate = 'stored'"):
        rows.append(_values(member, placement, import_id))
        if member["replaces"] is not None:
            replaced.append(member["replaces"])
        if len(rows) == _BATCH:
            _enter(database, rows, replaced, import_id)
            rows, replaced = [], []
    if rows:
        _enter(database, rows, replaced, import_id)


def give_final_names(ledger: Ledger, staging: Staging) -> None:
    """Take away what is not stored, and give each staged file the name that was decided."""
    for row in ledger.rows("staged <> '' AND fate <> 'stored'"):
        (staging.files / row["staged"]).unlink(missing_ok=True)
    stored = ledger.rows("fate = 'stored'")
    others = [row for row in stored if row["staged"].rpartition("/")[2] != row["final"]]
    moved = []
    for row in others:  # aside first: two files may have each other's names
        source = staging.files / row["staged"]
        source.rename(source.with_name(f"{row['idx']}~"))
    for row in others:
        target = (staging.files / row["staged"]).with_name(row["final"])
        target.with_name(f"{row['idx']}~").rename(target)
        moved.append((target.relative_to(staging.files).as_posix(), row["idx"]))
    ledger.update("UPDATE member SET staged = ? WHERE idx = ?", moved)


def catalog_entries(
    database: Database, placement: Placement, place: str, resource: str, import_id: str
) -> Iterator[CatalogEntry]:
    """Entries of a resource as it will be after the import, in the order of its catalog."""
    from xnat_import_core.documents import CatalogEntry  # noqa: PLC0415 - lxml is needed for documents only

    order = (func.coalesce(file.c.instance_number, 1), file.c.name)
    query = select(file).where(
        file.c.session_id == placement.session_id, file.c.place == place, file.c.resource == resource
    )
    with database.read() as connection:
        for row in connection.execute(query.where(_after(import_id)).order_by(*order)).yield_per(_BATCH):
            number = (row.instance_number or 1) if row.format == "DICOM" and row.resource != "secondary" else None
            yield CatalogEntry(uri=row.name, uid=row.uid, instance_number=number, size=row.size)


def _after(import_id: str) -> ColumnElement[bool]:
    stays = and_(file.c.pending.is_(False), or_(file.c.replaced_by.is_(None), file.c.replaced_by != import_id))
    return or_(stays, and_(file.c.pending.is_(True), file.c.import_id == import_id))


def _enter(database: Database, rows: list[dict[str, Any]], replaced: list[int], import_id: str) -> None:
    with database.write() as connection:
        connection.execute(insert(file), rows)
        if replaced:
            connection.execute(update(file).where(file.c.id.in_(replaced)).values(replaced_by=import_id))


def _values(member: sqlite3.Row, placement: Placement, import_id: str) -> dict[str, Any]:
    return {
        "session_id": placement.session_id,
        "place": member["place"],
        "resource": member["resource"],
        "name": member["final"],
        "format": member["format"],
        "content": member["content"],
        "identity": member["identity"],
        "tag": member["session"],
        "uid": member["uid"],
        "instance_number": member["instance_number"],
        "size": member["size"],
        "received_sha256": member["digest"],
        "stored_sha256": member["stored_digest"],
        "import_id": import_id,
        "member": member["idx"],
        "member_name": member["inner_name"],
        "hint": member["hint"],
        "pending": True,
    }
