"""Settling: which members are stored, which are there already, what they replace, and the name of each."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from sqlalchemy import select

from xnat_import_core.database.tables import file, scan
from xnat_import_core.errors import SessionConflictError
from xnat_import_core.models import Fate
from xnat_import_core.parameters import Overwrite
from xnat_import_core.placing.naming import LOWEST_OF_HELD, Naming, by_folder
from xnat_import_core.storage.tree import place_folder, session_uri

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from xnat_import_core.database import Database
    from xnat_import_core.models import Handler
    from xnat_import_core.parameters import ImportRequest
    from xnat_import_core.placing.placements import Placement
    from xnat_import_core.receipts.ledger import Ledger
    from xnat_import_core.settings import Settings

__all__ = ["Settlement", "file_uri"]

_SHOWN: Final = 20
_HERE: Final = "placement = ? AND fate = 'stored'"
_REPEATED: Final = f"{_HERE} GROUP BY identity, digest HAVING count(*) > 1"
_FIND_TWINS: Final = """
INSERT INTO twin (idx, first) SELECT idx, first FROM (
    SELECT idx, min(idx) OVER (PARTITION BY digest, identity, CASE WHEN identity IS NULL THEN place END,
        CASE WHEN identity IS NULL THEN resource END, CASE WHEN identity IS NULL THEN wished END) AS first
    FROM member WHERE placement = ? AND fate = 'stored') WHERE first < idx
"""
_VERSIONS: Final = """
SELECT identity FROM member WHERE placement = ? AND fate = 'stored' AND identity IS NOT NULL
GROUP BY identity HAVING count(*) > 1
"""
_JUDGE: Final = """
UPDATE member SET fate = ?, reason = ?, rule = ?, uri = ?, stored_digest = ?, replaces = ? WHERE idx = ?
"""
_FILES: Final = select(
    file.c.id, file.c.identity, file.c.place, file.c.resource, file.c.name, file.c.received_sha256, file.c.stored_sha256
).order_by(file.c.id)


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
        here = (placement.number,)
        if not self.settings.preferences.use_sop_instance_uid:
            self.ledger.change("identity = NULL", "placement = ?", here)
        self._drop_twins(here)
        if placement.joins:
            self._compare(placement)
        self._warn_versions(placement, here)
        self._name(placement, here)

    # ---- twice in one upload

    def _drop_twins(self, here: tuple[int]) -> None:
        """The same bytes of one instance are kept once, the lowest member; other bytes are both kept (ruling 20)."""
        if not self.ledger.has(_REPEATED, here):
            return
        self.ledger.update(_FIND_TWINS, [here])
        first = "(SELECT first FROM twin WHERE twin.idx = member.idx)"
        self.ledger.change(
            f"fate = 'same', stored_digest = digest, reason = 'the same as member ' || {first} || ' of this upload'",
            "placement = ? AND idx IN (SELECT idx FROM twin)",
            here,
        )

    def _warn_versions(self, placement: Placement, here: tuple[int]) -> None:
        several = f"{_HERE} AND identity IN ({_VERSIONS})"
        ((instances,),) = self.ledger.values("count(DISTINCT identity)", several, here * 2)
        if instances:
            placement.notes.append(
                f"{instances} instances came more than once with different bytes; all versions are kept."
            )
            reason = "one of several versions of this instance in the upload; all are kept"
            self.ledger.change("reason = ?", several, (reason, *here * 2))

    # ---- against what is stored

    def _compare(self, placement: Placement) -> None:
        labels = self._scan_labels(placement)
        for members in self.ledger.batches(_HERE, (placement.number,)):
            stored = self._stored(placement, members)
            known = ((member, stored[_key(member)]) for member in members if _key(member) in stored)
            self.ledger.update(_JUDGE, [self._judge(placement, *each, labels) for each in known])

    def _judge(
        self, placement: Placement, member: sqlite3.Row, found: Sequence[Any], labels: dict[str, str]
    ) -> tuple[Any, ...]:
        same = next((row for row in found if row.received_sha256 == member["digest"]), None)
        if same is not None:
            uri = file_uri(placement, same.place, labels.get(same.place, ""), same.resource, same.name)
            return Fate.SAME, "is stored already", member["rule"], uri, same.stored_sha256, None, member["idx"]
        kept = (member["digest"], None, member["idx"])
        asks = self.handler.differing == "refuse"
        policy = "replace" if asks else self.settings.duplicate_objects
        if policy == "keep-first":
            return Fate.FILTERED, "another version is stored", "duplicate_objects=keep-first", "", "", *kept[1:]
        if policy == "keep-both":
            return Fate.STORED, "kept beside another version", "duplicate_objects=keep-both", "", *kept
        placement.replaced.add(found[-1].place)
        rule = "overwrite=delete" if asks else "duplicate_objects=replace"
        reason = "replaces the stored version, which waits in the trash"
        return Fate.STORED, reason, rule, "", member["digest"], found[-1].id, member["idx"]

    def _stored(self, placement: Placement, members: Sequence[sqlite3.Row]) -> dict[tuple[str, ...], list[Any]]:
        """Stored files that members may be, by identity, or by folder and name where a member has no identity."""
        here = (file.c.session_id == placement.session_id) & file.c.pending.is_(False)
        identities = [member["identity"] for member in members if member["identity"]]
        by_name = by_folder(member for member in members if not member["identity"])
        stored: dict[tuple[str, ...], list[Any]] = {}
        with self.database.read() as connection:
            for row in connection.execute(_FILES.where(here, file.c.identity.in_(identities))):
                stored.setdefault((row.identity,), []).append(row)
            for (place, resource), wishes in by_name.items():
                there = (file.c.place == place) & (file.c.resource == resource) & file.c.name.in_(wishes)
                for row in connection.execute(_FILES.where(here, there)):
                    stored.setdefault((place, resource, row.name), []).append(row)
        return stored

    def _scan_labels(self, placement: Placement) -> dict[str, str]:
        query = select(scan.c.key, scan.c.label).where(scan.c.session_id == placement.session_id)
        with self.database.read() as connection:
            return {f"scan:{row.key}": row.label for row in connection.execute(query)}

    # ---- names

    def _name(self, placement: Placement, here: tuple[int]) -> None:
        naming = Naming(self.ledger, self.database, placement)
        if placement.joins:
            naming.find_holders()
            if self.handler.differing == "refuse" and self.request.overwrite is not Overwrite.DELETE:
                self._refuse_to_replace(here)
            naming.forget_replaced()
            if self.handler.differing == "refuse":
                naming.replace_holders()
        naming.name()

    def _refuse_to_replace(self, here: tuple[int]) -> None:
        differing = f"{_HERE} AND (replaces IS NOT NULL OR {LOWEST_OF_HELD})"
        ((members,),) = self.ledger.values("count(DISTINCT name)", differing, here * 2)
        if members:
            names = islice(self.ledger.values("name", differing, here * 2), _SHOWN)
            message = (
                f"Session already exists with matching files. {members} members differ from what is stored; "
                "nothing was changed. Send them again with overwrite=delete to replace the stored files."
            )
            raise SessionConflictError(message, members=[name for (name,) in names])


def file_uri(placement: Placement, place: str, label: str, resource: str, name: str) -> str:
    """Address of a stored file, without ``/data``."""
    kind = place.partition(":")[0]
    folder = {"scan": f"scans/{label}/", "session": ""}.get(kind, f"{place_folder(kind, label).lower()}/")
    session = session_uri(placement.project, placement.timestamp, placement.folder)
    return f"{session}/{folder}resources/{resource}/files/{name}"


def _key(member: sqlite3.Row) -> tuple[str, ...]:
    return (member["identity"],) if member["identity"] else (member["place"], member["resource"], member["wished"])
