"""Settling: which members are stored, which are there already, what they replace, and the name of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from sqlalchemy import Row, select

from xnat_import_core.database.tables import file, scan
from xnat_import_core.errors import SessionConflictError
from xnat_import_core.models import Fate
from xnat_import_core.parameters import Overwrite
from xnat_import_core.storage.tree import place_folder, session_uri

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from xnat_import_core.database import Database
    from xnat_import_core.models import Handler
    from xnat_import_core.parameters import ImportRequest
    from xnat_import_core.placing.placements import Placement
    from xnat_import_core.receipts.ledger import Ledger
    from xnat_import_core.settings import Settings

__all__ = ["Settlement", "file_uri", "free_name"]

_CHUNK = 500
_SHOWN = 20


@define
class _Clashes:
    """Members that clash with stored files, where that is an error."""

    names: dict[str, None] = field(factory=dict)

    def add(self, name: str) -> None:
        self.names[name] = None

    def refuse(self) -> None:
        if self.names:
            message = (
                f"Session already exists with matching files. {len(self.names)} members differ from what is stored; "
                "nothing was changed. Send them again with overwrite=delete to replace the stored files."
            )
            raise SessionConflictError(message, members=list(self.names)[:_SHOWN])


@frozen
class Settlement:
    """Settles the members of one import, a placement at a time.

    Attributes:
        ledger: The import's members; ``placement`` is set in each.
        database: For what is stored already.
        request, handler, settings: The policies.
    """

    ledger: Ledger
    database: Database
    request: ImportRequest
    handler: Handler
    settings: Settings

    def settle(self, placement: Placement) -> None:
        """Decide fates, replacements and final names.

        Raises:
            SessionConflictError: Other bytes for what is stored, and neither request nor handler lets them replace it.
        """
        if not self.settings.preferences.use_sop_instance_uid:
            self.ledger.update("UPDATE member SET identity = NULL WHERE placement = ?", [(placement.number,)])
        self._drop_twins(placement)
        clashes = _Clashes()
        if placement.joins:
            self._compare(placement, clashes)
        self._warn_versions(placement)
        self._name(placement, clashes)
        clashes.refuse()

    # ---- twice in one upload

    def _drop_twins(self, placement: Placement) -> None:
        """The same bytes of one instance are kept once, the lowest member; other bytes are both kept (ruling 20)."""
        twins = self.ledger.query(
            """
            SELECT t.idx, min(f.idx) AS first FROM member t JOIN member f
            ON f.placement = t.placement AND f.digest = t.digest AND f.idx < t.idx AND f.fate = 'stored'
               AND (f.identity = t.identity OR (f.identity IS NULL AND t.identity IS NULL
                    AND f.place = t.place AND f.resource = t.resource AND f.wished = t.wished))
            WHERE t.placement = ? AND t.fate = 'stored' GROUP BY t.idx
            """,
            (placement.number,),
        )
        self.ledger.update(
            "UPDATE member SET fate = 'same', stored_digest = digest, twin = ?, reason = ? WHERE idx = ?",
            [(row["first"], f"the same as member {row['first']} of this upload", row["idx"]) for row in twins],
        )

    def _warn_versions(self, placement: Placement) -> None:
        several = self.ledger.query(
            "SELECT count(*) - 1 AS more FROM member WHERE placement = ? AND fate = 'stored' AND identity IS NOT NULL "
            "GROUP BY identity HAVING count(*) > 1",
            (placement.number,),
        )
        if several:
            placement.notes.append(
                f"{len(several)} instances came more than once with different bytes; all versions are kept."
            )
            self.ledger.update(
                "UPDATE member SET reason = 'one of several versions of this instance in the upload; all are kept' "
                "WHERE placement = ? AND fate = 'stored' AND identity IN (SELECT identity FROM member WHERE "
                "placement = ? AND fate = 'stored' GROUP BY identity HAVING count(*) > 1)",
                [(placement.number, placement.number)],
            )

    # ---- against what is stored

    def _compare(self, placement: Placement, clashes: _Clashes) -> None:
        labels = self._scan_labels(placement)
        changes: list[tuple[Any, ...]] = []
        for members in _chunks(self.ledger.rows(f"placement = {placement.number:d} AND fate = 'stored'")):
            stored = self._stored(placement, members)
            for member in members:
                found = stored.get(member["identity"] or _named(member["place"], member["resource"], member["wished"]))
                if found:
                    changes.append(self._judge(placement, member, found, labels, clashes))
        self.ledger.update(
            "UPDATE member SET fate = ?, reason = ?, rule = ?, uri = ?, stored_digest = ?, replaces = ? WHERE idx = ?",
            changes,
        )

    def _judge(
        self,
        placement: Placement,
        member: sqlite3.Row,
        found: Sequence[Row[Any]],
        labels: dict[str, str],
        clashes: _Clashes,
    ) -> tuple[Any, ...]:
        same = next((row for row in found if row.received_sha256 == member["digest"]), None)
        if same is not None:
            uri = file_uri(placement, same.place, labels.get(same.place, ""), same.resource, same.name)
            return Fate.SAME, "is stored already", member["rule"], uri, same.stored_sha256, None, member["idx"]
        kept = (member["digest"], None, member["idx"])
        policy = self._policy()
        if policy == "keep-first":
            return Fate.FILTERED, "another version is stored", "duplicate_objects=keep-first", "", "", *kept[1:]
        if policy == "keep-both":
            return Fate.STORED, "kept beside another version", "duplicate_objects=keep-both", "", *kept
        if policy == "refuse":
            clashes.add(member["name"])
            return Fate.STORED, "", member["rule"], "", *kept
        placement.replaced.add(found[-1].place)
        rule = "overwrite=delete" if self.handler.differing == "refuse" else "duplicate_objects=replace"
        reason = "replaces the stored version, which waits in the trash"
        return Fate.STORED, reason, rule, "", member["digest"], found[-1].id, member["idx"]

    def _policy(self) -> str:
        if self.handler.differing == "refuse":
            return "replace" if self.request.overwrite is Overwrite.DELETE else "refuse"
        return self.settings.duplicate_objects

    def _stored(self, placement: Placement, members: Sequence[sqlite3.Row]) -> dict[str, list[Row[Any]]]:
        """Stored files that members may be, by identity, or by place and name where a member has no identity."""
        identities = [member["identity"] for member in members if member["identity"]]
        names = [member["wished"] for member in members if not member["identity"]]
        stored: dict[str, list[Row[Any]]] = {}
        same_session = (file.c.session_id == placement.session_id) & file.c.pending.is_(False)
        with self.database.read() as connection:
            for row in connection.execute(
                select(file).where(same_session, file.c.identity.in_(identities)).order_by(file.c.id)
            ):
                stored.setdefault(row.identity, []).append(row)
            for row in connection.execute(select(file).where(same_session, file.c.name.in_(names))):
                stored.setdefault(_named(row.place, row.resource, row.name), []).append(row)
        return stored

    def _scan_labels(self, placement: Placement) -> dict[str, str]:
        query = select(scan.c.key, scan.c.label).where(scan.c.session_id == placement.session_id)
        with self.database.read() as connection:
            return {f"scan:{row.key}": row.label for row in connection.execute(query)}

    # ---- names

    def _name(self, placement: Placement, clashes: _Clashes) -> None:
        groups = self.ledger.query(
            "SELECT DISTINCT place, resource FROM member WHERE placement = ? AND fate = 'stored' ORDER BY 1, 2",
            (placement.number,),
        )
        for group in groups:
            self._name_folder(placement, group["place"], group["resource"], clashes)

    def _name_folder(self, placement: Placement, place: str, resource: str, clashes: _Clashes) -> None:
        taken = self._taken(placement, place, resource)
        members = self.ledger.query(
            "SELECT idx, name, wished, fallback, replaces FROM member "
            "WHERE placement = ? AND place = ? AND resource = ? AND fate = 'stored' ORDER BY idx",
            (placement.number, place, resource),
        )
        gone = {row["replaces"] for row in members if row["replaces"] is not None}
        used = {name for name, identifier in taken.items() if identifier not in gone}
        names: list[tuple[str, int | None, int]] = []
        for row in members:
            replaces, holder = row["replaces"], taken.get(row["wished"])
            if self.handler.differing == "refuse" and holder is not None and holder not in gone:
                replaces = self._clash_of_names(placement, row, holder, place, clashes)
                gone.add(holder)
                used.discard(row["wished"])
            name = free_name(row["wished"], row["fallback"], row["idx"], used.__contains__)
            used.add(name)
            names.append((name, replaces, row["idx"]))
        self.ledger.update("UPDATE member SET final = ?, replaces = ? WHERE idx = ?", names)

    def _clash_of_names(
        self, placement: Placement, row: sqlite3.Row, stored: int, place: str, clashes: _Clashes
    ) -> int | None:
        """Another instance has the name of a stored file: refused, or replaced where the request says so."""
        if self._policy() == "refuse":
            clashes.add(row["name"])
            return None
        placement.replaced.add(place)
        return stored

    def _taken(self, placement: Placement, place: str, resource: str) -> dict[str, int]:
        if not placement.joins:
            return {}
        query = select(file.c.name, file.c.id).where(
            file.c.session_id == placement.session_id, file.c.place == place, file.c.resource == resource
        )
        with self.database.read() as connection:
            return {row.name: row.id for row in connection.execute(query)}


def free_name(wished: str, fallback: str, member: int, taken: Callable[[str], bool]) -> str:
    """A file's name in its folder (ruling 8).

    The wished one; if it is taken, the fallback, then ``-2``, ``-3`` behind its stem; without a fallback ``_1``, ``_2``
    behind the suffix. Names of catalogs are always taken.
    """

    def free(name: str) -> bool:
        return not taken(name) and not name.lower().endswith("_catalog.xml")

    first = wished or fallback or f"member-{member}"
    if free(first):
        return first
    if not fallback:
        return next(name for name in (f"{first}_{n}" for n in range(1, member + 3)) if free(name))
    stem, dot, suffix = fallback.rpartition(".")
    stem, end = (stem, f".{suffix}") if dot else (fallback, "")
    number = 1
    name = fallback
    while not free(name):
        number += 1
        name = f"{stem}-{number}{end}"
    return name


def file_uri(placement: Placement, place: str, label: str, resource: str, name: str) -> str:
    """Address of a stored file, without ``/data``."""
    kind = place.partition(":")[0]
    folder = {"scan": f"scans/{label}/", "session": ""}.get(kind, f"{place_folder(kind, label).lower()}/")
    session = session_uri(placement.project, placement.timestamp, placement.folder)
    return f"{session}/{folder}resources/{resource}/files/{name}"


def _named(place: str, resource: str, name: str) -> str:
    return f"name:{place}\n{resource}\n{name}"


def _chunks(rows: Iterable[sqlite3.Row]) -> Iterator[list[sqlite3.Row]]:
    chunk: list[sqlite3.Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
