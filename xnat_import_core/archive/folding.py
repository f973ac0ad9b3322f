"""Folds of scans as they will be after a merge: added up where that is enough, read again where files go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from xnat_import_core.database.tables import file
from xnat_import_core.folds import Fold, load_fold, merge
from xnat_import_core.models import StoredAt
from xnat_import_core.placing.folding import batches, unpickled
from xnat_import_core.workers.jobs import FoldingAgain
from xnat_import_core.workers.members import stored_member

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Row

    from xnat_import_core.archive.comparing import PlannedFile
    from xnat_import_core.archive.planning import Blueprint
    from xnat_import_core.archive.sides import Side
    from xnat_import_core.database import Database
    from xnat_import_core.models import ExtractContext
    from xnat_import_core.workers.members import LoadedMember
    from xnat_import_core.workers.pool import Asking

__all__ = ["folds_after"]


def folds_after(blueprint: Blueprint, database: Database, ask: Asking, context: ExtractContext) -> dict[str, Fold]:
    """The fold of every scan that will be in the archived session, by place; archived ones first."""
    there = {} if blueprint.existing is None else _folds(blueprint.existing.side)
    came = _folds(blueprint.incoming)
    after = dict(there)
    by_place: dict[str, list[PlannedFile]] = {}
    for each in blueprint.files:
        by_place.setdefault(each.row.place, []).append(each)
    for place, folded in came.items():
        files = by_place.get(place, [])
        if place not in there:
            after[place] = folded
        elif all(each.fate == "added" for each in files):
            after[place] = _sum(there[place], folded)
        elif any(each.fate != "same" for each in files):
            after[place] = _read_again(blueprint, place, files, database, ask, context)
    return after


def _folds(side: Side) -> dict[str, Fold]:
    return {f"scan:{scan.key}": load_fold(scan.fold) for scan in side.scans}


def _sum(first: Fold, second: Fold) -> Fold:
    folded: Fold = {}
    merge(folded, first)
    merge(folded, second)
    return folded


def _read_again(  # noqa: PLR0913, PLR0917 - what reading takes
    blueprint: Blueprint,
    place: str,
    files: Sequence[PlannedFile],
    database: Database,
    ask: Asking,
    context: ExtractContext,
) -> Fold:
    folded: Fold = {}
    gone = {each.existing.id for each in files if each.fate == "replaced" and each.existing is not None}
    label = blueprint.numbering.labels[place]
    for batch in batches(_members(blueprint, place, label, files, _stored(blueprint, place, gone, database))):
        part = ask(FoldingAgain(tuple(batch), context))
        if part is not None:
            merge(folded, part)
    return folded


def _stored(blueprint: Blueprint, place: str, gone: set[int], database: Database) -> list[Row[Any]]:
    assert blueprint.existing is not None  # noqa: S101 - there is something to read again only where something is
    here = (file.c.session_id == blueprint.existing.side.row.id) & (file.c.place == place) & file.c.pending.is_(False)
    with database.read() as connection:
        rows = connection.execute(select(file).where(here).order_by(file.c.id)).all()
    return [row for row in rows if row.id not in gone]


def _members(
    blueprint: Blueprint, place: str, label: str, files: Sequence[PlannedFile], stored: Sequence[Row[Any]]
) -> Iterator[LoadedMember]:
    sides = [(row, blueprint.existing.side) for row in stored if blueprint.existing is not None]
    sides += [(each.row, blueprint.incoming) for each in files if each.fate != "same"]
    for row, side in sides:
        path = side.folder / side.folder_of(place) / row.resource / row.name
        at = StoredAt(row.tag, label, row.resource)
        yield stored_member(path, row.id, row.member_name, unpickled(row.hint), at)
