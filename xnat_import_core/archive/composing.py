"""Composing: catalogs, document and state of the archived session, staged aside (8.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field, frozen

from xnat_import_core.archive.field_values import with_fields
from xnat_import_core.archive.folding import folds_after
from xnat_import_core.archive.given import DOCUMENT, STATE
from xnat_import_core.archive.metadata import as_document, merged_document
from xnat_import_core.archive.numbering import ask_for_description
from xnat_import_core.archive.resources import ArchivedResource, History, changed_resources
from xnat_import_core.archive.state import state_of, write_state
from xnat_import_core.documents import SessionFacts, session_xml
from xnat_import_core.folds import load_fold
from xnat_import_core.models import StoredResource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from xnat_import_core.archive.digesting import Digests
    from xnat_import_core.archive.given import Given
    from xnat_import_core.archive.planning import Blueprint
    from xnat_import_core.archive.requests import ArchiveRequest
    from xnat_import_core.archive.sides import Side
    from xnat_import_core.documents import ParsedSession, ResourceEntry
    from xnat_import_core.folds import Fold
    from xnat_import_core.models import ExtractContext, FieldValue, SessionDocument
    from xnat_import_core.storage.staging import Staging
    from xnat_import_core.store import Store
    from xnat_import_core.workers.pool import Asking

__all__ = ["Composer", "Composition"]


@frozen
class Composition:
    """What was composed; staged files lie under ``made`` by their paths within the archived session.

    Attributes:
        changed: Resources that get or lose files.
        catalogs: Paths of their catalogs.
        folds: Of scans that are new or get files, by place.
    """

    made: Path
    document: SessionDocument
    changed: tuple[ArchivedResource, ...]
    catalogs: tuple[str, ...]
    folds: Mapping[str, Fold]

    @property
    def staged_document(self) -> Path:
        """The document of the archived session."""
        return self.made / DOCUMENT


@define
class Composer:
    """Composes one archived session."""

    blueprint: Blueprint
    given: Given
    digests: Mapping[int, Digests]
    request: ArchiveRequest
    store: Store
    staging: Staging
    ask: Asking
    context: ExtractContext
    _changed: list[ArchivedResource] = field(factory=list)
    _folds: dict[str, Fold] = field(factory=dict)

    def compose(self) -> Composition:
        """Do it."""
        with self.store.database.read() as connection:
            self._changed = changed_resources(connection, self.blueprint, self.digests, self.given.event)
            history = History.of(connection, self.blueprint, self.given, self.store.settings.timezone)
        document = with_fields(self._described(), self.request.fields)
        catalogs = self._write_catalogs(document, history)
        self._write_document(document)
        self._write_state(document)
        return Composition(self._made, document, tuple(self._changed), catalogs, self._folds)

    @property
    def _made(self) -> Path:
        return self.staging.publish / "session"

    @property
    def _changed_places(self) -> set[str]:
        return {each.place for each in self._changed}

    # ---- the document

    def _described(self) -> SessionDocument:
        blueprint = self.blueprint
        assert blueprint.document is not None  # noqa: S101 - a session without one is refused
        incoming = as_document(blueprint.document, _keys(blueprint.incoming))
        if blueprint.existing is None or blueprint.existing_document is None:
            return incoming
        side, parsed = blueprint.existing.side, blueprint.existing_document
        archived = as_document(parsed, _keys(side))
        folds = folds_after(blueprint, self.store.database, self.ask, self.context)
        touched = self._changed_places & side.labels.keys()
        self._folds = {place: folds[place] for place in folds if place in self._changed_places}
        resources = {**_stored(parsed, side), **self._sums()}
        describing = (resources, self.ask, self.context)
        said = ask_for_description(side, side.labels, _folds(side, touched), *describing) if touched else None
        after = ask_for_description(side, blueprint.labels, folds, *describing)
        return merged_document(archived, incoming, said.document if said else None, after.document)

    def _sums(self) -> dict[str, tuple[StoredResource, ...]]:
        sums: dict[str, tuple[StoredResource, ...]] = {}
        for each in self._changed:
            if each.files:
                sums[each.place] = (*sums.get(each.place, ()), each.summary)
        return sums

    def _write_document(self, document: SessionDocument) -> None:
        blueprint, parsed = self.blueprint, self.blueprint.existing_document or self.blueprint.document
        assert parsed is not None  # noqa: S101 - as above
        scans = {each.key: self._entries(f"scan:{each.key}") for each in document.scans}
        others = sorted({each.place for each in self._changed if not each.place.startswith("scan:")})
        facts = SessionFacts(
            project=blueprint.plan.project,
            label=blueprint.label,
            subject=self.given.subject.id,
            visit=parsed.fields.get("@visit") or blueprint.incoming.row.visit,
            protocol=parsed.fields.get("@protocol") or blueprint.incoming.row.protocol,
            id=self.given.experiment,
            resources=self._session_entries(others),
        )
        xml, _ = session_xml(document, facts, scans)
        path = self._made / DOCUMENT
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(xml)

    def _entries(self, place: str) -> tuple[ResourceEntry, ...]:
        """A scan's resources: those that are as they were, and those that change."""
        label = self.blueprint.labels[place]
        there = {entry.label: entry for entry in self._there(label)}
        changed = {each.label: each for each in self._changed if each.place == place}
        kept = {name: entry for name, entry in there.items() if name not in changed}
        made = {name: each.entry(label) for name, each in changed.items() if each.files}
        return tuple(entry for _, entry in sorted({**kept, **made}.items()))

    def _there(self, label: str) -> tuple[ResourceEntry, ...]:
        parsed = self.blueprint.existing_document
        return next((scan.resources for scan in parsed.scans if scan.id == label), ()) if parsed is not None else ()

    def _session_entries(self, places: list[str]) -> tuple[ResourceEntry, ...]:
        parsed = self.blueprint.existing_document
        there = {entry.uri: entry for entry in parsed.resources} if parsed is not None else {}
        for each in self._changed:
            if each.place in places:
                entry = each.entry(None)
                there.pop(entry.uri, None)
                if each.files:
                    there[entry.uri] = entry
        return tuple(entry for _, entry in sorted(there.items()))

    # ---- catalogs and state

    def _write_catalogs(self, document: SessionDocument, history: History) -> tuple[str, ...]:
        described = {f"scan:{scan.key}": scan.catalog for scan in document.scans}
        written = []
        for each in self._changed:
            if each.files:
                path = f"{each.folder}/{each.catalog(self.blueprint.labels.get(each.place))}"
                fields = described.get(each.place) or self._own_fields(each)
                each.write_catalog(self._made / path, self.blueprint.plan.project, fields, history)
                written.append(path)
        return tuple(written)

    def _own_fields(self, resource: ArchivedResource) -> Mapping[str, FieldValue]:
        """What the incoming session's own catalog says of the whole."""
        incoming = self.blueprint.incoming
        if resource.place.startswith("scan:") and resource.place not in incoming.labels:
            return {}
        folder = f"{incoming.folder_of(resource.place)}/{resource.label}"
        return self.blueprint.inspection.fields.get(folder, {})

    def _write_state(self, document: SessionDocument) -> None:
        with self.store.database.read() as connection:
            state = state_of(connection, self.blueprint, self.given, self.request, document)
        write_state(self._made / STATE, state)


def _keys(side: Side) -> dict[str, str]:
    return {scan.label: scan.key for scan in side.scans}


def _folds(side: Side, places: set[str]) -> dict[str, Fold]:
    return {f"scan:{scan.key}": load_fold(scan.fold) for scan in side.scans if f"scan:{scan.key}" in places}


def _stored(parsed: ParsedSession, side: Side) -> dict[str, tuple[StoredResource, ...]]:
    keys = _keys(side)
    return {
        f"scan:{keys[scan.id]}": tuple(
            StoredResource(entry.label, entry.format, entry.content, entry.file_count, entry.file_size)
            for entry in scan.resources
        )
        for scan in parsed.scans
        if scan.id in keys
    }
