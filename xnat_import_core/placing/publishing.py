"""Publishing: staged files, catalogs, document and receipt get their final shape, and the redo list its renames."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from attrs import frozen
from sqlalchemy import select

from xnat_import_core.database.tables import file, scan
from xnat_import_core.documents import ResourceEntry, SessionFacts, catalog_name, session_xml, write_catalog
from xnat_import_core.placing.filing import catalog_entries, new_entries
from xnat_import_core.storage.tree import CONTROL_FOLDER, place_folder
from xnat_import_core.workers.batches import staged_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Connection

    from xnat_import_core.database import Database
    from xnat_import_core.documents import CatalogEntry
    from xnat_import_core.models import FieldValue, StoredResource
    from xnat_import_core.placing.describing import Described
    from xnat_import_core.placing.placements import Placement
    from xnat_import_core.receipts.ledger import Ledger
    from xnat_import_core.storage.redo import RedoList
    from xnat_import_core.storage.staging import Staging
    from xnat_import_core.storage.tree import Tree

__all__ = ["Publication"]

_READ: Final = 500


@frozen
class Publication:
    """Publishes one placement: a new session, or the additions to one that is there.

    Attributes:
        owns_timestamp: The session is alone in its timestamp folder, so that one rename shows it and its document.
    """

    placement: Placement
    described: Described
    ledger: Ledger
    database: Database
    tree: Tree
    staging: Staging
    redo: RedoList
    import_id: str
    visit: str | None
    protocol: str | None
    owns_timestamp: bool

    @property
    def _target(self) -> Path:
        place = self.placement
        return self.tree.session_folder(place.project, place.timestamp, place.folder)

    @property
    def _made(self) -> Path:
        """Where the session, or what is new in it, is put together."""
        return self.staging.publish / str(self.placement.number) / self.placement.timestamp / self.placement.folder

    @property
    def receipt(self) -> Path:
        """The session's part of the receipt."""
        return self._made / CONTROL_FOLDER / f"{self.import_id}.jsonl"

    def publish(self) -> tuple[str, ...]:
        """Do it; the notes are of fields that the document could not take."""
        self._made.mkdir(parents=True)
        touched = self._places()
        for place in touched:
            self._place(place)
        self._retire()
        notes = self._catalogs(touched)
        notes += self._document()
        self._receipt()
        self._publish_all(touched)
        return notes

    # ---- files

    def _places(self) -> list[str]:
        rows = self.ledger.query(
            "SELECT DISTINCT place FROM member WHERE placement = ? AND fate = 'stored' ORDER BY place",
            (self.placement.number,),
        )
        return sorted({row["place"] for row in rows} | self.placement.replaced)

    def _folder(self, place: str) -> str:
        return place_folder(place.partition(":")[0], self.described.labels.get(place, ""))

    def _place(self, place: str) -> None:
        """Bring a place's staged resources together; a whole folder is one rename."""
        made = self._made / self._folder(place)
        resources = self.ledger.query(
            "SELECT DISTINCT session, resource FROM member WHERE placement = ? AND place = ? AND fate = 'stored'",
            (self.placement.number, place),
        )
        for row in resources:
            source = self.staging.files / staged_folder(row["session"], place, row["resource"])
            target = made / row["resource"]
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                source.rename(target)
            else:
                for each in source.iterdir():
                    each.rename(target / each.name)

    def _retire(self) -> None:
        """Replaced files wait in the trash."""
        if not self.placement.replaced:
            return
        trash = self.tree.trash / self.import_id / str(self.placement.session_id)
        folders = {place: self._old_folder(place) for place in self.placement.replaced}
        self.redo.retire_each((self._target / old, trash / old) for old in self._replaced_files(folders))
        for place in self.placement.replaced - self.described.labels.keys():  # nothing is left there but a catalog
            self.redo.retire(self._target / folders[place], trash / f"{folders[place]}~")

    def _replaced_files(self, folders: Mapping[str, str]) -> Iterator[str]:
        query = select(file.c.place, file.c.resource, file.c.name).where(
            file.c.replaced_by == self.import_id, file.c.session_id == self.placement.session_id
        )
        with self.database.read() as connection:
            for place, resource, name in connection.execute(query).yield_per(_READ):
                yield f"{folders[place]}/{resource}/{name}"

    def _old_folder(self, place: str) -> str:
        if place in self.described.labels:
            return self._folder(place)
        query = select(scan.c.label).where(scan.c.session_id == self.placement.session_id, scan.c.key == place[5:])
        with self.database.read() as connection:
            return place_folder("scan", str(connection.execute(query).scalar_one()))

    # ---- documents

    def _catalogs(self, places: Iterable[str]) -> tuple[str, ...]:
        notes: tuple[str, ...] = ()
        catalogs = {f"scan:{each.key}": each.catalog for each in self.described.document.scans}
        with self.database.read() as connection:
            for place in places:
                for resource in self.described.resources.get(place, ()):
                    entries = self._entries_of(place, resource.label, connection)
                    notes += self._catalog(place, resource, entries, catalogs.get(place, {}))
        return notes

    def _entries_of(self, place: str, resource: str, connection: Connection) -> Iterator[CatalogEntry]:
        """Of a new session the ledger knows every file, and is quicker to ask than the database."""
        if self.placement.joins:
            return catalog_entries(connection, self.placement, place, resource, self.import_id)
        return new_entries(self.ledger, self.placement, place, resource)

    def _catalog(
        self, place: str, resource: StoredResource, entries: Iterable[CatalogEntry], fields: Mapping[str, FieldValue]
    ) -> tuple[str, ...]:
        dicom = resource.format == "DICOM"
        if resource.label == "secondary" or not dicom:
            fields = {}
        folder = self._made / self._folder(place) / resource.label
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / self._catalog_name(place, resource)).open("wb") as stream:
            return write_catalog(stream, entries, dicom=dicom, fields=fields)

    def _catalog_name(self, place: str, resource: StoredResource) -> str:
        label = self.described.labels[place] if place.startswith("scan:") else None
        return catalog_name(label, resource.label, resource.format)

    def _entries(self, place: str) -> tuple[ResourceEntry, ...]:
        return tuple(
            ResourceEntry(
                label=resource.label,
                uri=f"{self._folder(place)}/{resource.label}/{self._catalog_name(place, resource)}",
                format=resource.format,
                content=resource.content,
                file_count=resource.file_count,
                file_size=resource.file_size,
            )
            for resource in self.described.resources.get(place, ())
        )

    def _document(self) -> tuple[str, ...]:
        placement = self.placement
        others = [place for place in self.described.resources if not place.startswith("scan:")]
        facts = SessionFacts(
            project=placement.project or None,
            label=placement.label,
            subject=placement.subject,
            visit=self.visit,
            protocol=self.protocol,
            resources=tuple(entry for place in others for entry in self._entries(place)),
        )
        scans = {each.key: self._entries(f"scan:{each.key}") for each in self.described.document.scans}
        xml, notes = session_xml(self.described.document, facts, scans)
        self._made.with_name(f"{placement.folder}.xml").write_bytes(xml)
        return notes

    def _receipt(self) -> None:
        self.receipt.parent.mkdir()
        with self.receipt.open("w", encoding="utf-8") as stream:
            stream.writelines(self.ledger.receipt("placement = ?", (self.placement.number,)))

    # ---- renames

    def _publish_all(self, places: Iterable[str]) -> None:
        placement = self.placement
        if self.owns_timestamp:
            self.redo.publish(self._made.parent, self._target.parent)
            return
        document = self._made.with_name(f"{placement.folder}.xml")
        if placement.joins:
            for place in places:
                self._publish_place(self._folder(place))
            self._publish_place(CONTROL_FOLDER)
        else:
            self.redo.publish(self._made, self._target)
        self.redo.publish(document, self._target.with_name(document.name))

    def _publish_place(self, folder: str) -> None:
        """A folder that is new goes as a whole; into one that is there, each file."""
        made, target = self._made / folder, self._target / folder
        if not made.exists():
            return
        if not target.exists():
            self.redo.publish(made, target)
            return
        self.redo.publish_files(made, target)
        for name in [each.name for each in os.scandir(made) if each.is_dir()]:
            self._publish_place(f"{folder}/{name}")
