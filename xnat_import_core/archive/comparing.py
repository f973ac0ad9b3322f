"""File by file: what comes in against what is there, by identity, then by name, then by digest (chapter 8.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, evolve, field, frozen
from sqlalchemy import Connection, Row, and_, select

from xnat_import_core.archive.conflicts import conflict
from xnat_import_core.archive.sides import path_of
from xnat_import_core.database.tables import file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import ColumnElement

    from xnat_import_core.models import Conflict

__all__ = ["Comparison", "Matches", "PlannedFile", "find_matches"]


@frozen
class PlannedFile:
    """What becomes of an incoming file.

    Attributes:
        row: Of the file.
        path: Within the archived session.
        fate: ``added``; ``same``: it is there, byte for byte, and stays as it is; ``replaced``: it replaces another.
        existing: The archived file that it is, or replaces.
    """

    row: Row[Any]
    path: str
    fate: Literal["added", "same", "replaced"] = "added"
    existing: Row[Any] | None = None


@frozen
class Matches:
    """Archived files that incoming ones may be, by the incoming file's id."""

    by_identity: Mapping[int, Sequence[Row[Any]]] = field(factory=dict)
    by_name: Mapping[int, Row[Any]] = field(factory=dict)


def find_matches(connection: Connection, incoming: int, existing: int, *, by_identity: bool) -> Matches:
    """Archived files of the same place and identity, or name: as many rows as files come in, not as there are."""
    came, there = file.alias("came"), file.alias("there")
    in_one_place = and_(
        came.c.session_id == incoming, came.c.pending.is_(False),
        there.c.session_id == existing, there.c.pending.is_(False), there.c.place == came.c.place,
    )  # fmt: skip

    def pairs(same: ColumnElement[bool]) -> Iterable[Row[Any]]:
        query = select(came.c.id.label("came_id"), *there.c).where(in_one_place, same).order_by(there.c.id)
        return connection.execute(query)

    identity: dict[int, list[Row[Any]]] = {}
    if by_identity:
        for row in pairs(there.c.identity == came.c.identity):
            identity.setdefault(row.came_id, []).append(row)
    same_name = and_(there.c.resource == came.c.resource, there.c.name == came.c.name)
    return Matches(identity, {row.came_id: row for row in pairs(same_name)})


@define
class Comparison:
    """Judges every incoming file.

    Attributes:
        labels: Scan labels that the places of the incoming files have in the archive.
        folder: The archived session's folder, which may not be there.
        by_identity: Files are told apart by identity.
        files: Each incoming file, in the order of its path.
        conflicts: What would have to be lifted.
        strays: Files in the folder that no row knows and that stand in the way, by path.
    """

    labels: Mapping[str, str]
    folder: Path
    by_identity: bool
    files: list[PlannedFile] = field(factory=list)
    conflicts: list[Conflict] = field(factory=list)
    strays: dict[str, Path] = field(factory=dict)
    _taken: dict[int, PlannedFile] = field(factory=dict)

    def judge(self, rows: Sequence[Row[Any]], found: Matches) -> None:
        """Do it: rows of the incoming files, and archived ones that they may be."""
        planned = [PlannedFile(row, self._path(row)) for row in rows]
        planned = [self._by_identity(each, found.by_identity.get(each.row.id, ())) for each in planned]
        planned = [self._by_name(each, found.by_name.get(each.row.id)) for each in planned]
        self.files = sorted(planned, key=lambda each: each.path)
        self._look_on_disk(found)
        for each in self.files:
            self._note_clash(each)

    def _path(self, row: Row[Any]) -> str:
        return f"{path_of(row.place, self.labels)}/{row.resource}/{row.name}"

    def _by_identity(self, planned: PlannedFile, there: Sequence[Row[Any]]) -> PlannedFile:
        """The same instance: the archived version with the same bytes, else the latest that is not taken."""
        free = [row for row in there if row.id not in self._taken]
        if not free:
            return planned
        return self._take(planned, next((row for row in free if _same_bytes(row, planned.row)), free[-1]))

    def _by_name(self, planned: PlannedFile, there: Row[Any] | None) -> PlannedFile:
        """The same name: the same thing, unless identities tell otherwise; an instance's name is not taken away."""
        if there is None or planned.fate == "same" or self._goes(there):
            return planned
        told_apart = self.by_identity and (there.identity or planned.row.identity)
        if planned.existing is None and not told_apart:
            return self._take(planned, there)
        if planned.existing is None or planned.existing.id != there.id:
            self._clash("name", planned, there, _words_for_names(there, planned.row))
        return planned

    def _take(self, planned: PlannedFile, there: Row[Any]) -> PlannedFile:
        fate: Literal["same", "replaced"] = "same" if _same_bytes(there, planned.row) else "replaced"
        taking = evolve(planned, fate=fate, existing=there)
        self._taken[there.id] = taking
        return taking

    def _goes(self, there: Row[Any]) -> bool:
        """Whether an archived file makes room: another version of it, under another name, comes in its stead."""
        taking = self._taken.get(there.id)
        return taking is not None and taking.fate == "replaced"

    def _look_on_disk(self, found: Matches) -> None:
        """Files that lie in the archive's folder without a row. Only folders that are there are looked into."""
        known: dict[str, bool] = {}
        for each in self.files:
            folder = each.path.rpartition("/")[0]
            if folder not in known:
                known[folder] = (self.folder / folder).exists()
            if not known[folder] or each.fate == "same" or each.row.id in found.by_name:
                continue
            path = self.folder / each.path
            if path.exists():
                self.strays[each.path] = path
                self._clash("file", each)

    def _note_clash(self, planned: PlannedFile) -> None:
        there = planned.existing
        if there is None:
            return
        if planned.fate == "same":
            self._clash("identical", planned, there)
        elif (there.resource, there.name) == (planned.row.resource, planned.row.name):
            self._clash("file", planned, there)
        else:
            self._clash("resource", planned, there)

    def _clash(self, kind: str, planned: PlannedFile, there: Row[Any] | None = None, words: str = "") -> None:
        existing = f"{there.resource}/{there.name} sha256:{there.received_sha256}" if there is not None else None
        incoming = f"{planned.row.resource}/{planned.row.name} sha256:{planned.row.received_sha256}"
        scan = self.labels.get(planned.row.place)
        self.conflicts.append(conflict(kind, words, scan=scan, file=planned.path, existing=existing, incoming=incoming))


def _same_bytes(there: Row[Any], came: Row[Any]) -> bool:
    return bool(there.received_sha256 == came.received_sha256)


def _words_for_names(there: Row[Any], came: Row[Any]) -> str:
    what = came.format or "data"
    clash = f"A {what} file with the same name but different UID already exists."
    if not there.identity:
        clash = f"A non-{what} file exists with the same name as an incoming {what} file."
    return f"{clash} There is no way to override this conflict, you will need to fix your data."
