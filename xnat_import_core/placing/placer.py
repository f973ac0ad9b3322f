"""The room *place*: placements become sessions of the prearchive, all of them or none.

The order is the promise: rows hidden, files and documents staged, one sync, the redo list counts, renames, rows shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from xnat_import_core.errors import StorageError, XnatImportError
from xnat_import_core.folds import dump_fold
from xnat_import_core.models import Fate, Outcome, SessionOutcome
from xnat_import_core.placing.describing import Described, describe_placement, resources_of
from xnat_import_core.placing.filing import file_members
from xnat_import_core.placing.folding import Refolding
from xnat_import_core.placing.settling import Settlement, file_uri
from xnat_import_core.placing.transforming import pseudonym_key, transform_placement
from xnat_import_core.prearchive.commits import ScanValues, SessionChange, finish, mark_placing
from xnat_import_core.prearchive.statuses import Status
from xnat_import_core.receipts.records import outcome_as_json
from xnat_import_core.storage.durable import sync_filesystem
from xnat_import_core.storage.redo import RedoList, run_redo
from xnat_import_core.storage.tree import session_uri

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from xnat_import_core.folds import Fold
    from xnat_import_core.models import ExtractContext
    from xnat_import_core.placing.placements import Placement
    from xnat_import_core.plugin_host import HookCalls
    from xnat_import_core.receipts.ledger import Ledger
    from xnat_import_core.storage.staging import Staging
    from xnat_import_core.store import Store
    from xnat_import_core.workers.pool import Asking

__all__ = ["Placer"]


@define
class Placer:
    """Places one import.

    Attributes:
        store, calls, ask, context, ledger, staging: What it works with.
        import_id: The import.
        folds, scan_ids: What was extracted, by session key and place.
        notes: For the outcome; fields that a document could not take are added.
    """

    store: Store
    calls: HookCalls
    ask: Asking
    context: ExtractContext
    ledger: Ledger
    staging: Staging
    import_id: str
    folds: Mapping[tuple[str, str], Fold]
    scan_ids: Mapping[tuple[str, str], str]
    notes: list[str]
    _described: dict[int, Described] = field(factory=dict)
    _transformed: set[int] = field(factory=set)
    _counts: dict[tuple[int | None, Fate], int] = field(factory=dict)

    @property
    def planned(self) -> bool:
        """Nothing will be written."""
        return self.context.request.plan

    def settle(self, placements: list[Placement]) -> None:
        """Decide every member's fate and name, transform what will be stored, describe each session."""
        request, settings = self.context.request, self.store.settings
        self.ledger.index()
        settlement = Settlement(self.ledger, self.store.database, request, self.calls.handler, settings)
        for placement in placements:
            settlement.settle(placement)
            if self.calls.has_transform:
                self._transform(placement)
            self._described[placement.number] = self._describe(placement)
            self._address(placement)
        self.ledger.update(
            "UPDATE member SET (uri, stored_digest) = (SELECT t.uri, t.stored_digest FROM twin JOIN member t "
            "ON t.idx = twin.first WHERE twin.idx = member.idx) WHERE idx IN (SELECT idx FROM twin)",
            [()],
        )
        counted = self.ledger.query("SELECT placement, fate, count(*) AS files FROM member GROUP BY placement, fate")
        self._counts.update({(row["placement"], Fate(row["fate"])): row["files"] for row in counted})

    def outcome(self, placements: list[Placement]) -> Outcome:
        """What happened, or would."""
        return Outcome(
            import_id=self.import_id,
            handler_key=self.calls.key,
            planned=self.planned,
            sessions=tuple(self._session(placement) for placement in placements if self._has_members(placement)),
            counts=self.ledger.counts(),
            notes=tuple(self.notes),
            wrap_uris=self.calls.handler.wrap_uris,
        )

    def place(self, placements: list[Placement]) -> Outcome:
        """Write it all, commit, show it."""
        redo = RedoList(self.store.tree, self.staging.redo)
        changing = [placement for placement in placements if self._changes_files(placement)]
        file_members(changing, self.ledger, self.store.database, self.import_id)
        receipts = [self._publish(placement, redo) for placement in changing]
        redo.publish(self._receipt(receipts), self.store.tree.imports / self.import_id / "receipt.jsonl")
        redo.write()
        outcome = self.outcome(placements)
        self._sync()
        changes = [self._change(placement) for placement in placements]
        mark_placing(self.store.database, self.import_id, changes, outcome_as_json(outcome))
        self._go_forward()
        return outcome

    # ---- settling

    def _transform(self, placement: Placement) -> None:
        if self.planned:
            self.ledger.update(
                "UPDATE member SET stored_digest = 'unknown' WHERE placement = ? AND fate = 'stored'",
                [(placement.number,)],
            )
            return
        key = pseudonym_key(self.store.tree.root / ".pseudonym.key")
        if transform_placement(placement, self.ledger, self.staging, self.ask, self.context, key):
            self._transformed.add(placement.number)

    def _describe(self, placement: Placement) -> Described:
        refolding = Refolding(
            self.ledger, self.store.database, self.store.tree, self.staging, self.ask, self.context,
            self.folds, self.scan_ids, placement.number in self._transformed, self.planned,
        )  # fmt: skip
        resources = resources_of(placement, self.ledger, self.store.database)
        return describe_placement(placement, refolding.folds(placement), resources, self.ask, self.context)

    def _address(self, placement: Placement) -> None:
        labels = self._described[placement.number].labels
        folders = self.ledger.query(
            "SELECT DISTINCT place, resource FROM member WHERE placement = ? AND fate = 'stored'", (placement.number,)
        )
        keys = [(row["place"], row["resource"]) for row in folders]
        self.ledger.update(
            "UPDATE member SET uri = ? || coalesce(given, wished) "
            "WHERE placement = ? AND place = ? AND resource = ? AND fate = 'stored'",
            [(file_uri(placement, key[0], labels[key[0]], key[1], ""), placement.number, *key) for key in keys],
        )

    # ---- writing

    def _publish(self, placement: Placement, redo: RedoList) -> Path:
        """Put a session together; where its receipt lies."""
        from xnat_import_core.placing.publishing import Publication  # noqa: PLC0415 - lxml is needed from here on

        request, existing = self.context.request, placement.existing or {}
        publication = Publication(
            placement=placement,
            described=self._described[placement.number],
            ledger=self.ledger,
            database=self.store.database,
            tree=self.store.tree,
            staging=self.staging,
            redo=redo,
            import_id=self.import_id,
            visit=existing.get("visit") or request.visit,
            protocol=existing.get("protocol") or request.protocol,
            owns_timestamp=not placement.joins and request.timestamp is None,
        )
        self.notes += publication.publish()
        return publication.receipt

    def _receipt(self, of_sessions: list[Path]) -> Path:
        """The import's receipt; where all its members belong to one session, that session's under another name."""
        receipt = self.staging.publish / "receipt.jsonl"
        if len(of_sessions) == 1 and len({number for number, _ in self._counts}) == 1:
            receipt.hardlink_to(of_sessions[0])
        else:
            with receipt.open("w", encoding="utf-8") as stream:
                stream.writelines(self.ledger.receipt())
        return receipt

    def _sync(self) -> None:
        if self.store.settings.durability == "full":
            sync_filesystem(self.staging.descriptor)

    def _go_forward(self) -> None:
        try:
            run_redo(self.store.tree, self.staging.redo)
            finish(self.store.database, self.import_id)
        except (OSError, XnatImportError) as error:
            message = "The disk failed while a complete import was published; it is finished when the service restarts."
            raise StorageError(message) from error

    def _change(self, placement: Placement) -> SessionChange:
        described = self._described[placement.number]
        fields = described.document.fields
        values = {
            "status": self._status(placement),
            "type": described.document.type,
            "subject": placement.subject,
            "tag": placement.tags[0],
            "scan_date": str(fields.get("date", ""))[:10],
            "scan_time": str(fields.get("time", ""))[:8],
            **placement.policy,
        }
        if not self._changes_files(placement):
            unchanged = {"status": values["status"], **placement.policy}
            return SessionChange(placement.session_id, unchanged, placement.tags[1:])
        scans = tuple(
            ScanValues(
                key=scan.key,
                label=scan.id,
                type=scan.type,
                series_description=str(scan.fields.get("series_description", "")),
                fold=dump_fold(described.folds[scan.key]),
            )
            for scan in described.document.scans
        )
        return SessionChange(placement.session_id, values, placement.tags[1:], scans)

    def _status(self, placement: Placement) -> str:
        if self.context.request.builds_at_once or self.calls.handler.after_place == "ready":
            return Status.READY.value
        if placement.existing is not None and not self._changes_files(placement):
            return str(placement.existing["status"])
        return Status.RECEIVING.value

    # ---- telling

    def _count(self, placement: Placement, fate: Fate) -> int:
        return self._counts.get((placement.number, fate), 0)

    def _changes_files(self, placement: Placement) -> bool:
        return bool(self._count(placement, Fate.STORED))

    def _has_members(self, placement: Placement) -> bool:
        return bool(self._count(placement, Fate.STORED) or self._count(placement, Fate.SAME))

    def _session(self, placement: Placement) -> SessionOutcome:
        described = self._described[placement.number]
        return SessionOutcome(
            uri=session_uri(placement.project, placement.timestamp, placement.folder),
            project=placement.project or None,
            subject=placement.subject,
            label=placement.label,
            timestamp=placement.timestamp,
            folder=placement.folder,
            tag=placement.tags[0],
            status=self._status(placement),
            scans=len(described.document.scans),
            stored=self._count(placement, Fate.STORED),
            same=self._count(placement, Fate.SAME),
            joined=placement.joins,
            reasons=placement.destination.reasons,
            notes=(*placement.destination.notes, *placement.notes, *described.document.notes),
        )
