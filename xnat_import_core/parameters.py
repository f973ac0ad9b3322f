"""The typed parameters of one import: the same for every handler, read once (``uploads.request`` reads them)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ImportRequest", "Overwrite", "Space"]


class Space(StrEnum):
    """The two spaces."""

    PREARCHIVE = "prearchive"
    ARCHIVE = "archive"


class Overwrite(StrEnum):
    """May an existing session be added to, may its files be replaced (spec ruling 13)."""

    NONE = "none"
    APPEND = "append"
    DELETE = "delete"


@frozen
class ImportRequest:
    """What the sender asks for. Aliases are resolved, contradictions were refused, labels are safe.

    Attributes:
        handler_key: ``import-handler``; empty: the service chooses.
        space: Space named by ``dest``; ``None`` without ``dest``.
        project: Explicit project (ID or alias as sent); ``Unassigned`` in any case is given as ``"Unassigned"``.
        subject: Explicit subject label or ID.
        session: Explicit session label.
        experiment: Existing experiment by ID or label (``EXPT_ID`` or the ``dest``).
        timestamp: Prearchive timestamp folder that was asked for.
        folder: Prearchive session folder that was asked for; may differ from ``session``.
        has_dest: A ``dest`` was sent: sessions are built at once.
        commit: ``action=commit``.
        ignore_unparsable: Bad members are dropped; ``None``: not said (then ``commit`` decides).
        overwrite: Absent and ``none`` are the same.
        auto_archive: ``AA``, else ``auto-archive``; ``None``: not said.
        plan: Answer what would happen, write nothing.
        sources: ``src`` values in order, commas split.
        listener, transaction: Keys under which the sender will ask how far it is.
        fields: XNAT field paths and shortcuts as sent (import chapter 2.3).
        others: Parameters that no part of the service knows, as sent.
    """

    handler_key: str = ""
    space: Space | None = None
    project: str | None = None
    subject: str | None = None
    session: str | None = None
    experiment: str | None = None
    timestamp: str | None = None
    folder: str | None = None
    has_dest: bool = False
    commit: bool = False
    ignore_unparsable: bool | None = None
    overwrite: Overwrite = Overwrite.NONE
    overwrite_files: bool = False
    auto_archive: bool | None = None
    direct_archive: bool = False
    rename: bool = False
    quarantine: bool | None = None
    trigger_pipelines: bool = True
    prevent_anon: bool = False
    prevent_auto_commit: bool = False
    prearchive_code: str | None = None
    visit: str | None = None
    protocol: str | None = None
    timezone: str | None = None
    source: str | None = None
    event_reason: str | None = None
    event_type: str | None = None
    event_comment: str | None = None
    importer: str = "DICOM"
    listener: str | None = None
    transaction: str | None = None
    plan: bool = False
    sources: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(factory=dict)
    others: Mapping[str, str] = field(factory=dict)

    @property
    def builds_at_once(self) -> bool:
        """Whether sessions become READY in this request, whatever the handler's own habit."""
        return self.commit or self.has_dest

    @property
    def skips_unparsable(self) -> bool:
        """Whether bad members are dropped: as said, else only with ``action=commit`` (import chapter 2.2)."""
        return self.commit if self.ignore_unparsable is None else self.ignore_unparsable
