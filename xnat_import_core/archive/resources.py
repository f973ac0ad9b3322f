"""Resources as they will be in the archive: their files with digests and history, their catalogs (chapter 7.2)."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from attrs import define, field, frozen
from sqlalchemy import select

from xnat_import_core.database.tables import file, workflow
from xnat_import_core.documents import Audit, CatalogEntry, ResourceEntry, catalog_name, write_catalog
from xnat_import_core.models import StoredResource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Row

    from xnat_import_core.archive.comparing import PlannedFile
    from xnat_import_core.archive.digesting import Digests
    from xnat_import_core.archive.given import Given
    from xnat_import_core.archive.planning import Blueprint
    from xnat_import_core.models import FieldValue

__all__ = ["ArchivedFile", "ArchivedResource", "History", "changed_resources"]


@frozen
class ArchivedFile:
    """A file as its catalog will list it."""

    row: Row[Any]
    md5: str
    size: int
    created: int
    modified: int = 0


@define
class ArchivedResource:
    """A resource whose files change.

    Attributes:
        place: Of whom it is a resource.
        label: Its label.
        folder: Within the session's.
        files: All that it will have; none: it goes.
    """

    place: str
    label: str
    folder: str
    files: list[ArchivedFile] = field(factory=list)

    @property
    def format(self) -> str:
        """Of all files, the first in the alphabet."""
        return min((each.row.format for each in self.files), default="")

    @property
    def content(self) -> str:
        """Likewise; what a scan holds is raw unless something else is said."""
        said = min((each.row.content for each in self.files), default="")
        return said or ("RAW" if self.place.startswith("scan:") else "")

    @property
    def summary(self) -> StoredResource:
        """What its files add up to."""
        size = sum(each.size for each in self.files)
        return StoredResource(self.label, self.format, self.content, len(self.files), size)

    def catalog(self, scan_label: str | None) -> str:
        """The name of its catalog."""
        return catalog_name(scan_label, self.label, self.format)

    def entry(self, scan_label: str | None) -> ResourceEntry:
        """How the session's document names it. Its address is relative, so that a store can be moved."""
        made = self.summary
        uri = f"{self.folder}/{self.catalog(scan_label)}"
        return ResourceEntry(self.label, uri, self.format, self.content, made.file_count, made.file_size)

    def write_catalog(self, path: Path, project: str, fields: Mapping[str, FieldValue], history: History) -> None:
        """Write its catalog."""
        dicom = self.format == "DICOM"
        whole = dict(fields) if dicom and self.label != "secondary" else {}
        whole |= {"@ID": path.name.removesuffix("_catalog.xml"), 'metaFields/metaField[@name="PROJECT"]': project}
        numbered = dicom and self.label != "secondary"
        ordered = sorted(self.files, key=lambda each: (each.row.instance_number or 1, each.row.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            entries = (_entry(each, history, numbered=numbered) for each in ordered)
            write_catalog(stream, entries, dicom=dicom, fields=whole)


@frozen
class History:
    """Who archived files, by the ID of the workflow's record."""

    audits: Mapping[int, Audit]

    @classmethod
    def of(cls, connection: Connection, blueprint: Blueprint, given: Given, zone: str) -> History:
        """The experiment's, and what is being done now; times as the clocks of the site show them."""
        done: dict[int, tuple[str, datetime]] = {}
        if blueprint.existing is not None:
            columns = select(workflow.c.id, workflow.c.user, workflow.c.launched_at)
            for row in connection.execute(columns.where(workflow.c.experiment == given.experiment)):
                done[row.id] = (row.user, row.launched_at)
        done |= dict.fromkeys(given.workflows.values(), (given.user, given.at))
        here = ZoneInfo(zone)
        return cls({event: Audit(who, _local(at, here), event) for event, (who, at) in done.items()})


def changed_resources(
    connection: Connection, blueprint: Blueprint, digests: Mapping[int, Digests], event: int
) -> list[ArchivedResource]:
    """Resources that get files or lose some, with all the files that they will have; ``event``: what does it."""
    changed: dict[tuple[str, str], ArchivedResource] = {}

    def resource(place: str, label: str) -> ArchivedResource:
        folder = blueprint.folder_of(place)
        return changed.setdefault((place, label), ArchivedResource(place, label, f"{folder}/{label}"))

    for each in blueprint.arriving:
        resource(each.row.place, each.row.resource).files.append(_arriving(each, digests[each.row.id], event))
        if each.fate == "replaced" and each.existing is not None:
            resource(each.existing.place, each.existing.resource)
    for row in _staying(connection, blueprint, changed.keys()):
        there = ArchivedFile(row, row.md5, row.size, row.event, row.modified_event)
        changed[row.place, row.resource].files.append(there)
    return sorted(changed.values(), key=attrgetter("folder"))


def _arriving(planned: PlannedFile, digests: Digests, event: int) -> ArchivedFile:
    if planned.existing is None:
        return ArchivedFile(planned.row, digests.md5, digests.size, event)
    return ArchivedFile(planned.row, digests.md5, digests.size, planned.existing.event or event, event)


def _staying(connection: Connection, blueprint: Blueprint, folders: Iterable[tuple[str, str]]) -> Iterator[Row[Any]]:
    """Archived files of these resources that nothing replaces."""
    if blueprint.existing is None:
        return
    gone = {each.existing.id for each in blueprint.files if each.fate == "replaced" and each.existing is not None}
    here = (file.c.session_id == blueprint.existing.side.row.id) & file.c.pending.is_(False)
    for place, label in list(folders):
        query = select(file).where(here, file.c.place == place, file.c.resource == label)
        yield from (row for row in connection.execute(query) if row.id not in gone)


def _entry(archived: ArchivedFile, history: History, *, numbered: bool) -> CatalogEntry:
    row = archived.row
    return CatalogEntry(
        uri=row.name,
        uid=row.uid,
        instance_number=(row.instance_number or 1) if numbered else None,
        size=archived.size,
        format=row.format,
        content=row.content,
        digest=archived.md5,
        created=history.audits.get(archived.created),
        modified=history.audits.get(archived.modified),
    )


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).replace(tzinfo=None).isoformat(timespec="milliseconds")
