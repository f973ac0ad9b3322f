"""What a receipt says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from xnat_import_core.models import Fate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from xnat_import_core.models import Outcome

__all__ = ["ImportSummary", "ReceiptLine", "outcome_as_json"]


@frozen
class ReceiptLine:
    """The fate of one member.

    Attributes:
        member: Position in the upload, from 0.
        name: As sent.
        size: Bytes, inflated.
        digest: SHA-256 of the bytes received, hex; empty where they could not be read.
        stored_digest: SHA-256 of the bytes stored; empty where nothing is, ``unknown`` in a plan with a transform.
        fate: ``stored``, ``same``, ``rejected``, ``filtered`` or ``ignored``.
        reason: Why, in words.
        place: Address of the stored file, without ``/data``.
        rule: Plugin or rule that decided.
    """

    member: int
    name: str
    size: int
    digest: str
    stored_digest: str
    fate: Fate = field(converter=Fate)
    reason: str
    place: str
    rule: str


@frozen
class ImportSummary:
    """How an import ended, without its members.

    Attributes:
        status: ``receiving``, ``running``, ``placing``, ``done`` or ``failed``.
        counts: Members by fate: all five.
        sessions: One mapping for each session: ``uri``, ``project``, ``subject``, ``label``, ``status`` and so on.
    """

    import_id: str
    handler_key: str
    status: str
    user: str
    message: str
    planned: bool
    started_at: datetime
    finished_at: datetime | None
    counts: Mapping[str, int]
    sessions: list[Mapping[str, Any]]
    notes: list[str]


def outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    """The part of an outcome that the import's row keeps."""
    return {
        "counts": {fate.value: outcome.counts.get(fate, 0) for fate in Fate},
        "sessions": [asdict(session) for session in outcome.sessions],
        "notes": list(outcome.notes),
    }
