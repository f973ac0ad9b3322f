"""Separating PET from MR (chapter 4.6): one session becomes two, each with a timestamp folder of its own."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from attrs import frozen
from sqlalchemy import and_, insert, select

from xnat_import_core.database.changes import Delete, Insert, Update
from xnat_import_core.database.tables import experiment, session
from xnat_import_core.operations import building
from xnat_import_core.operations.building import scan_changes, session_columns
from xnat_import_core.operations.changes import changing
from xnat_import_core.operations.contents import contents_of
from xnat_import_core.operations.pet_mr import MR, PET, SEPARATE, half_label, half_of
from xnat_import_core.prearchive.logbook import LOGS
from xnat_import_core.prearchive.machine import UNLOCKED
from xnat_import_core.prearchive.state_file import keep_state
from xnat_import_core.prearchive.statuses import Operation, Status
from xnat_import_core.storage.tree import CONTROL_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from xnat_import_core.database.changes import Change as RowChange
    from xnat_import_core.models import Principal
    from xnat_import_core.operations.changes import Change
    from xnat_import_core.operations.contents import Contents
    from xnat_import_core.operations.describing import Describer
    from xnat_import_core.placing.describing import Described
    from xnat_import_core.prearchive import PrearchiveRow

__all__ = ["KIND", "separate"]

KIND: Final = "separate"


@frozen
class _Half:
    """A session to be: its places, under its own row."""

    session_id: int
    contents: Contents
    places: tuple[str, ...]


def separate(
    row: PrearchiveRow, principal: Principal, describer: Describer, built_as: str = building.KIND
) -> tuple[tuple[str, str], ...]:
    """Split a session of PET with MR.

    Args:
        row: The session.
        principal: Who asks.
        describer: Asks the handler.
        built_as: The kind of build that it comes from: the halves count as built so.

    Returns:
        Timestamp and folder of the MR half and of the PET half; its own where it is no session of both.

    Raises:
        SessionConflictError: Somebody else works on it, or it is not READY.
        XnatImportError: A half cannot be described; the session stays as it is, with status ERROR.
    """
    whole = contents_of(describer.store.database, row.id)
    if whole.columns["type"] != "xnat:petmrSessionData" or {half_of(scan) for scan in whole.scans} != {MR, PET}:
        return ((row.timestamp, row.folder),)
    with changing(describer.store, KIND, row, Operation.SEPARATE, principal) as change:
        whole = contents_of(describer.store.database, row.id)
        halves = _reserve(change, whole)
        changes = [each for half in halves for each in _publish(change, whole, half, describer)]
        changes += [_built(change, half, built_as) for half in halves]
        change.redo.retire(change.document, change.trash / change.document.name)
        change.redo.retire(change.folder, change.trash / change.folder.name)
        gone = Delete("session", {"id": row.id, "locked_by": change.deed.id})
        change.carry_out([*changes, gone], change.folder.parent)
    for half in halves:
        keep_state(describer.store.database, describer.store.tree, half.session_id)
    return tuple((half.contents.columns["timestamp"], half.contents.columns["folder"]) for half in halves)


# ---- rows of the halves


def _reserve(change: Change, whole: Contents) -> tuple[_Half, ...]:
    """Hidden rows, so that nobody else takes their addresses meanwhile."""
    places: dict[str, list[str]] = {MR: [], PET: []}
    of_scan = {f"scan:{scan.key}": half_of(scan) for scan in whole.scans}
    for place in dict.fromkeys((*of_scan, *whole.places)):
        places[of_scan.get(place, MR)].append(place)
    with change.store.database.write() as connection:
        return tuple(_reserve_half(connection, change, whole, name, tuple(here)) for name, here in places.items())


def _reserve_half(connection: Connection, change: Change, whole: Contents, half: str, places: tuple[str, ...]) -> _Half:
    label = _free_label(connection, whole.columns["project"], half_label(whole.columns["label"], half))
    columns: dict[str, Any] = {
        **whole.columns,
        "label": label,
        "folder": label,
        "timestamp": _free_timestamp(connection, change, whole.columns["project"]),
        "nameless": False,
        "status": Status.STAGING,
        "before": "",
        "built": change.hold.version,
        "locked_by": change.deed.id,
    }
    del columns["id"]
    made = connection.execute(insert(session).values(**columns)).inserted_primary_key
    session_id = made[0] if made else 0
    return _Half(session_id, whole.only(places, **columns), places)


def _free_label(connection: Connection, project: str, wished: str) -> str:
    """One that no experiment of the project has."""
    label, number = wished, 1
    while _is_taken(connection, project, label):
        number += 1
        label = f"{wished}_{number}"
    return label


def _is_taken(connection: Connection, project: str, label: str) -> bool:
    found = select(experiment.c.id).where(experiment.c.project == project, experiment.c.label == label)
    return connection.execute(found).first() is not None


def _free_timestamp(connection: Connection, change: Change, project: str) -> str:
    moment = datetime.now(UTC).astimezone(ZoneInfo(change.store.settings.timezone))
    while True:
        timestamp = moment.strftime("%Y%m%d_%H%M%S") + f"{moment.microsecond // 1000:03d}"
        same = and_(session.c.project == project, session.c.timestamp == timestamp)
        taken = connection.execute(select(session.c.id).where(same)).first() is not None
        if not taken and not change.store.tree.timestamp_folder(project, timestamp).exists():
            return timestamp
        moment += timedelta(milliseconds=1)


# ---- files and rows


def _publish(change: Change, whole: Contents, half: _Half, describer: Describer) -> Iterator[RowChange]:
    """Put a half together, with a rename for each of its scans; what its rows will be."""
    from xnat_import_core.operations.portraits import portrait_of  # noqa: PLC0415 - lxml is needed from here on

    part = whole.only(half.places, label=half.contents.columns["label"])
    described = describer.describe(part, sitewidePetMr=SEPARATE)
    kept = (change.folder / CONTROL_FOLDER, change.folder / LOGS)
    portrait_of(change, half.contents, described).publish_beside(*kept)
    target = half.contents.session_folder(change.store.tree)
    for folder in dict.fromkeys(half.contents.folder_of(place) for place in half.places):
        change.redo.publish(change.folder / folder, target / folder)
    return _rows(change, half, described)


def _rows(change: Change, half: _Half, described: Described) -> Iterator[RowChange]:
    here = {"session_id": change.row.id}
    theirs = {"session_id": half.session_id}
    keys = [scan.key for scan in half.contents.scans]
    yield Update("scan", {**here, "key": keys}, theirs)
    yield Update("file", {**here, "place": list(half.places)}, theirs)
    yield from scan_changes(half.session_id, described.document)
    for position, tag in enumerate(half.contents.studies):
        yield Insert("study", {**theirs, "tag": tag, "position": position})
    shown = {**UNLOCKED, "status": Status.READY, "lastmod": datetime.now(UTC), **session_columns(described.document)}
    yield Update("session", {"id": half.session_id}, shown)


def _built(change: Change, half: _Half, kind: str) -> Insert:
    """The journal's line of a build: a half was built by being made."""
    now = datetime.now(UTC)
    columns = {"id": uuid.uuid4().hex, "kind": kind, "state": "done", "session_id": half.session_id}
    times = {"started_at": now, "finished_at": now}
    return Insert("deed", {**columns, **times, "project": change.row.project or ""})
