"""Who asks, and where a session goes: ``map_destination``, ``review_session``, ``transform_files``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from xnat_import_core.folds import Facts
    from xnat_import_core.parameters import ImportRequest, Space

__all__ = [
    "Action",
    "Destination",
    "IncomingScan",
    "IncomingSession",
    "MappingRequest",
    "Principal",
    "Proposal",
    "Refused",
    "StagedFile",
    "TransformContext",
]


class Action(StrEnum):
    """What a principal may do in a project."""

    READ = "read"
    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"
    OWN = "own"


@runtime_checkable
class Principal(Protocol):
    """Who asks. The core knows a name and rights, nothing of passwords."""

    @property
    def name(self) -> str:
        """Login name, for rows and audit."""

    def may(self, action: Action, project: str | None) -> bool:
        """Whether the action is allowed in the project (by ID); ``None`` is the part of the prearchive without one."""


class MappingRequest(Protocol):
    """What ``map_destination`` may ask of the request."""

    @property
    def parameters(self) -> ImportRequest:
        """The typed parameters."""

    def may_create(self, project: str) -> bool:
        """Whether this is an ID or alias of a project in which the caller may create."""


@frozen
class IncomingScan:
    """A scan of an upload: its key, its folded facts, its number of files."""

    key: str
    id: str | None
    facts: Facts
    file_count: int


@frozen
class IncomingSession:
    """A session of an upload, as received: the handler's grouping key, folded facts, scans."""

    key: str
    facts: Facts
    scans: tuple[IncomingScan, ...]
    file_count: int
    handler_key: str


@frozen
class Proposal:
    """``map_destination``: ordered candidates for each field, any of them empty.

    Labels may be raw text; the core makes them safe. Project candidates that name no project, or one in which the
    caller may not create, are passed over. ``auto_archive`` is the wish of the data themselves (``AA:true``).
    ``notes`` go into the receipt: files that would have said otherwise, for example.
    """

    project: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    space: Space | None = None
    auto_archive: bool | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()


@frozen
class Destination:
    """Where a session goes, and why: ``reasons`` has a line for each field, ``notes`` what the proposals remark."""

    space: Space
    project: str | None
    subject: str
    label: str
    reasons: Mapping[str, str] = field(factory=dict)
    auto_archive: bool | None = None
    notes: tuple[str, ...] = ()


@frozen
class Refused:
    """``review_session``: a scan (by key) or one member is filtered out, and why. Neither given: the whole session."""

    reason: str
    scan: str | None = None
    member: int | None = None


@frozen
class StagedFile:
    """A file of one session in staging, not visible to anybody: ``path`` may be rewritten in place."""

    member: int
    path: Path
    name: str
    scan: str | None
    resource: str
    format: str
    uid: str


@frozen
class TransformContext:
    """What ``transform_files`` may know: where the session goes, and the store's secret for stable pseudonyms."""

    destination: Destination
    pseudonym_key: bytes = field(repr=False)
    request: ImportRequest
