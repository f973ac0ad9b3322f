"""Moving: the renames of an archiving. A new session is one rename, a new scan one, a file of an old scan one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

from xnat_import_core.archive.given import DOCUMENT, STATE
from xnat_import_core.prearchive.logbook import LOGS
from xnat_import_core.storage.tree import CONTROL_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from xnat_import_core.archive.comparing import PlannedFile
    from xnat_import_core.archive.composing import Composition
    from xnat_import_core.archive.planning import Blueprint
    from xnat_import_core.archive.renames import Renames

__all__ = ["Mover"]

_REST: Final = "rest"


@frozen
class Mover:
    """Lists the renames of one archiving. Nothing is moved before the deed goes forward."""

    blueprint: Blueprint
    composition: Composition
    renames: Renames

    def list_renames(self) -> None:
        """Do it."""
        if self.blueprint.folder_exists:
            self._clear_the_way()
            self._add()
            self._show(self._target)
            self._retire_the_rest()
        else:
            self._leave_behind()
            self._show(self._source)
            self.renames.move(self._source, self._target)

    @property
    def _source(self) -> Path:
        return self.blueprint.incoming.folder

    @property
    def _target(self) -> Path:
        return self.blueprint.folder

    # ---- a new folder

    def _leave_behind(self) -> None:
        """What does not go into the archive: the prearchive's documents, logs, and what no import brought."""
        inspection = self.blueprint.inspection
        for path in (*inspection.catalogs, *inspection.strays, LOGS, STATE):
            if (self._source / path).exists():
                self.renames.retire(self._source / path)
        self.renames.retire(self.blueprint.incoming.document)

    # ---- a folder that is there

    def _clear_the_way(self) -> None:
        """Archived files, catalogs and documents that are replaced go to the trash."""
        replaced = (each for each in self.blueprint.files if each.fate == "replaced")
        gone = [*self.blueprint.strays, *map(self._replaced_path, replaced), *self._old_catalogs()]
        gone += [self._target / DOCUMENT, self._target / STATE]
        for path in dict.fromkeys(gone):
            if path.exists():
                self.renames.retire(path)

    def _replaced_path(self, planned: PlannedFile) -> Path:
        assert planned.existing is not None  # noqa: S101 - so it is with a file that replaces another
        assert self.blueprint.existing is not None  # noqa: S101 - likewise
        return self._target / self.blueprint.existing.side.path_of(planned.existing)

    def _old_catalogs(self) -> Iterable[Path]:
        for each in self.composition.changed:
            yield from (self._target / each.folder).glob("*_catalog.xml")

    def _add(self) -> None:
        """A whole place where the archive has none, a whole resource likewise, else file by file."""
        arriving: dict[str, list[PlannedFile]] = {}
        for each in self.blueprint.arriving:
            arriving.setdefault(each.row.place, []).append(each)
        self._retire_unmoved(arriving)
        for place, files in arriving.items():
            source = self._source / self.blueprint.incoming.folder_of(place)
            target = self._target / self.blueprint.folder_of(place)
            if place.startswith("scan:") and not target.exists():
                self.renames.move(source, target)
            else:
                self._add_files(source, target, files)
        control = self._source / CONTROL_FOLDER
        for path in sorted(control.glob("*.jsonl")):
            if not (self._target / CONTROL_FOLDER / path.name).exists():
                self.renames.move(path, self._target / CONTROL_FOLDER / path.name)

    def _retire_unmoved(self, places: Iterable[str]) -> None:
        """Catalogs and strays must not go along with a folder that is moved."""
        folders = tuple(f"{self.blueprint.incoming.folder_of(place)}/" for place in places)
        for path in (*self.blueprint.inspection.catalogs, *self.blueprint.inspection.strays):
            if path.startswith(folders):
                self.renames.retire(self._source / path)

    def _add_files(self, source: Path, target: Path, files: Iterable[PlannedFile]) -> None:
        for each in files:
            inner = f"{each.row.resource}/{each.row.name}"
            self.renames.move(source / inner, target / inner)

    def _retire_the_rest(self) -> None:
        self.renames.retire(self._source, _REST)
        self.renames.retire(self.blueprint.incoming.document, f"{_REST}.xml")

    # ---- both

    def _show(self, folder: Path) -> None:
        for path in (*self.composition.catalogs, DOCUMENT, STATE):
            self.renames.show(self.composition.made / path, folder / path)
