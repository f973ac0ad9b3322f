"""A session's document and catalogs, made anew from what is stored. lxml is loaded with this module."""

from __future__ import annotations

from shutil import copytree
from typing import TYPE_CHECKING

from attrs import frozen

from xnat_import_core.placing.publishing import Publication
from xnat_import_core.receipts.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from xnat_import_core.operations.changes import Change
    from xnat_import_core.operations.contents import Contents
    from xnat_import_core.placing.describing import Described

__all__ = ["Portrait", "portrait_of"]


@frozen
class Portrait(Publication):
    """Publishes document and catalogs of a session whose files stay where they are."""

    def publish(self) -> tuple[str, ...]:
        """Write them aside, with the renames that show them."""
        self._made.mkdir(parents=True)
        places = tuple(self.described.resources)
        notes = self._catalogs(places) + self._document()
        for place in places:
            self._publish_place(self._folder(place))
        self._publish_document()
        return notes

    def publish_beside(self, *kept: Path) -> tuple[str, ...]:
        """A new folder with copies of these, and the document."""
        self._made.mkdir(parents=True)
        for folder in kept:
            if folder.exists():
                copytree(folder, self._made / folder.name)
        notes = self._document()
        self.redo.publish(self._made, self._target)
        self._publish_document()
        return notes

    def publish_document(self) -> tuple[str, ...]:
        """The document alone."""
        self._made.mkdir(parents=True)
        notes = self._document()
        self._publish_document()
        return notes

    def _publish_document(self) -> None:
        name = f"{self.placement.folder}.xml"
        self.redo.publish(self._made.with_name(name), self._target.with_name(name))


def portrait_of(change: Change, contents: Contents, described: Described) -> Portrait:
    """The portrait of a session, or of a part of it, within a change."""
    return Portrait(
        placement=contents.placement(),
        described=described,
        ledger=Ledger(),
        database=change.store.database,
        tree=change.store.tree,
        staging=change.staging,
        redo=change.redo,
        import_id=change.deed.id,
        visit=contents.columns["visit"] or None,
        protocol=contents.columns["protocol"] or None,
        owns_timestamp=False,
    )
