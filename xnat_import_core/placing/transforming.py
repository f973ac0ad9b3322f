"""Transforming: extensions change staged files before anything permanent is written; it fails closed."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from xnat_import_core.models import Fate, ImportedFile, StagedFile, StoredAt, TransformContext
from xnat_import_core.placing.folding import batches, unpickled
from xnat_import_core.workers.members import stored_member

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from xnat_import_core.models import ExtractContext
    from xnat_import_core.placing.placements import Placement
    from xnat_import_core.plugin_host import HookCalls
    from xnat_import_core.receipts.ledger import Ledger
    from xnat_import_core.storage.staging import Staging

__all__ = ["pseudonym_key", "transform_placement"]

_PIECE = 1024 * 1024
_KEY_BYTES = 32


def transform_placement(  # noqa: PLR0913, PLR0917 - what it works with, each once
    placement: Placement, ledger: Ledger, staging: Staging, calls: HookCalls, extract: ExtractContext, key: bytes
) -> bool:
    """Let the extensions change the members that will be stored; true if any byte changed.

    What changed is digested again, and its UID and instance number read again; the digest received stays.
    """
    context = TransformContext(placement.destination, key, extract.request)
    members = ledger.query(
        "SELECT * FROM member WHERE placement = ? AND fate = 'stored' ORDER BY idx", (placement.number,)
    )
    changed = False
    for batch in batches(members):
        for who, rejected in calls.transform_files(tuple(_staged(row, staging) for row in batch), context):
            ledger.settle("idx = ?", (rejected.member,), fate=Fate.REJECTED, reason=rejected.reason, rule=who)
            changed = True
        changed |= _digest_again(batch, ledger, staging, calls, extract)
    return changed


def pseudonym_key(path: Path) -> bytes:
    """The store's secret for stable pseudonyms; made when it is first needed."""
    try:
        with path.open("xb") as stream:
            path.chmod(0o600)
            stream.write(secrets.token_bytes(_KEY_BYTES))
    except FileExistsError:
        pass
    return path.read_bytes()


def _staged(row: sqlite3.Row, staging: Staging) -> StagedFile:
    scan = row["place"][5:] if row["place"].startswith("scan:") else None
    path = staging.files / row["staged"]
    return StagedFile(row["idx"], path, row["wished"], scan, row["resource"], row["format"], row["uid"] or "")


def _digest_again(
    batch: list[sqlite3.Row], ledger: Ledger, staging: Staging, calls: HookCalls, context: ExtractContext
) -> bool:
    digests = {row["idx"]: _sha256(staging.files / row["staged"]) for row in batch}
    touched = [row for row in batch if digests[row["idx"]] != row["digest"]]
    members = [
        stored_member(
            staging.files / row["staged"], row["idx"], row["inner_name"], unpickled(row["hint"]),
            StoredAt(row["session"], None, row["resource"]),
        )
        for row in touched
    ]  # fmt: skip
    records = calls.extract(tuple(members), context) if members else ()
    ledger.update(
        "UPDATE member SET stored_digest = ?, size = ?, uid = ?, instance_number = ? WHERE idx = ?",
        [
            (digests[member.index], member.size, record.uid, record.instance_number, member.index)
            for member, record in zip(members, records, strict=True)
            if isinstance(record, ImportedFile)
        ],
    )
    return bool(touched)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
