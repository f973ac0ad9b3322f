"""What a worker says of one member, ready for the ledger: a plain tuple, because a million of them cross a process."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from xnat_import_core.models import Assessor, Fate, ImportedFile, Reconstruction, Rejected, Scan
from xnat_import_core.storage.names import clean_file_name, clean_label

if TYPE_CHECKING:
    from xnat_import_core.models import Ignored, Place

__all__ = ["COLUMNS", "MemberRow", "place_text", "row_of"]

MemberRow: TypeAlias = "tuple[Any, ...]"
"""The values of ``COLUMNS``."""

COLUMNS: Final = (
    "idx", "name", "size", "digest", "stored_digest", "fate", "reason", "rule", "unsupported",
    "session", "place", "resource", "wished", "fallback", "staged", "format", "content", "identity", "uid",
    "instance_number", "inner_name", "hint",
)  # fmt: skip
_OF_A_FILE: Final = len(COLUMNS) - COLUMNS.index("session")


def row_of(  # noqa: PLR0913 - a row has these parts
    record: ImportedFile | Rejected | Ignored,
    *,
    name: str,
    size: int,
    digest: str,
    rule: str,
    inner_name: str = "",
    staged: str = "",
    hint: object = None,
) -> MemberRow:
    """The row of a member.

    Args:
        record: What it is; its index is the row's key.
        name: As sent.
        size: Bytes, inflated.
        digest: SHA-256 of what was received, hex; empty where it could not be read.
        rule: Who decided.
        inner_name: Without the suffix of a compression that was undone.
        staged: Where the file lies, relative to the staging folder's ``files``.
        hint: Of the member's group.
    """
    head = (record.member, name, size, digest)
    if not isinstance(record, ImportedFile):
        fate = Fate.REJECTED if isinstance(record, Rejected) else Fate.IGNORED
        unsupported = isinstance(record, Rejected) and record.unsupported
        return (*head, "", fate.value, record.reason, rule, unsupported, *[None] * _OF_A_FILE)
    return (
        *head, digest, Fate.STORED.value, "", rule, False,
        record.session, place_text(record.place), clean_label(record.resource) or "FILES",
        clean_file_name(record.name), clean_file_name(record.fallback_name or ""), staged,
        record.format, record.content, record.identity, record.uid, record.instance_number, inner_name,
        None if hint is None else pickle.dumps(hint),
    )  # fmt: skip


def place_text(place: Place) -> str:
    """A place as rows keep it: ``scan:KEY``, ``session:``, ``assessor:ID``, ``reconstruction:ID``."""
    if isinstance(place, Scan):
        return f"scan:{place.key}"
    if isinstance(place, Assessor):
        return f"assessor:{place.id}"
    return f"reconstruction:{place.id}" if isinstance(place, Reconstruction) else "session:"
