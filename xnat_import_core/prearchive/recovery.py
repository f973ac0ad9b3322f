"""Recovery at the start of a service: what a killed process left is finished or undone."""

from __future__ import annotations

import shutil
import time
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from xnat_import_core.database.tables import deed as deed_table
from xnat_import_core.database.tables import import_
from xnat_import_core.errors import NotSupportedError, XnatImportError
from xnat_import_core.logs import event_logger
from xnat_import_core.prearchive import deleting
from xnat_import_core.prearchive.commits import finish, undo
from xnat_import_core.prearchive.deeds import Deed, give_up
from xnat_import_core.prearchive.deeds import finish as finish_deed
from xnat_import_core.storage.durable import storage_faults
from xnat_import_core.storage.redo import run_redo
from xnat_import_core.storage.staging import Staging, lock_is_free

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xnat_import_core.database import Database
    from xnat_import_core.prearchive.deeds import Finisher
    from xnat_import_core.storage.tree import Tree

__all__ = ["INTERRUPTED", "expire_trash", "recover"]

INTERRUPTED = "The service stopped before this import was finished; nothing of it was stored. Send it again."

_DAY = 86400
_OWN: Final[Mapping[str, Finisher]] = MappingProxyType({deleting.KIND: deleting.finish_delete})


def recover(database: Database, tree: Tree, finishers: Mapping[str, Finisher] = MappingProxyType({})) -> None:
    """Finish or undo every import and deed whose process is gone, and give back what they held.

    Killing recovery itself changes nothing: run it again. The caller holds the store's start lock, so that nothing is
    beginning meanwhile.

    Args:
        database: The store's.
        tree: The store's.
        finishers: What shows the rows of a deed, by its kind.
    """
    with database.read() as connection:
        open_imports = select(import_.c.id, import_.c.status).where(import_.c.finished_at.is_(None))
        imports = {row.id: row.status for row in connection.execute(open_imports)}
        open_deeds = select(deed_table.c.id, deed_table.c.kind).where(deed_table.c.finished_at.is_(None))
        deeds = {row.id: row.kind for row in connection.execute(open_deeds)}
    known = {**_OWN, **finishers}
    with storage_faults():
        for key, status in imports.items():
            _guarded(tree, key, partial(_recover_import, database, tree, key, status))
        for key, kind in deeds.items():
            _guarded(tree, key, partial(_recover_deed, database, tree, key, kind, known.get(kind)))
        _sweep_staging(tree, {*imports, *deeds})


def _guarded(tree: Tree, owner: str, work: Callable[[], None]) -> None:
    """What lives is left alone. What cannot be recovered now waits for the next start; it keeps nobody from working."""
    try:
        if lock_is_free(tree.staging / owner):
            work()
    except (OSError, XnatImportError) as error:
        event_logger(owner=owner).error("not recovered", error=type(error).__name__)


def _recover_import(database: Database, tree: Tree, import_id: str, status: str) -> None:
    staging = Staging(tree.staging / import_id)
    forward = status == "placing"
    if forward:
        run_redo(tree, staging.redo)
        finish(database, import_id)
    else:
        undo(database, import_id, INTERRUPTED, {})
    staging.discard()
    event_logger(import_id=import_id).warning("import recovered", finished=forward)


def _recover_deed(database: Database, tree: Tree, deed_id: str, kind: str, finisher: Finisher | None) -> None:
    deed = Deed(deed_id, kind, Staging(tree.staging / deed_id))
    undone = give_up(database, deed)
    if not undone:
        if finisher is None:
            message = f"Nothing that is installed finishes a deed of the kind {kind}."
            raise NotSupportedError(message)
        finish_deed(database, tree, deed, finisher)
    event_logger(deed=deed_id, kind=kind).warning("deed recovered", finished=not undone)


def _sweep_staging(tree: Tree, known: set[str]) -> None:
    for folder in tree.staging.iterdir():
        if folder.name not in known and lock_is_free(folder):
            shutil.rmtree(folder, ignore_errors=True)


def expire_trash(tree: Tree, keep_days: int) -> None:
    """Drop what has waited in the trash for long enough."""
    oldest = time.time() - keep_days * _DAY
    for entry in tree.trash.iterdir():
        if entry.stat().st_mtime < oldest:
            shutil.rmtree(entry, ignore_errors=True)
