"""Row changes of an archiving, and the way back: what the transaction does that shows the archived session."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from xnat_import_core.archive.given import AUTORUN
from xnat_import_core.database.changes import Delete, Insert, Update, UpdateEach
from xnat_import_core.folds import dump_fold
from xnat_import_core.prearchive.machine import UNLOCKED
from xnat_import_core.prearchive.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Row

    from xnat_import_core.archive.composing import Composition
    from xnat_import_core.archive.digesting import Digests
    from xnat_import_core.archive.given import Given
    from xnat_import_core.archive.planning import Blueprint
    from xnat_import_core.archive.requests import ArchiveRequest
    from xnat_import_core.archive.sides import Existing
    from xnat_import_core.database.changes import Change
    from xnat_import_core.models import ScanDocument

__all__ = ["MergedRows", "NewRows", "RowChanges"]

_BYTES: Final = ("stored_sha256", "size")
_FILE: Final = ("session_id", "md5", "event", "modified_event", *_BYTES)
_SESSION: Final = ("timestamp", "folder", "label", "subject", "type", "lastmod", "reason", "conflicts")
_LAST: Final = 1000
_CHUNK: Final = 1000


@frozen
class RowChanges:
    """What both kinds of archiving do with rows.

    Attributes:
        before: Status of the prearchive session before it was locked; an undo gives it back.
        payload: What ``session_archived`` will be told.
    """

    blueprint: Blueprint
    given: Given
    composition: Composition
    digests: Mapping[int, Digests]
    request: ArchiveRequest
    before: Status
    payload: Mapping[str, Any]

    def forward(self) -> Iterator[Change]:
        """What the deed does, in order."""
        yield from self._archived()
        yield from self._workflows()
        told = {"deed": self.given.deed, "payload": json.dumps(self.payload), "created_at": self.given.at}
        yield Insert("outbox", told)

    def back(self) -> Iterator[Change]:
        """What an undo does, in order; it holds the archived session's lock."""
        yield Delete("outbox", {"deed": self.given.deed})
        yield from self._taken_back()
        yield from self._files_back()
        row = self.blueprint.incoming.row
        was = {name: getattr(row, name) for name in _SESSION}
        yield Update("session", {"id": row.id}, {**UNLOCKED, "status": self.before, **was})

    def _archived(self) -> Iterator[Change]:
        raise NotImplementedError

    def _taken_back(self) -> Iterator[Change]:
        raise NotImplementedError

    def _files(self, session_id: int) -> Change:
        event = self.given.event
        rows = []
        for each in self.blueprint.arriving:
            made = self.digests[each.row.id]
            created, modified = (event, 0) if each.existing is None else (each.existing.event or event, event)
            rows.append([each.row.id, session_id, made.md5, created, modified, made.sha256, made.size])
        return UpdateEach("file", _FILE, rows)

    def _files_back(self) -> Iterator[Change]:
        """In the prearchive files have neither MD5 nor events; what had changed on disk is still what was received."""
        rows = [each.row for each in self.blueprint.arriving]
        where = {"session_id": self.blueprint.incoming.row.id, "md5": "", "event": 0, "modified_event": 0}
        for start in range(0, len(rows), _CHUNK):
            yield Update("file", {"id": [row.id for row in rows[start : start + _CHUNK]]}, where)
        changed = [row for row in rows if self.digests[row.id].changed]
        yield UpdateEach("file", _BYTES, [[row.id, row.stored_sha256, row.size] for row in changed])

    def _held(self, row: Row[Any]) -> dict[str, Any]:
        return {"id": row.id, "locked_by": self.given.deed}

    def _workflows(self) -> Iterator[Change]:
        at, request = self.given.at, self.request
        for name, number in self.given.workflows.items():
            ended = name != AUTORUN
            values = {
                "id": number,
                "experiment": self.given.experiment,
                "project": self.blueprint.plan.project,
                "type": self.composition.document.type,
                "user": self.given.user,
                "name": name,
                "status": "Complete" if ended else "Queued",
                "justification": request.event_reason or request.entry.justification,
                "deed": self.given.deed,
                "launched_at": at,
                "finished_at": at if ended else None,
            }
            yield Insert("workflow", values)


@frozen
class NewRows(RowChanges):
    """The session becomes an experiment."""

    def _archived(self) -> Iterator[Change]:
        yield self._subject()
        yield self._session()
        yield self._experiment()
        yield self._files(self.blueprint.incoming.row.id)

    def _subject(self) -> Change:
        chosen = self.given.subject
        values = {
            "id": chosen.id,
            "project": self.blueprint.plan.project,
            "label": chosen.label,
            "folded": chosen.label.lower(),
            "created_at": self.given.at,
            "created_by": self.given.user,
        }
        return Insert("subject", values, unless={"id": chosen.id})

    def _session(self) -> Change:
        values = {
            **UNLOCKED,
            "status": Status.ARCHIVED,
            "timestamp": "",
            "folder": self.given.experiment,
            "label": self.blueprint.label,
            "subject": self.given.subject.label,
            "type": self.composition.document.type,
            "lastmod": self.given.at,
            "reason": "",
            "conflicts": "[]",
        }
        return Update("session", self._held(self.blueprint.incoming.row), values)

    def _experiment(self) -> Change:
        at, user = self.given.at, self.given.user
        values = {
            "id": self.given.experiment,
            "project": self.blueprint.plan.project,
            "subject": self.given.subject.id,
            "label": self.blueprint.label,
            "session_id": self.blueprint.incoming.row.id,
            "arc": self.blueprint.arc,
            "type": self.composition.document.type,
            "status": "quarantine" if self.blueprint.quarantine else "active",
            "created_at": at,
            "created_by": user,
            "modified_at": at,
            "last_deed": self.given.deed,
        }
        return Insert("experiment", values)

    def _taken_back(self) -> Iterator[Change]:
        yield Delete("experiment", {"id": self.given.experiment})
        if not self.blueprint.subject.id:
            yield Delete("subject", {"id": self.given.subject.id}, unless=("experiment", "subject"))


@frozen
class MergedRows(RowChanges):
    """The session joins an experiment."""

    @property
    def _existing(self) -> Existing:
        assert self.blueprint.existing is not None  # noqa: S101 - it is a merge
        return self.blueprint.existing

    def _archived(self) -> Iterator[Change]:
        yield self._trashed_files()
        yield self._files(self._existing.side.row.id)
        yield from self._scans()
        for position, tag in enumerate(self._new_studies(), _LAST):
            yield Insert("study", {"session_id": self._existing.side.row.id, "tag": tag, "position": position})
        yield self._merged_session()
        target = {**UNLOCKED, "lastmod": self.given.at}
        yield Update("session", self._held(self._existing.side.row), target)
        modified = {"modified_at": self.given.at, "last_deed": self.given.deed}
        quarantined = {"status": "quarantine"} if self.blueprint.quarantine else {}
        yield Update("experiment", {"id": self.given.experiment}, {**modified, **quarantined})

    def _trashed_files(self) -> Change:
        """What goes to the trash stays known until it expires: replaced files, and what was there already."""
        gone = [each.existing.id for each in self.blueprint.files if each.fate == "replaced" and each.existing]
        same = [each.row.id for each in self.blueprint.files if each.fate == "same"]
        rows = [[number, self.given.deed, True] for number in (*gone, *same)]
        return UpdateEach("file", ("trashed_by", "pending"), rows)

    def _scans(self) -> Iterator[Change]:
        there = {scan.key: scan for scan in self._existing.side.scans}
        came = {scan.key: scan for scan in self.blueprint.incoming.scans}
        for position, scan in enumerate(self.composition.document.scans):
            row, place = there.get(scan.key), f"scan:{scan.key}"
            if row is None:
                values = {"session_id": self._existing.side.row.id, "label": scan.id, "position": position}
                yield Update("scan", {"id": came[scan.key].id}, values)
            elif place in self.composition.folds:
                folded = dump_fold(self.composition.folds[place])
                yield Update("scan", {"id": row.id}, {**_told(scan), "position": position, "fold": folded})
            elif row.position != position:
                yield Update("scan", {"id": row.id}, {"position": position})

    def _new_studies(self) -> list[str]:
        return [tag for tag in self.blueprint.incoming.studies if tag not in self._existing.side.studies]

    def _merged_session(self) -> Change:
        """The session that was merged stays hidden, under the deed's name, until the merge cannot be undone."""
        values = {**UNLOCKED, "status": Status.ARCHIVED, "timestamp": "", "folder": self.given.deed}
        return Update("session", self._held(self.blueprint.incoming.row), values)

    def _taken_back(self) -> Iterator[Change]:
        yield Update("file", {"trashed_by": self.given.deed}, {"trashed_by": None, "pending": False})
        for scan in self.blueprint.incoming.scans:
            values = {"session_id": scan.session_id, "label": scan.label, "position": scan.position}
            yield Update("scan", {"id": scan.id}, values)
        for scan in self._existing.side.scans:
            values = {"position": scan.position, "type": scan.type, "series_description": scan.series_description}
            folded = {"fold": scan.fold} if f"scan:{scan.key}" in self.composition.folds else {}
            yield Update("scan", {"id": scan.id}, {**values, **folded})
        yield Delete("study", {"session_id": self._existing.side.row.id, "tag": self._new_studies()})
        there = self._existing.experiment
        was = {"modified_at": there.modified_at, "last_deed": there.last_deed, "status": there.status}
        yield Update("experiment", {"id": there.id}, was)
        yield Update("session", {"id": there.session_id}, {**UNLOCKED, "lastmod": self._existing.side.row.lastmod})


def _told(scan: ScanDocument) -> dict[str, str]:
    return {"type": scan.type, "series_description": str(scan.fields.get("series_description", ""))}
