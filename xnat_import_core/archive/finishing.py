"""The end of every deed of the archive: from the lists that say what will be done to the rows that show it."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from xnat_import_core.database.changes import apply_changes, read_changes, write_changes
from xnat_import_core.database.tables import session
from xnat_import_core.errors import StorageError, XnatImportError
from xnat_import_core.prearchive.deeds import finish, go_forward, once_forward
from xnat_import_core.prearchive.machine import advance
from xnat_import_core.storage.durable import sync_filesystem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from sqlalchemy import Connection, Row

    from xnat_import_core.database.changes import Change
    from xnat_import_core.prearchive.deeds import Deed, Finisher
    from xnat_import_core.prearchive.machine import PrearchiveHold
    from xnat_import_core.storage.redo import RedoList
    from xnat_import_core.storage.tree import Tree
    from xnat_import_core.store import Store

__all__ = ["ARCHIVE", "FINISHERS", "MERGE", "STATUS", "UNDO", "carry_out", "show_rows"]

ARCHIVE: Final = "archive"
MERGE: Final = "merge"
UNDO: Final = "undo"
STATUS: Final = "status"
_ROWS: Final = "rows.jsonl"


def carry_out(  # noqa: PLR0913 - what a deed is made of
    store: Store,
    deed: Deed,
    redo: RedoList,
    changes: Iterable[Change],
    holds: Collection[PrearchiveHold],
    *,
    leaving: str = "",
    claims: Mapping[str, str] = MappingProxyType({}),
    claim: Callable[[Connection], None] | None = None,
    **columns: object,
) -> None:
    """Write the lists, sync, say that it goes forward; then rename, and show the new rows.

    Args:
        store: The store.
        deed: The deed; all that it makes lies in its staging folder.
        redo: What is renamed.
        changes: What becomes of rows.
        holds: Locks that can only go forward with it.
        leaving: A folder of the prearchive, within the store, that goes if nothing is left in it.
        claims: What nobody else may make before the end.
        claim: Takes what must be free, or raises, in the transaction that says forward.
        columns: Of the deed's row.

    Raises:
        HoldLostError: A lock was taken away; nothing was changed.
        StorageError: The disk failed. What had gone forward is finished when the service starts again.
    """
    redo.write()
    write_changes(deed.staging.folder / _ROWS, changes)
    if store.settings.durability == "full":
        sync_filesystem(deed.staging.descriptor)

    def forward(connection: Connection) -> None:
        for hold in holds:
            advance(connection, hold)
        if claim is not None:
            claim(connection)
        go_forward(connection, deed.id, {**claims, "leaving": leaving}, **columns)

    once_forward(store.database, deed, forward)
    try:
        finish(store.database, store.tree, deed, show_rows)
    except (OSError, XnatImportError) as error:
        message = "The disk failed while a complete change was carried out; the next start of the service ends it."
        raise StorageError(message) from error


def show_rows(connection: Connection, deed: Row[Any], tree: Tree) -> None:
    """Apply the row changes of a deed; the folder that it may have emptied goes. Recovery calls it too."""
    apply_changes(connection, read_changes(tree.staging / deed.id / _ROWS))
    leaving = json.loads(deed.detail)["leaving"]
    if leaving:
        _remove_if_empty(connection, tree, leaving)


def _remove_if_empty(connection: Connection, tree: Tree, leaving: str) -> None:
    folder = tree.root / leaving
    here = (session.c.timestamp == folder.name) & session.c.project.in_([folder.parent.name, ""])
    used = connection.execute(select(func.count()).where(here)).scalar()
    if not used and folder.exists() and not any(folder.iterdir()):
        folder.rmdir()


FINISHERS: Final[Mapping[str, Finisher]] = MappingProxyType(dict.fromkeys((ARCHIVE, MERGE, UNDO, STATUS), show_rows))
"""What recovery needs to finish the deeds of the archive."""
