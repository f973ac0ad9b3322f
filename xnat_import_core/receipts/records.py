"""What a receipt says."""

from __future__ import annotations

from json import JSONEncoder
from typing import TYPE_CHECKING, Any, Final

from attrs import asdict, field, frozen

from xnat_import_core.models import Fate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from xnat_import_core.models import Outcome

__all__ = ["ImportSummary", "ReceiptLine", "line_as_json", "outcome_as_json"]

_quoted: Final = JSONEncoder(ensure_ascii=False).encode


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


def line_as_json(  # noqa: PLR0913, PLR0917 - a line has these parts
    member: int, name: str, size: int, digest: str, stored_digest: str, fate: str, reason: str, place: str, rule: str
) -> str:
    """A line of a receipt's file: what ``json.dumps`` makes of a ``ReceiptLine``, in a seventh of the time."""
    return (
        f'{{"member": {member}, "name": {_quoted(name)}, "size": {size}, "digest": "{digest}", '
        f'"stored_digest": "{stored_digest}", "fate": "{fate}", "reason": {_quoted(reason)}, '
        f'"place": {_quoted(place)}, "rule": {_quoted(rule)}}}\n'
    )


def outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    """The part of an outcome that the import's row keeps."""
    return {
        "counts": {fate.value: outcome.counts.get(fate, 0) for fate in Fate},
        "sessions": [asdict(session) for session in outcome.sessions],
        "notes": list(outcome.notes),
    }
