"""The rooms *arrange* and *extract*: an upload's members, batch by batch, into the ledger."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from concurrent.futures import wait
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from attrs import define, field

from xnat_import_core.errors import UnreadableUploadError, XnatImportError
from xnat_import_core.folds import Fold, merge
from xnat_import_core.models import Ignored, Rejected
from xnat_import_core.receipts.rows import COLUMNS, row_of
from xnat_import_core.uploads.containers import is_clutter
from xnat_import_core.workers.batches import Batch, BatchResult, bad_row
from xnat_import_core.workers.jobs import Arranging, Extracting
from xnat_import_core.workers.members import LoadedMember, digested, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from xnat_import_core.models import ExtractContext
    from xnat_import_core.plugin_host import HookCalls
    from xnat_import_core.receipts.ledger import Ledger
    from xnat_import_core.receipts.rows import MemberRow
    from xnat_import_core.storage.staging import Staging
    from xnat_import_core.uploads.containers import Entry, OpenUpload
    from xnat_import_core.workers.pool import Workers

__all__ = ["BATCH_BYTES", "BATCH_MEMBERS", "Extraction", "UploadView"]

BATCH_MEMBERS = 128
BATCH_BYTES = 8 * 1024 * 1024
_UNKNOWN_SIZE = 256 * 1024
_SEQUENTIAL_SPILL = 32 * 1024
_IN_MEMORY = 4
_INDEX, _SIZE = COLUMNS.index("idx"), COLUMNS.index("size")


@define
class UploadView:
    """The ``Upload`` that ``detect`` and ``arrange`` see: what came in, and its readable members."""

    name: str
    content_type: str
    size: int
    first_bytes: bytes
    members: Sequence[Entry | LoadedMember]

    def head(self, size: int) -> bytes:
        """The first bytes of the upload as it came."""
        return self.first_bytes[:size]

    def read(self, member: int, limit: int) -> bytes:
        """The first ``limit`` bytes of a member, by its index."""
        entry = self.members[bisect_left(self.members, member, key=lambda each: each.index)]
        with entry.open() as stream:
            return _read_up_to(stream.read, limit)


@define
class Extraction:
    """Runs every member of an upload through ``extract``.

    Attributes:
        keep: Write members to staging; false for a plan.
        folds: Of what was extracted, by session key and place.
        scan_ids: Scan IDs that the handler knew, likewise.
        told: Told after each batch: members and bytes done.
        size: Bytes done.
    """

    calls: HookCalls
    context: ExtractContext
    staging: Staging
    ledger: Ledger
    workers: Workers
    keep: bool
    told: Callable[[int, int], None]
    folds: dict[tuple[str, str], Fold] = field(factory=dict)
    scan_ids: dict[tuple[str, str], str] = field(factory=dict)
    size: int = 0
    _members: int = 0
    _given_up: bool = False

    def run(self, upload: OpenUpload, describe: Callable[[Sequence[Entry | LoadedMember]], UploadView]) -> None:
        """Do it. ``describe`` makes the view for ``arrange``.

        Raises:
            XnatImportError: The upload is damaged or over a limit, or the handler failed; nothing runs any more.
        """
        pending: deque[tuple[Batch, Future[BatchResult]]] = deque()
        batches = self._batches(upload, describe)
        try:
            for batch in batches:
                if len(pending) >= 2 * self.workers.width:
                    self._collect(pending)
                job = Extracting(batch, self.context, self.staging.folder, self.keep)
                pending.append((batch, self.workers.submit(self.calls.key, job)))
            while pending:
                self._collect(pending)
        except XnatImportError as fault:
            self._give_up(chain((batch for batch, _ in pending), batches), fault)
            raise
        finally:
            wait([future for _, future in pending if not future.cancel()])

    def _collect(self, pending: deque[tuple[Batch, Future[BatchResult]]]) -> None:
        batch, future = pending[0]
        result = future.result()
        pending.popleft()
        self._enter(result.rows)
        sizes = {row[_INDEX]: row[_SIZE] for row in result.rows}
        for member in batch.members:
            if not isinstance(member, LoadedMember):
                member.count(sizes[member.index])
        for key, folded in result.folds.items():
            merge(self.folds.setdefault(key, {}), folded)
        for key, scan_id in result.scan_ids.items():
            self.scan_ids[key] = min(self.scan_ids.get(key, scan_id), scan_id)

    def _give_up(self, batches: Iterable[Batch], fault: XnatImportError) -> None:
        """A line for each member that is not imported any more, as far as they are known without reading on."""
        self._given_up = True
        with suppress(XnatImportError):
            for batch in batches:
                self._enter([_unread(member, fault) for member in batch.members])

    def _enter(self, rows: Sequence[MemberRow]) -> None:
        self.ledger.add(rows)
        self._members += len(rows)
        self.size += sum(row[_SIZE] for row in rows)
        self.told(self._members, self.size)

    # ---- which members go together

    def _batches(
        self, upload: OpenUpload, describe: Callable[[Sequence[Entry | LoadedMember]], UploadView]
    ) -> Iterator[Batch]:
        if self.calls.has_arrange:
            groups = self._arranged(describe(list(self._readable(upload, spill=0))))
        else:
            groups = (((member,), None) for member in self._readable(upload, _SEQUENTIAL_SPILL))
        members: list[Entry | LoadedMember] = []
        hints: list[bytes | None] = []
        size = 0
        for group, hint in groups:
            size += sum(map(_weight, group))
            members += group
            hints += [hint] * len(group)
            if len(members) >= BATCH_MEMBERS or size >= BATCH_BYTES:
                yield Batch(tuple(members), tuple(hints))
                members, hints, size = [], [], 0
        if members:
            yield Batch(tuple(members), tuple(hints))

    def _arranged(self, view: UploadView) -> Iterator[tuple[tuple[Entry | LoadedMember, ...], bytes | None]]:
        by_index = {member.index: member for member in view.members}
        try:
            arranged = self.workers.submit(self.calls.key, Arranging(view, self.context)).result()
        except XnatImportError as fault:
            self._give_up([Batch(tuple(view.members), ())], fault)
            raise
        for ignored in arranged.ignored:
            self._enter([self._ignored(by_index.pop(ignored.member), ignored.reason, self.calls.key)])
        for indices, hint in arranged.groups:
            yield tuple(by_index.pop(index) for index in indices), hint
        for member in by_index.values():
            yield (member,), None

    def _readable(self, upload: OpenUpload, spill: int) -> Iterator[Entry | LoadedMember]:
        """Members for the handler; what the core itself judges goes straight into the ledger."""
        for entry in upload.entries():
            if entry.problem is not None:
                self._enter([bad_row(entry, Rejected(entry.index, f"{_last(entry.name)} {entry.problem}"))])
            elif is_clutter(entry.name):
                self._enter([self._ignored(entry, "a file of the operating system, not of the study", "core")])
            elif entry.sequential:
                if self._given_up:
                    return
                loaded = self._loaded(entry, spill)
                if loaded is not None:
                    yield loaded
            else:
                yield entry

    def _loaded(self, entry: Entry, spill: int) -> LoadedMember | None:
        try:
            return load(entry, self.staging.large, spill, digest=False)
        except UnreadableUploadError as error:
            if not error.members:  # not this member, but the stream it comes from
                raise
            self._enter([bad_row(entry, Rejected(entry.index, error.message))])
            return None

    def _ignored(self, member: Entry | LoadedMember, reason: str, rule: str) -> MemberRow:
        record = Ignored(member.index, reason)
        try:
            loaded = digested(member) if isinstance(member, LoadedMember) else load(member, self.staging.large, 0)
        except XnatImportError:
            return bad_row(member, record)  # type: ignore[arg-type]  # a loaded member cannot fail to load
        if loaded.path is not None:
            loaded.path.unlink(missing_ok=True)
        return row_of(record, name=loaded.sent_name, size=loaded.size, digest=loaded.digest, rule=rule)


def _unread(member: Entry | LoadedMember, fault: XnatImportError) -> MemberRow:
    name = member.sent_name if isinstance(member, LoadedMember) else member.name
    record = Rejected(member.index, f"not imported: {fault.message}")
    return row_of(record, name=name, size=member.size or 0, digest="", rule="core")


def _weight(member: Entry | LoadedMember) -> int:
    """What a member adds to its batch; bytes that are in memory here cross to the worker, so they count more."""
    if isinstance(member, LoadedMember) and member.data is not None:
        return member.size * _IN_MEMORY
    return _UNKNOWN_SIZE if member.size is None else member.size


def _last(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2] or "The member"


def _read_up_to(read: Callable[[int], bytes], limit: int) -> bytes:
    taken = bytearray()
    while len(taken) < limit and (piece := read(limit - len(taken))):
        taken += piece
    return bytes(taken)
