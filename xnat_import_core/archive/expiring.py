"""When the time of an undo is over: what waited in the trash goes, rows and files."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from xnat_import_core.database.tables import deed as deed_table
from xnat_import_core.database.tables import file, session
from xnat_import_core.prearchive.statuses import Status

if TYPE_CHECKING:
    from datetime import datetime

    from xnat_import_core.database import Database
    from xnat_import_core.storage.tree import Tree

__all__ = ["expire_undo"]


def expire_undo(database: Database, tree: Tree, now: datetime) -> int:
    """Drop what deeds keep for an undo that nobody can ask for any more; how many deeds they were."""
    over = (deed_table.c.undo_until < now) & (deed_table.c.state == "done")
    with database.read() as connection:
        expired = connection.execute(select(deed_table.c.id).where(over)).scalars().all()
    for deed_id in expired:
        merged = (session.c.status == Status.ARCHIVED) & (session.c.timestamp == "") & (session.c.folder == deed_id)
        with database.write() as connection:
            connection.execute(delete(file).where(file.c.trashed_by == deed_id))
            connection.execute(delete(session).where(merged))
            connection.execute(update(deed_table).where(deed_table.c.id == deed_id).values(undo_until=None))
        shutil.rmtree(tree.trash / deed_id, ignore_errors=True)
    return len(expired)
