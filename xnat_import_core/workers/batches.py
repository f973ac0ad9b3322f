"""What a worker does with one batch: read, digest, ask ``extract``, write to staging, fold."""

from __future__ import annotations

import hashlib
import os
import pickle
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Self

from attrs import frozen

from xnat_import_core.errors import UnreadableUploadError
from xnat_import_core.folds import Fold, fold
from xnat_import_core.models import Ignored, ImportedFile, Rejected, Scan
from xnat_import_core.receipts.rows import MemberRow, place_text, row_of
from xnat_import_core.storage.durable import storage_faults
from xnat_import_core.storage.names import clean_file_name, clean_label
from xnat_import_core.workers.members import LoadedMember, digested, load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xnat_import_core.models import ExtractContext
    from xnat_import_core.plugin_host import HookCalls
    from xnat_import_core.uploads.containers import Entry

__all__ = ["Batch", "BatchResult", "bad_row", "extract_batch", "staged_folder"]

_MEMORY = 16 * 1024 * 1024


@frozen
class Batch:
    """Members that are read together: entries still to load, or members loaded already (tar streams).

    Attributes:
        members: In the order of the upload, those of a group together.
        hints: Each member's, pickled.
    """

    members: tuple[Entry | LoadedMember, ...]
    hints: tuple[bytes | None, ...]

    def parts(self) -> Sequence[Self]:
        """Each member alone."""
        return [type(self)((member,), (hint,)) for member, hint in zip(self.members, self.hints, strict=True)]


@frozen
class BatchResult:
    """A batch's members, and its folds by session key and place; scan IDs that the handler knew."""

    rows: tuple[MemberRow, ...]
    folds: dict[tuple[str, str], Fold]
    scan_ids: dict[tuple[str, str], str]


def extract_batch(batch: Batch, calls: HookCalls, context: ExtractContext, staging: Path, *, keep: bool) -> BatchResult:
    """Do one batch. ``keep`` is false for a plan: nothing is written, digests and folds are made all the same."""
    with storage_faults():
        loaded, rows = _load_all(batch, staging / "large")
        records = calls.extract(tuple(loaded), context) if loaded else ()
        for member, record in zip(loaded, records, strict=True):
            rows.append(_row(member, record, calls.key, staging / "files" if keep else None))
            if member.path is not None:
                member.path.unlink(missing_ok=True)
    files = [record for record in records if isinstance(record, ImportedFile)]
    return BatchResult(tuple(rows), _folds(files), _scan_ids(files))


def staged_folder(session: str, place: str, resource: str) -> str:
    """Where a file lies under ``staging/ID/files``: the same for every worker, whatever order members come in."""
    return _staged_folder(session, place, resource)


@lru_cache(1024)
def _staged_folder(session: str, place: str, resource: str) -> str:
    return f"{_short(session)}/{_short(place)}/{clean_label(resource) or 'FILES'}"


def _load_all(batch: Batch, spill_to: Path) -> tuple[list[LoadedMember], list[MemberRow]]:
    loaded: list[LoadedMember] = []
    rows: list[MemberRow] = []
    free = _MEMORY
    hints = {sealed: pickle.loads(sealed) if sealed else None for sealed in batch.hints}  # noqa: S301 - made by Arranging
    for entry, sealed in zip(batch.members, batch.hints, strict=True):
        if isinstance(entry, LoadedMember):
            loaded.append(digested(entry).with_hint(hints[sealed]))
            continue
        try:
            member = load(entry, spill_to, max(free, 0)).with_hint(hints[sealed])
        except UnreadableUploadError as error:
            rows.append(bad_row(entry, Rejected(entry.index, error.message)))
            continue
        free -= len(member.data or b"")
        loaded.append(member)
    return loaded, rows


def bad_row(entry: Entry, record: Rejected | Ignored) -> MemberRow:
    """The row of an entry that nobody could read."""
    return row_of(record, name=entry.name, size=entry.size or 0, digest="", rule="core")


def _folds(files: Sequence[ImportedFile]) -> dict[tuple[str, str], Fold]:
    """Folds by session key and place. Files of a scan mostly say the same: a run of equal facts is folded at once."""
    folds: dict[tuple[str, str], Fold] = {}
    for (session, place), run in groupby(files, key=lambda file: (file.session, file.place)):
        into = folds.setdefault((session, place_text(place)), {})
        for facts, same in groupby(run, key=lambda file: file.facts):
            members = [file.member for file in same]
            fold(into, facts, min(members), len(members))
    return folds


def _scan_ids(files: Sequence[ImportedFile]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for file in files:
        if isinstance(file.place, Scan) and file.place.id:
            key = (file.session, place_text(file.place))
            found[key] = min(found.get(key, file.place.id), file.place.id)
    return found


def _row(member: LoadedMember, record: ImportedFile | Rejected | Ignored, rule: str, files: Path | None) -> MemberRow:
    return row_of(
        record,
        name=member.sent_name,
        size=member.size,
        digest=member.digest,
        rule=rule,
        inner_name=member.name,
        staged=_stage(member, record, files) if files is not None and isinstance(record, ImportedFile) else "",
        hint=member.hint,
    )


def _stage(member: LoadedMember, record: ImportedFile, files: Path) -> str:
    folder = staged_folder(record.session, place_text(record.place), record.resource)
    name = clean_file_name(record.name) or clean_file_name(record.fallback_name or "") or str(member.index)
    try:
        _write(member, files, folder, name)
    except FileExistsError:  # somebody else took the name; who keeps it is decided before place
        name = f"{member.index}~{name}"[:255]
        _write(member, files, folder, name)
    return f"{folder}/{name}"


def _write(member: LoadedMember, files: Path, folder: str, name: str) -> None:
    path = f"{files}/{folder}/{name}"
    try:
        _write_new(member, path)
    except FileNotFoundError:
        _make_folder(files, folder)
        _write_new(member, path)


def _make_folder(files: Path, folder: str) -> None:
    """Level by level: the files of an import that was given up are gone, and must not come back."""
    for part in folder.split("/"):
        files /= part
        files.mkdir(exist_ok=True)


def _write_new(member: LoadedMember, path: str) -> None:
    if member.data is None:
        os.link(str(member.path), path)
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        left = memoryview(member.data)
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]
