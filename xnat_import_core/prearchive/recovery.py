"""Recovery at the start of a service: what a killed process left is finished or undone."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from sqlalchemy import select

from xnat_import_core.database.tables import import_
from xnat_import_core.errors import XnatImportError
from xnat_import_core.logs import event_logger
from xnat_import_core.prearchive.commits import finish, undo
from xnat_import_core.prearchive.deleting import finish_deletes
from xnat_import_core.storage.durable import storage_faults
from xnat_import_core.storage.redo import run_redo
from xnat_import_core.storage.staging import Staging, lock_is_free

if TYPE_CHECKING:
    from xnat_import_core.database import Database
    from xnat_import_core.storage.tree import Tree

__all__ = ["INTERRUPTED", "expire_trash", "recover"]

INTERRUPTED = "The service stopped before this import was finished; nothing of it was stored. Send it again."

_DAY = 86400


def recover(database: Database, tree: Tree) -> None:
    """Finish or undo every import whose process is gone. Killing recovery itself changes nothing: run it again.

    The caller holds the store's start lock, so that no import is beginning meanwhile.
    """
    with database.read() as connection:
        open_imports = select(import_.c.id, import_.c.status).where(import_.c.finished_at.is_(None))
        unfinished = {row.id: row.status for row in connection.execute(open_imports)}
    with storage_faults():
        for import_id, status in unfinished.items():
            folder = tree.staging / import_id
            if lock_is_free(folder):
                _recover_guarded(database, tree, import_id, status)
        for folder in tree.staging.iterdir():
            if folder.name not in unfinished and lock_is_free(folder):
                shutil.rmtree(folder, ignore_errors=True)
        finish_deletes(database, tree)


def _recover_guarded(database: Database, tree: Tree, import_id: str, status: str) -> None:
    """An import that cannot be recovered now stays hidden for the next start; it keeps nobody else from working."""
    try:
        _recover_one(database, tree, import_id, status)
    except (OSError, XnatImportError) as error:
        event_logger(import_id=import_id).error("import not recovered", error=type(error).__name__)


def _recover_one(database: Database, tree: Tree, import_id: str, status: str) -> None:
    staging = Staging(tree.staging / import_id)
    forward = status == "placing"
    if forward:
        run_redo(tree, staging.redo)
        finish(database, import_id)
    else:
        undo(database, import_id, INTERRUPTED, {})
    staging.discard()
    event_logger(import_id=import_id).warning("import recovered", finished=forward)


def expire_trash(tree: Tree, keep_days: int) -> None:
    """Drop what has waited in the trash for long enough."""
    oldest = time.time() - keep_days * _DAY
    for entry in tree.trash.iterdir():
        if entry.stat().st_mtime < oldest:
            shutil.rmtree(entry, ignore_errors=True)
