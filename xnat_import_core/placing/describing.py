"""Describing a placement: folds become the session document, its scans their IDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import evolve, frozen
from sqlalchemy import func, select

from xnat_import_core.database.tables import file
from xnat_import_core.folds import Facts, Fold, merge
from xnat_import_core.models import (
    DescribeContext,
    Destination,
    ScanDocument,
    SessionDocument,
    StoredResource,
    StoredScan,
    StoredSession,
)
from xnat_import_core.storage.names import clean_label
from xnat_import_core.workers.jobs import Describing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xnat_import_core.database import Database
    from xnat_import_core.models import ExtractContext
    from xnat_import_core.placing.folding import PlaceFold
    from xnat_import_core.placing.placements import Placement
    from xnat_import_core.receipts.ledger import Ledger
    from xnat_import_core.workers.pool import Asking

__all__ = ["Described", "describe_placement", "resources_of"]

_READ: Final = 500


@frozen
class Described:
    """A placement's document with final scan IDs.

    Attributes:
        labels: Folder label of each place: scan ID, assessor or reconstruction ID, empty for the session itself.
        folds: Of each scan, by key.
        resources: Of each place.
    """

    document: SessionDocument
    labels: Mapping[str, str]
    folds: Mapping[str, Fold]
    resources: Mapping[str, tuple[StoredResource, ...]]


def describe_placement(
    placement: Placement,
    places: Sequence[PlaceFold],
    resources: Mapping[str, tuple[StoredResource, ...]],
    ask: Asking,
    context: ExtractContext,
) -> Described:
    """Ask ``describe``, and make scan IDs safe and unique: one that was given earlier stays."""
    folds = {place.place[5:]: place.folded for place in places if place.place.startswith("scan:")}
    session_fold: Fold = {}
    for place in places:
        merge(session_fold, place.folded)
    stored = StoredSession(
        key=placement.tags[0],
        facts=Facts(session_fold),
        scans=tuple(
            StoredScan(place.place[5:], place.label, Facts(place.folded), resources.get(place.place, ()))
            for place in places
            if place.place.startswith("scan:")
        ),
        resources=resources.get("session:", ()),
    )
    destination = Destination(
        placement.destination.space, placement.project or None, placement.subject, placement.label
    )
    where = DescribeContext(ask.key, destination, context.request, context.preferences)
    _, document = ask(Describing(stored, where))
    given = {scan.key: scan.id for scan in stored.scans if scan.id and placement.joins}
    document = evolve(document, scans=_with_safe_ids(document.scans, given))
    labels = {f"scan:{scan.key}": scan.id for scan in document.scans}
    for place in places:
        kind, _, key = place.place.partition(":")
        if kind != "scan":
            labels[place.place] = clean_label(key) or ("" if kind == "session" else "_")
    return Described(document, labels, folds, resources)


def resources_of(placement: Placement, ledger: Ledger, database: Database) -> dict[str, tuple[StoredResource, ...]]:
    """What each place's resources will add up to: stored files that stay, and members that will be stored."""
    sums: dict[tuple[str, str], StoredResource] = {}
    if placement.joins:
        _add_stored(sums, placement, ledger, database)
    for row in ledger.query(
        "SELECT place, resource, min(format) AS format, min(content) AS content, count(*) AS files, sum(size) AS size "
        "FROM member WHERE placement = ? AND fate = 'stored' GROUP BY place, resource",
        (placement.number,),
    ):
        _add(
            sums,
            row["place"],
            StoredResource(row["resource"], row["format"], row["content"], row["files"], row["size"]),
        )
    by_place: dict[str, list[StoredResource]] = {}
    for (place, _), resource in sorted(sums.items()):
        if resource.file_count > 0:
            by_place.setdefault(place, []).append(resource)
    return {place: tuple(found) for place, found in by_place.items()}


def _add_stored(
    sums: dict[tuple[str, str], StoredResource], placement: Placement, ledger: Ledger, database: Database
) -> None:
    here = (file.c.session_id == placement.session_id) & file.c.pending.is_(False)
    totals = select(
        file.c.place, file.c.resource, func.min(file.c.format), func.min(file.c.content),
        func.count(), func.sum(file.c.size),
    )  # fmt: skip
    with database.read() as connection:
        for place, *resource in connection.execute(totals.where(here).group_by(file.c.place, file.c.resource)):
            _add(sums, place, StoredResource(*resource))
        if placement.replaced:
            each = select(file.c.id, file.c.place, file.c.resource, file.c.format, file.c.content, file.c.size)
            for row in connection.execute(each.where(here)).yield_per(_READ):
                if ledger.has("replaces = ?", (row.id,)):
                    _add(sums, row.place, StoredResource(row.resource, row.format, row.content, -1, -row.size))


def _add(sums: dict[tuple[str, str], StoredResource], place: str, more: StoredResource) -> None:
    known = sums.get((place, more.label))
    if known is not None:
        more = evolve(known, file_count=known.file_count + more.file_count, file_size=known.file_size + more.file_size)
    sums[place, more.label] = more


def _with_safe_ids(scans: Sequence[ScanDocument], given: Mapping[str, str]) -> tuple[ScanDocument, ...]:
    used = set(given.values())
    safe = []
    for scan in scans:
        scan_id = given.get(scan.key)
        if scan_id is None:
            wished = clean_label(scan.id) or "NA"
            scan_id, number = wished, 1
            while scan_id in used:
                number += 1
                scan_id = f"{wished[:58]}-{number}"
            used.add(scan_id)
        safe.append(evolve(scan, id=scan_id))
    return tuple(safe)
