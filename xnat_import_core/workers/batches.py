"""What a worker does with one batch: read, digest, ask ``extract``, write to staging, fold."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from attrs import frozen

from xnat_import_core.errors import UnreadableUploadError
from xnat_import_core.folds import Fold, fold
from xnat_import_core.models import Ignored, ImportedFile, Rejected, Scan
from xnat_import_core.receipts.ledger import MemberRow, place_text
from xnat_import_core.storage.durable import storage_faults
from xnat_import_core.storage.names import clean_file_name, clean_label
from xnat_import_core.workers.members import LoadedMember, load

if TYPE_CHECKING:
    from pathlib import Path

    from xnat_import_core.models import ExtractContext
    from xnat_import_core.plugin_host import HookCalls
    from xnat_import_core.storage.staging import Staging
    from xnat_import_core.uploads.containers import Entry

__all__ = ["Batch", "BatchResult", "extract_batch", "staged_folder"]

_MEMORY = 16 * 1024 * 1024


@frozen
class Batch:
    """Members that are read together: entries still to load, or members loaded already (tar streams)."""

    members: tuple[Entry | LoadedMember, ...]
    hints: tuple[object, ...]


@frozen
class BatchResult:
    """A batch's members, and its folds by session key and place; scan IDs that the handler knew."""

    rows: tuple[MemberRow, ...]
    folds: dict[tuple[str, str], Fold]
    scan_ids: dict[tuple[str, str], str]


def extract_batch(
    batch: Batch, calls: HookCalls, context: ExtractContext, staging: Staging, *, keep: bool
) -> BatchResult:
    """Do one batch. ``keep`` is false for a plan: nothing is written, digests and folds are made all the same."""
    with storage_faults():
        loaded, rows = _load_all(batch, staging.large)
        records = calls.extract(tuple(loaded), context) if loaded else ()
        folds: dict[tuple[str, str], Fold] = {}
        scan_ids: dict[tuple[str, str], str] = {}
        for member, record in zip(loaded, records, strict=True):
            if isinstance(record, ImportedFile):
                _fold(record, folds, scan_ids)
            rows.append(_row(member, record, calls.key, staging if keep else None))
            if member.path is not None:
                member.path.unlink(missing_ok=True)
    return BatchResult(tuple(rows), folds, scan_ids)


def staged_folder(session: str, place: str, resource: str) -> str:
    """Where a file lies under ``staging/ID/files``: the same for every worker, whatever order members come in."""
    return f"{_short(session)}/{_short(place)}/{clean_label(resource) or 'FILES'}"


def _load_all(batch: Batch, spill_to: Path) -> tuple[list[LoadedMember], list[MemberRow]]:
    loaded: list[LoadedMember] = []
    rows: list[MemberRow] = []
    free = _MEMORY
    for entry, hint in zip(batch.members, batch.hints, strict=True):
        if isinstance(entry, LoadedMember):
            loaded.append(entry.with_hint(hint))
            continue
        try:
            member = load(entry, spill_to, max(free, 0)).with_hint(hint)
        except UnreadableUploadError as error:
            rows.append(bad_row(entry, Rejected(entry.index, error.message)))
            continue
        free -= len(member.data or b"")
        loaded.append(member)
    return loaded, rows


def bad_row(entry: Entry, record: Rejected | Ignored) -> MemberRow:
    """The row of an entry that nobody could read."""
    return MemberRow(entry.index, entry.name, entry.inner_name, entry.size or 0, "", record, "", None, "core")


def _fold(record: ImportedFile, folds: dict[tuple[str, str], Fold], scan_ids: dict[tuple[str, str], str]) -> None:
    key = (record.session, place_text(record.place))
    fold(folds.setdefault(key, {}), record.facts, record.member)
    if isinstance(record.place, Scan) and record.place.id:
        scan_ids[key] = min(scan_ids.get(key, record.place.id), record.place.id)


def _row(
    member: LoadedMember, record: ImportedFile | Rejected | Ignored, rule: str, staging: Staging | None
) -> MemberRow:
    staged = ""
    if staging is not None and isinstance(record, ImportedFile):
        staged = _stage(member, record, staging.files)
    return MemberRow(
        member.index, member.sent_name, member.name, member.size, member.digest, record, staged, member.hint, rule
    )


def _stage(member: LoadedMember, record: ImportedFile, files: Path) -> str:
    folder = files / staged_folder(record.session, place_text(record.place), record.resource)
    folder.mkdir(parents=True, exist_ok=True)
    name = clean_file_name(record.name) or clean_file_name(record.fallback_name or "") or str(member.index)
    path = folder / name
    try:
        _write(member, path)
    except FileExistsError:  # somebody else took the name; who keeps it is decided before place
        path = folder / f"{member.index}~{name}"[:255]
        _write(member, path)
    return path.relative_to(files).as_posix()


def _write(member: LoadedMember, path: Path) -> None:
    if member.data is not None:
        with path.open("xb", buffering=0) as stream:
            view = memoryview(member.data)
            while view:
                view = view[stream.write(view) or 0 :]
    else:
        assert member.path is not None  # noqa: S101 - what is not in memory has a path
        path.hardlink_to(member.path)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]
