"""The folds of a placement's scans as they will be stored: merged where that is enough, made again where it is not."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen
from sqlalchemy import select

from xnat_import_core.database.tables import file, scan
from xnat_import_core.folds import Fold, load_fold, merge
from xnat_import_core.models import StoredAt
from xnat_import_core.storage.tree import place_folder
from xnat_import_core.workers.jobs import FoldingAgain
from xnat_import_core.workers.members import LoadedMember, stored_member

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from xnat_import_core.database import Database
    from xnat_import_core.models import ExtractContext
    from xnat_import_core.placing.placements import Placement
    from xnat_import_core.receipts.ledger import Ledger
    from xnat_import_core.storage.staging import Staging
    from xnat_import_core.storage.tree import Tree
    from xnat_import_core.workers.pool import Asking

__all__ = ["PlaceFold", "Refolding", "batches", "unpickled"]

_T = TypeVar("_T")

_BATCH = 128


@frozen
class PlaceFold:
    """The fold of one place; ``label`` is the scan ID that was given earlier or is known to the handler."""

    place: str
    label: str | None
    folded: Fold


@frozen
class Refolding:
    """Makes the final folds of a placement.

    Attributes:
        uploaded: Folds of the upload by session key and place.
        scan_ids: Scan IDs that the handler knew, likewise.
        transformed: Staged bytes are not those that were folded.
        planned: Nothing is staged: merged folds are the best there is.
    """

    ledger: Ledger
    database: Database
    tree: Tree
    staging: Staging
    ask: Asking
    context: ExtractContext
    uploaded: Mapping[tuple[str, str], Fold]
    scan_ids: Mapping[tuple[str, str], str]
    transformed: bool
    planned: bool

    def folds(self, placement: Placement) -> list[PlaceFold]:
        """All places of the session that will have a file, stored ones first."""
        stored = self._stored(placement)
        places = {**stored, **self._incoming(placement)}
        made = (self._place(placement, place, stored.get(place)) for place in places)
        return [place for place in made if place is not None]

    def _place(self, placement: Placement, place: str, stored: PlaceFold | None) -> PlaceFold | None:
        here = (placement.number, place)
        incoming = self.ledger.count("placement = ? AND place = ? AND fate = 'stored'", here)
        dropped = self.ledger.count("placement = ? AND place = ? AND fate <> 'stored'", here)
        again = place in placement.replaced or (incoming and (dropped or self.transformed))
        if not incoming and not again:
            return stored
        label = stored.label if stored else min(self._known_ids(placement, place), default=None)
        if again and not self.planned:
            folded = self._refold(placement, place, stored)
            return PlaceFold(place, label, folded) if folded is not None else None
        folded = {}
        for part in [stored.folded] if stored else []:
            merge(folded, part)
        for key in placement.keys:
            merge(folded, self.uploaded.get((key, place), {}))
        return PlaceFold(place, label, folded)

    def _known_ids(self, placement: Placement, place: str) -> list[str]:
        return [self.scan_ids[key, place] for key in placement.keys if (key, place) in self.scan_ids]

    def _incoming(self, placement: Placement) -> dict[str, None]:
        rows = self.ledger.query(
            "SELECT place, min(idx) FROM member WHERE placement = ? AND fate = 'stored' GROUP BY place ORDER BY 2",
            (placement.number,),
        )
        return {row["place"]: None for row in rows}

    def _stored(self, placement: Placement) -> dict[str, PlaceFold]:
        if not placement.joins:
            return {}
        query = select(scan).where(scan.c.session_id == placement.session_id).order_by(scan.c.position)
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return {f"scan:{row.key}": PlaceFold(f"scan:{row.key}", row.label, load_fold(row.fold)) for row in rows}

    def _refold(self, placement: Placement, place: str, stored: PlaceFold | None) -> Fold | None:
        folded: Fold = {}
        some = False
        label = stored.label if stored else None
        for batch in batches(self._members(placement, place, label)):
            part = self.ask(FoldingAgain(tuple(batch), self.context))
            if part is not None:
                some = True
                merge(folded, part)
        return folded if some else None

    def _members(self, placement: Placement, place: str, label: str | None) -> Iterator[LoadedMember]:
        """Files of a place as they will be: stored ones that stay, then staged ones."""
        replaced = {
            row["replaces"]
            for row in self.ledger.query(
                "SELECT replaces FROM member WHERE placement = ? AND replaces IS NOT NULL AND fate = 'stored'",
                (placement.number,),
            )
        }
        if label is not None:
            folder = self._folder(placement, place, label)
            for row in self._stored_files(placement, place):
                if row.id not in replaced:
                    at = StoredAt(row.tag, label, row.resource)
                    yield stored_member(
                        folder / row.resource / row.name, row.id, row.member_name, unpickled(row.hint), at
                    )
        for row in self.ledger.query(
            "SELECT * FROM member WHERE placement = ? AND place = ? AND fate = 'stored' ORDER BY idx",
            (placement.number, place),
        ):
            at = StoredAt(row["session"], label, row["resource"])
            path = self.staging.files / row["staged"]
            yield stored_member(path, row["idx"], row["inner_name"], unpickled(row["hint"]), at)

    def _stored_files(self, placement: Placement, place: str) -> Iterable[Any]:
        query = select(file).where(
            file.c.session_id == placement.session_id, file.c.place == place, file.c.pending.is_(False)
        )
        with self.database.read() as connection:
            return connection.execute(query.order_by(file.c.id)).all()

    def _folder(self, placement: Placement, place: str, label: str) -> Path:
        session = self.tree.session_folder(placement.project, placement.timestamp, placement.folder)
        return session / place_folder(place.partition(":")[0], label)


def unpickled(pickled: bytes | None) -> object:
    """A hint as it was given."""
    return None if pickled is None else pickle.loads(pickled)  # noqa: S301 - written by this service itself


def batches(members: Iterable[_T]) -> Iterator[list[_T]]:
    """Members in batches of the size that hooks are called with."""
    batch: list[_T] = []
    for member in members:
        batch.append(member)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
