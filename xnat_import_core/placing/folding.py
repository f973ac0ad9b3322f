"""The folds of a placement's scans as they will be stored: merged where that is enough, made again where it is not."""

from __future__ import annotations

import pickle
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

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

__all__ = ["BATCH", "PlaceFold", "Refolding", "batches", "unpickled"]

_T = TypeVar("_T")

BATCH: Final = 128
"""So many members a call of a hook."""


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
        incoming = self.ledger.has("placement = ? AND place = ? AND fate = 'stored'", (placement.number, place))
        if not incoming and place not in placement.replaced:
            return stored
        label = stored.label if stored else min(self._known_ids(placement, place), default=None)
        parts = [self._of_stored(placement, place, stored)] if stored else []
        if incoming:
            parts.append(self._of_upload(placement, place, label))
        folds = [part for part in parts if part is not None]
        whole: Fold = {}
        for part in folds:
            merge(whole, part)
        return PlaceFold(place, label, whole) if folds else None

    def _of_stored(self, placement: Placement, place: str, stored: PlaceFold) -> Fold | None:
        if stored.label is None or self.planned or place not in placement.replaced:
            return stored.folded
        return self._read_again(self._kept(placement, place, stored.label))

    def _of_upload(self, placement: Placement, place: str, label: str | None) -> Fold | None:
        dropped = self.ledger.has("placement = ? AND place = ? AND fate <> 'stored'", (placement.number, place))
        if (dropped or self.transformed) and not self.planned:
            return self._read_again(self._staged(placement, place, label))
        whole: Fold = {}
        for key in placement.keys:
            merge(whole, self.uploaded.get((key, place), {}))
        return whole

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

    def _read_again(self, members: Iterator[LoadedMember]) -> Fold | None:
        folded: Fold = {}
        some = False
        for batch in batches(members):
            part = self.ask(FoldingAgain(tuple(batch), self.context))
            if part is not None:
                some = True
                merge(folded, part)
        return folded if some else None

    def _kept(self, placement: Placement, place: str, label: str) -> Iterator[LoadedMember]:
        """Stored files that stay."""
        folder = self._folder(placement, place, label)
        for row in self._stored_files(placement, place):
            if not self.ledger.has("replaces = ? AND fate = 'stored'", (row.id,)):
                at = StoredAt(row.tag, label, row.resource)
                path = folder / row.resource / row.name
                yield stored_member(path, row.id, row.member_name, unpickled(row.hint), at)

    def _staged(self, placement: Placement, place: str, label: str | None) -> Iterator[LoadedMember]:
        for row in self.ledger.rows("placement = ? AND place = ? AND fate = 'stored'", (placement.number, place)):
            at = StoredAt(row["session"], label, row["resource"])
            path = self.staging.files / row["staged"]
            yield stored_member(path, row["idx"], row["inner_name"], unpickled(row["hint"]), at)

    def _stored_files(self, placement: Placement, place: str) -> Iterator[Any]:
        columns = (file.c.id, file.c.tag, file.c.resource, file.c.name, file.c.member_name, file.c.hint)
        query = select(*columns).where(
            file.c.session_id == placement.session_id, file.c.place == place, file.c.pending.is_(False)
        )
        with self.database.read() as connection:
            yield from connection.execute(query.order_by(file.c.id)).yield_per(BATCH)

    def _folder(self, placement: Placement, place: str, label: str) -> Path:
        session = self.tree.session_folder(placement.project, placement.timestamp, placement.folder)
        return session / place_folder(place.partition(":")[0], label)


def unpickled(pickled: bytes | None) -> object:
    """A hint as it was given."""
    return None if pickled is None else pickle.loads(pickled)  # noqa: S301 - written by this service itself


def batches(members: Iterable[_T]) -> Iterator[list[_T]]:
    """Members in batches of the size that hooks are called with."""
    rest = iter(members)
    while batch := list(islice(rest, BATCH)):
        yield batch
