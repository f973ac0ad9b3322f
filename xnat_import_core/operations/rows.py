"""The rows of an operation, written down before it goes forward, and shown when its files are where they belong."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from xnat_import_core.database.changes import Update, apply_changes, read_changes
from xnat_import_core.prearchive.machine import UNLOCKED
from xnat_import_core.prearchive.statuses import RULES

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from xnat_import_core.prearchive.machine import PrearchiveHold
    from xnat_import_core.prearchive.statuses import Status
    from xnat_import_core.storage.tree import Tree

__all__ = ["ROWS", "released", "show_rows"]

ROWS: Final = "rows.jsonl"
"""The file in a deed's staging folder that has its row changes."""


def released(hold: PrearchiveHold, status: Status, **values: object) -> Update:
    """The session's own row when the operation has ended well: free, with its new status and columns."""
    if not RULES[hold.operation].ends(status, hold.before):
        message = f"{hold.operation} cannot end in {status}"
        raise ValueError(message)
    shown = {**UNLOCKED, "status": status, "lastmod": datetime.now(UTC), "reason": "", "conflicts": "[]", **values}
    return Update("session", {"id": hold.session_id, "locked_by": hold.owner}, shown)


def show_rows(connection: Connection, deed: Row[Any], tree: Tree) -> None:
    """The finisher of every operation: its rows, and the folder that goes if nothing is left in it."""
    apply_changes(connection, read_changes(tree.staging / deed.id / ROWS))
    leaving = json.loads(deed.detail)["leaving"]
    if leaving:
        with suppress(OSError):  # something else lies in it
            (tree.root / leaving).rmdir()
