"""The pipeline: one import from upload to outcome, room by room.

receive ► detect ► arrange ► extract ► map_destination ► review_session ► settle ► transform_files ► describe ► place ►
archive
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from attrs import define, field

from xnat_import_core.archive.arriving import Arrivals
from xnat_import_core.errors import NotSupportedError, PluginError, ServerError, UnreadableUploadError, XnatImportError
from xnat_import_core.folds import Facts, Fold, merge
from xnat_import_core.logs import event_logger, frames_of
from xnat_import_core.models import ExtractContext, Fate, IncomingScan, IncomingSession, Outcome
from xnat_import_core.placing.destinations import AskedRequest, decide_destination
from xnat_import_core.placing.filing import give_final_names
from xnat_import_core.placing.placements import Placement, arrange_placements
from xnat_import_core.placing.placer import Placer
from xnat_import_core.placing.reserving import Reservations
from xnat_import_core.prearchive.commits import undo
from xnat_import_core.receipts.ledger import Ledger
from xnat_import_core.receipts.records import outcome_as_json
from xnat_import_core.storage.durable import check_free, storage_faults
from xnat_import_core.uploads.containers import OpenUpload, expected_members
from xnat_import_core.workers.extraction import Extraction, UploadView
from xnat_import_core.workers.jobs import Calling
from xnat_import_core.workers.pool import Asking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xnat_import_core.archive import Archiver
    from xnat_import_core.models import Destination, Principal, Refused
    from xnat_import_core.parameters import ImportRequest
    from xnat_import_core.plugin_host import PluginHost
    from xnat_import_core.storage.staging import Staging
    from xnat_import_core.store import Store
    from xnat_import_core.uploads.containers import Entry, Source
    from xnat_import_core.workers.crew import Crew
    from xnat_import_core.workers.members import LoadedMember
    from xnat_import_core.workers.pool import Workers

__all__ = ["Import", "Progress"]

NOTHING_FOUND: Final = "Upload did not include parsable files for session generation."
_SHOWN: Final = 20
_HEAD: Final = 64 * 1024


class Progress(Protocol):
    """Told how far an import is. Called from the import's own thread, at most once a batch."""

    def __call__(self, stage: str, members: int, total: int | None, size: int) -> None:
        """Stage (``extract``, ``place``), members done, of how many if that is known, bytes done."""


@define
class Import:
    """One import, from what was spooled to its outcome.

    Attributes:
        store, host, crew, archiver: The service's.
        import_id: Key of its row, staging folder and receipt.
        staging: Its private folder, made and locked.
        request: The typed parameters.
        key: The handler's key.
        why_key: Why that handler.
        principal: Who asks.
        sources: What came in.
        progress: Told how far it is.
    """

    store: Store
    host: PluginHost
    crew: Crew
    archiver: Archiver
    import_id: str
    staging: Staging
    request: ImportRequest
    key: str
    why_key: str
    principal: Principal
    sources: Sequence[Source]
    progress: Progress | None = None
    _ledger: Ledger = field(factory=Ledger)
    _notes: list[str] = field(factory=list)
    _expected: int | None = None

    def run(self) -> Outcome:
        """Import it. Whatever goes wrong, nothing half-made stays, and the receipt says what became of each member.

        Raises:
            XnatImportError: With ``import_id`` set.
        """
        log = event_logger(import_id=self.import_id)
        try:
            with storage_faults():
                outcome = self._run()
        except BaseException as error:
            log.warning("import failed", handler=self.key, error=type(error).__name__)
            fault = self._fail(error)
            if fault is error or not isinstance(error, Exception):
                raise
            fault_facts = {"error": type(error).__name__, "frames": frames_of(error)}
            log.error("unexpected fault", **fault_facts)  # noqa: TRY400 - an exception's words may hold patient data
            raise fault from error
        finally:
            self._ledger.close()
        log.info("import finished", handler=self.key, planned=outcome.planned, members=outcome.members)
        return outcome

    def _run(self) -> Outcome:
        limits = self.store.settings.limits
        check_free(self.store.tree.root, limits.min_free_bytes)
        self._expected = expected_members(self.sources)
        self._detect()
        asking = Asking(self.key, self.crew.suited(self._expected, sum(map(_size, self.sources))))
        extraction = self._extract(asking.workers)
        self._judge()
        placements = self._map(extraction.folds, extraction.scan_ids)
        self._told("place", 0, 0)
        placements = self._reserve(placements)
        calls = self.host.calls(self.key)
        placer = Placer(
            self.store, calls, asking, extraction.context, self._ledger, self.staging, self.import_id,
            extraction.folds, extraction.scan_ids, self._notes,
        )  # fmt: skip
        placer.settle(placements)
        if self.request.plan:
            return self._planned(placer.outcome(placements))
        give_final_names(self._ledger, self.staging)
        outcome = placer.place(placements)
        self.staging.discard()
        self._told("place", outcome.members, 0)
        try:
            outcome = Arrivals(self.store, self.archiver, calls.handler, self.request, self.principal).archive(outcome)
        finally:
            self._announce(outcome)
        return outcome

    def _announce(self, outcome: Outcome) -> None:
        with suppress(PluginError):  # it is in the log, and the import is committed
            self._here(Calling("import_finished", lambda calls: calls.import_finished(outcome)))

    @property
    def _here(self) -> Asking:
        """Asks hooks whose arguments do not leave the service."""
        return Asking(self.key, self.crew.inline)

    # ---- detect

    def _detect(self) -> None:
        if self.request.handler_key or not self.store.settings.plugins.detection:
            return
        every = frozenset({"zip", "tar", "folder", "file"})
        with self._open(every, open_nested=False) as upload:
            found = self.host.detect(self._view(list(upload.entries())))
        if found is not None:
            self.key, self.why_key = found[0], f"detected: {found[1].reason}"

    # ---- arrange, extract

    def _extract(self, workers: Workers) -> Extraction:
        calls = self.host.calls(self.key)
        context = ExtractContext(self.key, self.request, calls.wants, self.store.settings.plugin_preferences())
        extraction = Extraction(
            calls, context, self.staging, self._ledger, workers, keep=not self.request.plan, told=self._extracted
        )
        with self._open(frozenset(calls.handler.containers), open_nested=calls.handler.nested == "open") as upload:
            extraction.run(upload, self._view)
        self._expected = self._ledger.count()
        self._told("extract", self._expected, extraction.size)
        self._notes.append(f"Handler {self.key}: {self.why_key}.")
        if unused := sorted({*self.request.fields, *self.request.others}):
            self._notes.append(f"Parameters without effect in this release: {', '.join(unused[:_SHOWN])}.")
        if self.request.direct_archive and not self.request.has_dest:
            self._notes.append("Direct-Archive comes with a later release: the data wait in the prearchive.")
        return extraction

    def _open(self, kinds: frozenset[str], *, open_nested: bool) -> OpenUpload:
        return OpenUpload(
            self.sources,
            limits=self.store.settings.limits,
            kinds=kinds,
            open_nested=open_nested,
            spool=self.staging.spool / "nested",
        )

    def _view(self, members: Sequence[Entry | LoadedMember]) -> UploadView:
        first = self.sources[0]
        head = b""
        if first.path.is_file():
            with first.path.open("rb") as stream:
                head = stream.read(_HEAD)
        return UploadView(first.name, first.content_type, sum(map(_size, self.sources)), head, members)

    # ---- judge

    def _judge(self) -> None:
        """Refuse an upload with members that must not be dropped, or with nothing in it."""
        bad = self._ledger.query("SELECT name, reason, unsupported FROM member WHERE fate = 'rejected' ORDER BY idx")
        handler = self.host.calls(self.key).handler
        if bad and handler.unparsable == "refuse" and not self.request.skips_unparsable:
            self._refuse(bad[0]["reason"], [row["name"] for row in bad])
        if self._ledger.count("fate = 'stored'"):
            return
        if bad and all(row["unsupported"] for row in bad):
            raise NotSupportedError(bad[0]["reason"], members=[row["name"] for row in bad[:_SHOWN]])
        raise UnreadableUploadError(NOTHING_FOUND, members=[row["name"] for row in bad[:_SHOWN]])

    def _refuse(self, reason: str, names: list[str]) -> None:
        more = f" And {len(names) - 1} more members." if len(names) > 1 else ""
        message = f"{reason.rstrip('.')}.{more} Nothing was stored; Ignore-Unparsable=true drops such members."
        raise UnreadableUploadError(message, members=names[:_SHOWN])

    # ---- map_destination, review_session

    def _map(self, folds: dict[tuple[str, str], Fold], scan_ids: dict[tuple[str, str], str]) -> list[Placement]:
        calls = self.host.calls(self.key)
        asked = AskedRequest(self.request, self.store.projects, self.principal)
        mapped: list[tuple[str, Destination]] = []
        keys = self._ledger.query(
            "SELECT session, min(idx) FROM member WHERE fate = 'stored' GROUP BY session ORDER BY 2"
        )
        for row in keys:
            incoming = self._incoming(row["session"], folds, scan_ids)
            destination = decide_destination(incoming, asked, calls.handler, self._here)
            for who, refused in self._refusals(incoming, destination):
                self._filter(incoming.key, refused.scan, refused.member, refused.reason, who)
            if self._ledger.count("session = ? AND fate = 'stored'", (incoming.key,)):
                mapped.append((incoming.key, destination))
        placements = arrange_placements(mapped, self.request, calls.handler)
        self._assign(placements)
        return placements

    def _refusals(self, session: IncomingSession, destination: Destination) -> Sequence[tuple[str, Refused]]:
        return self._here(Calling("review_session", lambda calls: calls.review_session(session, destination)))

    def _incoming(
        self, key: str, folds: dict[tuple[str, str], Fold], scan_ids: dict[tuple[str, str], str]
    ) -> IncomingSession:
        counts = {
            row["place"]: row["files"]
            for row in self._ledger.query(
                "SELECT place, count(*) AS files FROM member WHERE session = ? AND fate = 'stored' GROUP BY place",
                (key,),
            )
        }
        whole: Fold = {}
        for place in counts:
            merge(whole, folds.get((key, place), {}))
        scans = tuple(
            IncomingScan(place[5:], scan_ids.get((key, place)), Facts(folds.get((key, place), {})), count)
            for place, count in sorted(counts.items())
            if place.startswith("scan:")
        )
        return IncomingSession(key, Facts(whole), scans, sum(counts.values()), self.key)

    def _filter(self, key: str, scan: str | None, member: int | None, reason: str, who: str) -> None:
        where, parameters = "session = ? AND fate = 'stored'", [key]
        if scan is not None:
            where, parameters = f"{where} AND place = ?", [key, f"scan:{scan}"]
        if member is not None:
            where = f"{where} AND idx = {member:d}"
        self._ledger.settle(where, parameters, fate=Fate.FILTERED, reason=reason, rule=who)

    def _assign(self, placements: list[Placement]) -> None:
        self._ledger.update(
            "UPDATE member SET placement = ? WHERE session = ?",
            [(placement.number, key) for placement in placements for key in placement.keys],
        )

    # ---- place

    def _reserve(self, placements: list[Placement]) -> list[Placement]:
        handler = self.host.calls(self.key).handler
        reservations = Reservations(
            self.store, self.request, handler, self.key, self.import_id, self.principal.name, self.request.plan
        )
        joined = reservations.reserve(placements)
        self._assign(joined)
        return joined

    def _planned(self, outcome: Outcome) -> Outcome:
        self._keep_receipt()
        undo(self.store.database, self.import_id, "", outcome_as_json(outcome), status="done")
        self.staging.discard()
        return outcome

    # ---- when it goes wrong

    def _fail(self, error: BaseException) -> XnatImportError:
        fault = error if isinstance(error, XnatImportError) else ServerError("The service failed; nothing was stored.")
        fault.import_id = self.import_id
        if self._undo(fault.message):
            self.staging.discard()
        else:
            self.staging.release()
        return fault

    def _undo(self, message: str) -> bool:
        """Take everything back; false once the import can only go forward, or while the database is not there."""
        try:
            if not self.staging.redo.exists():  # the import has not begun to go forward
                self.staging.empty()  # on a full disk the database needs the room
            reason = f"nothing of the upload was stored: {message}"
            self._ledger.settle("fate IN ('stored', 'same')", (), fate=Fate.REJECTED, reason=reason, rule="core")
            self._ledger.update("UPDATE member SET uri = '' WHERE fate = 'rejected'", [()])
            outcome = Outcome(
                self.import_id, self.key, self.request.plan, (), self._ledger.counts(), tuple(self._notes)
            )
            done = undo(self.store.database, self.import_id, message, outcome_as_json(outcome))
            if done:
                self._keep_receipt()
        except (XnatImportError, OSError) as fault:
            event_logger(import_id=self.import_id).error("undo failed", error=type(fault).__name__)
            return False
        return done

    def _keep_receipt(self) -> None:
        folder = self.store.tree.imports / self.import_id
        folder.mkdir(exist_ok=True)
        with (folder / "receipt.jsonl").open("w", encoding="utf-8") as stream:
            stream.writelines(self._ledger.receipt())

    def _extracted(self, members: int, size: int) -> None:
        self._told("extract", members, size)

    def _told(self, stage: str, members: int, size: int) -> None:
        if self.progress is not None:
            self.progress(stage, members, self._expected, size)


def _size(source: Source) -> int:
    """Bytes as they came; a folder's are not known before they are read."""
    return source.path.stat().st_size
