"""A placement: one session folder that an import makes or adds to, and the studies that go into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from xnat_import_core.errors import InvalidRequestError, SessionConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xnat_import_core.models import Destination, Handler
    from xnat_import_core.parameters import ImportRequest

__all__ = ["Placement", "arrange_placements"]


@define
class Placement:
    """One session of the import.

    Attributes:
        number: Position in the answer: by the lowest member.
        keys: The handler's grouping keys that go into it; the first is its ``tag``.
        destination: Of the first.
        nameless: Nothing named the session.
        existing: Columns of the row that it joins; ``None`` for a new session.
        session_id, project, timestamp, folder, label, subject: Of the row, once it is reserved. No project is empty.
        policy: Columns of the row that say whether it is archived by itself, where this import has a say in it.
        replaced: Places of stored files that this import replaces.
    """

    number: int
    keys: tuple[str, ...]
    destination: Destination
    nameless: bool
    existing: Mapping[str, Any] | None = None
    session_id: int = 0
    project: str = ""
    timestamp: str = ""
    folder: str = ""
    label: str = ""
    subject: str = ""
    tags: tuple[str, ...] = ()
    policy: Mapping[str, str | None] = field(factory=dict)
    replaced: set[str] = field(factory=set)
    notes: list[str] = field(factory=list)

    @property
    def joins(self) -> bool:
        """Whether it adds to a session that is there."""
        return self.existing is not None


def arrange_placements(
    mapped: Sequence[tuple[str, Destination]], request: ImportRequest, handler: Handler
) -> list[Placement]:
    """One placement for each study, but one for all where the request names the session folder and studies may merge.

    Args:
        mapped: Grouping keys in the order of their lowest member, each with its destination; an empty label is none.
        request: The typed parameters.
        handler: Says whether a second study may share a named session.

    Raises:
        InvalidRequestError: Several studies for one named session, and the handler keeps studies apart.
        SessionConflictError: Two studies of one label for one timestamp folder.
    """
    if request.folder is not None and len(mapped) > 1:
        if handler.second_study == "refuse":
            message = (
                f"Upload included {len(mapped)} studies for the one session {request.folder}. "
                "Send each to a session of its own, or leave the session out of dest."
            )
            raise InvalidRequestError(message)
        mapped = sorted(mapped, key=lambda pair: not pair[1].label)
        first = mapped[0][1]
        return [Placement(0, tuple(key for key, _ in mapped), first, nameless=not first.label)]
    if request.timestamp is not None:
        _refuse_twins(mapped, request.timestamp)
    return [
        Placement(number, (key,), destination, nameless=not destination.label)
        for number, (key, destination) in enumerate(mapped)
    ]


def _refuse_twins(mapped: Sequence[tuple[str, Destination]], timestamp: str) -> None:
    seen: dict[tuple[str | None, str], str] = {}
    for key, destination in mapped:
        name = (destination.project, destination.label)
        if destination.label and name in seen:
            message = (
                f"Studies {seen[name]} and {key} have one session label; "
                f"{timestamp} can hold only one of them. Leave the timestamp out of dest, or send them apart."
            )
            raise SessionConflictError(message)
        seen[name] = key
