"""Transforming: extensions change staged files before anything permanent is written; it fails closed."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from xnat_import_core.models import Fate, StagedFile, StoredAt, TransformContext
from xnat_import_core.placing.folding import BATCH, unpickled
from xnat_import_core.workers.jobs import ReadingAgain, Transforming
from xnat_import_core.workers.members import stored_member

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from xnat_import_core.models import ExtractContext
    from xnat_import_core.placing.placements import Placement
    from xnat_import_core.receipts.ledger import Ledger
    from xnat_import_core.storage.staging import Staging
    from xnat_import_core.workers.pool import Asking

__all__ = ["pseudonym_key", "transform_placement"]

_KEY_BYTES = 32


def transform_placement(  # noqa: PLR0913, PLR0917 - what it works with, each once
    placement: Placement, ledger: Ledger, staging: Staging, ask: Asking, extract: ExtractContext, key: bytes
) -> bool:
    """Let the extensions change the members that will be stored; true if any byte changed.

    What changed is digested again, and its UID and instance number read again; the digest received stays.
    """
    context = TransformContext(placement.destination, key, extract.request)
    changed = False
    for batch in ledger.batches("placement = ? AND fate = 'stored'", (placement.number,), BATCH):
        refusals, digests = ask(Transforming(tuple(_staged(row, staging) for row in batch), context))
        for who, rejected in refusals:
            ledger.settle("idx = ?", (rejected.member,), fate=Fate.REJECTED, reason=rejected.reason, rule=who)
            changed = True
        changed |= _read_again(batch, digests, ledger, staging, ask, extract)
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


def _read_again(  # noqa: PLR0913, PLR0917 - as above
    batch: list[sqlite3.Row],
    digests: Mapping[int, str],
    ledger: Ledger,
    staging: Staging,
    ask: Asking,
    context: ExtractContext,
) -> bool:
    touched = [row for row in batch if digests[row["idx"]] != row["digest"]]
    members = tuple(
        stored_member(
            staging.files / row["staged"], row["idx"], row["inner_name"], unpickled(row["hint"]),
            StoredAt(row["session"], None, row["resource"]),
        )
        for row in touched
    )  # fmt: skip
    found = ask(ReadingAgain(members, context)) if members else {}
    ledger.update(
        "UPDATE member SET stored_digest = ?, size = ?, uid = ?, instance_number = ? WHERE idx = ?",
        [
            (digests[member.index], member.size, *found[member.index], member.index)
            for member in members
            if member.index in found
        ],
    )
    return bool(touched)
