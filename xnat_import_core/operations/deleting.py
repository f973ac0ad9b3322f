"""Deleting: a session or one of its scans, to the trash."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from xnat_import_core.database.changes import Delete
from xnat_import_core.errors import NotFoundError, ServerError
from xnat_import_core.operations.building import scan_changes, session_columns
from xnat_import_core.operations.changes import changing
from xnat_import_core.operations.contents import contents_of, refuse_another
from xnat_import_core.operations.rows import released
from xnat_import_core.prearchive.deleting import delete_session
from xnat_import_core.prearchive.logbook import write_log
from xnat_import_core.prearchive.statuses import Operation

if TYPE_CHECKING:
    from xnat_import_core.models import Principal
    from xnat_import_core.operations.describing import Describer
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.store import Store

__all__ = ["SCAN_KIND", "delete", "delete_scan"]

SCAN_KIND = "delete-scan"


def delete(row: PrearchiveRow, principal: Principal, store: Store) -> None:
    """Move folder and document to the trash, and forget the session.

    Raises:
        SessionConflictError: Somebody else works on it.
        NotFoundError: It is gone.
    """
    with store.database.read() as connection:
        refuse_another(connection, row)
    try:
        delete_session(store.database, store.tree, row.id, principal.name)
    except ServerError as error:
        with suppress(OSError):
            folder = store.tree.session_folder(row.project or "", row.timestamp, row.folder)
            write_log(folder, f"{Operation.DELETE} failed: {error.message}")
        raise


def delete_scan(row: PrearchiveRow, scan_id: str, principal: Principal, describer: Describer) -> None:
    """Move a scan's folder to the trash; the document is made anew without it, the status stays.

    Raises:
        NotFoundError: There is no such scan.
        SessionConflictError: Somebody else works on the session.
        XnatImportError: It cannot be described without the scan; nothing is changed but the status, ERROR.
    """
    database = describer.store.database
    if not any(scan.label == scan_id for scan in contents_of(database, row.id).scans):
        message = "Unable to find the specified scan."
        raise NotFoundError(message)
    with changing(describer.store, SCAN_KIND, row, Operation.DELETE, principal) as change:
        from xnat_import_core.operations.portraits import portrait_of  # noqa: PLC0415 - lxml is needed from here on

        whole = contents_of(database, row.id)
        gone = next(scan for scan in whole.scans if scan.label == scan_id)
        place = f"scan:{gone.key}"
        folder = whole.folder_of(place)
        rest = whole.only([each for each in whole.places if each != place])
        described = describer.describe(rest)
        portrait_of(change, rest, described).publish_document()
        change.redo.retire(change.folder / folder, change.trash / folder)
        change.carry_out(
            [
                Delete("file", {"session_id": row.id, "place": place}),
                Delete("scan", {"session_id": row.id, "key": gone.key}),
                *scan_changes(row.id, described.document),
                released(change.hold, change.hold.before, **session_columns(described.document)),
            ]
        )
