"""Building: catalogs and document made anew, and published only if no data came meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from sqlalchemy import select

from xnat_import_core.database.changes import Update
from xnat_import_core.database.tables import file
from xnat_import_core.errors import ServerError
from xnat_import_core.operations.changes import Change, changing
from xnat_import_core.operations.contents import Contents, contents_of
from xnat_import_core.operations.pet_mr import pet_label, pet_mr_of
from xnat_import_core.operations.rows import released
from xnat_import_core.prearchive.machine import HoldLostError
from xnat_import_core.prearchive.statuses import Operation, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xnat_import_core.models import Principal, SessionDocument
    from xnat_import_core.operations.describing import Describer
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.store import Store

__all__ = ["IDLE", "KIND", "BuildRequest", "build", "scan_changes", "session_columns"]

KIND: Final = "build"
IDLE: Final = "idle-build"
"""A build after the idle time: what it leaves READY is archived by itself if the policy says so."""


@frozen
class BuildRequest:
    """What a build may be told; ``None``: what the session's row says."""

    visit: str | None = None
    protocol: str | None = None
    timezone: str | None = None
    source: str | None = None

    def columns(self) -> dict[str, str]:
        """What it changes of the session's row."""
        given = {"visit": self.visit, "protocol": self.protocol, "timezone": self.timezone, "source": self.source}
        return {name: value for name, value in given.items() if value is not None}


def build(  # noqa: PLR0913, PLR0917 - each once
    row: PrearchiveRow,
    principal: Principal,
    request: BuildRequest,
    describer: Describer,
    operation: Operation = Operation.BUILD,
    kind: str = KIND,
) -> None:
    """Build a session; again, if data come while it is being built.

    Raises:
        SessionConflictError: Somebody else works on it.
        XnatImportError: It cannot be built; the last good document stays, the session is ERROR.
    """
    with changing(describer.store, kind, row, operation, principal) as change:
        while True:
            try:
                _build(change, request, describer)
            except HoldLostError:
                change.begin_again()
            else:
                return


def session_columns(document: SessionDocument) -> dict[str, Any]:
    """What a session's row has from its document."""
    fields = document.fields
    return {
        "type": document.type,
        "scan_date": str(fields.get("date", ""))[:10],
        "scan_time": str(fields.get("time", ""))[:8],
    }


def scan_changes(session_id: int, document: SessionDocument) -> Iterator[Update]:
    """What the rows of a session's scans have from its document; keys, IDs and folds stay."""
    for position, scan in enumerate(document.scans):
        described = str(scan.fields.get("series_description", ""))
        columns = {"type": scan.type, "series_description": described, "position": position}
        yield Update("scan", {"session_id": session_id, "key": scan.key}, columns)


def _build(change: Change, request: BuildRequest, describer: Describer) -> None:
    from xnat_import_core.operations.portraits import portrait_of  # noqa: PLC0415 - lxml is needed from here on

    found = contents_of(change.store.database, change.row.id)
    _refuse_missing(change.store, found)
    described = describer.describe(found)
    label = _label(change.store, found, described.document)
    contents = found.only(found.places, label=label, **request.columns())
    portrait_of(change, contents, described).publish()
    columns = {**request.columns(), **session_columns(described.document), "label": label}
    ended = released(change.hold, Status.READY, built=change.hold.version, **columns)
    change.carry_out([*scan_changes(change.row.id, described.document), ended])


def _label(store: Store, contents: Contents, document: SessionDocument) -> str:
    label: str = contents.columns["label"]
    is_pet = document.type == "xnat:petSessionData"
    return pet_label(label) if is_pet and pet_mr_of(store, contents.columns["project"]) == "pet" else label


def _refuse_missing(store: Store, contents: Contents) -> None:
    """A catalog must not name files that are not there."""
    here = (file.c.session_id == contents.columns["id"]) & file.c.pending.is_(False)
    names: dict[tuple[str, str], set[str]] = {}
    with store.database.read() as connection:
        for place, resource, name in connection.execute(select(file.c.place, file.c.resource, file.c.name).where(here)):
            names.setdefault((place, resource), set()).add(name)
    folder, missing = contents.session_folder(store.tree), 0
    for (place, resource), wanted in names.items():
        where = folder / contents.folder_of(place) / resource
        missing += len(wanted - {path.name for path in where.iterdir()} if where.is_dir() else wanted)
    if missing:
        message = f"{missing} files of the session are not on the disk; the last document stays."
        raise ServerError(message)
