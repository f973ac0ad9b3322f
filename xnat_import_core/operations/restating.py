"""A session's status set by hand: read again from what is stored, or as a site administrator says."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update

from xnat_import_core.database.tables import session
from xnat_import_core.errors import ClientError, InvalidRequestError, NotFoundError
from xnat_import_core.operations.contents import refuse_another
from xnat_import_core.prearchive.machine import begin, end
from xnat_import_core.prearchive.state_file import keep_state
from xnat_import_core.prearchive.statuses import RESTING, Operation, Status
from xnat_import_core.storage.names import clean_label

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from xnat_import_core.documents import ParsedSession
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.prearchive.machine import PrearchiveHold
    from xnat_import_core.store import Store

__all__ = ["reset_status", "set_status"]

_WAITING: Final = (Status.RECEIVING, Status.RECEIVING_INTERRUPT)


def reset_status(row: PrearchiveRow, store: Store) -> None:
    """Say again what the session is, from its document: READY, RECEIVING without a current one, ERROR if it is broken.

    Policy, flags and sender stay.

    Raises:
        SessionConflictError: Somebody works on it, and is alive.
    """
    document = store.tree.session_document(row.project or "", row.timestamp, row.folder)
    parsed, fault = _read(document)
    with store.database.write() as connection:
        refuse_another(connection, row)
        hold = begin(connection, row.id, Operation.RESET, uuid.uuid4().hex)
        status = Status.ERROR if fault else _status(connection, hold, parsed)
        end(connection, hold, status, fault)
        if parsed is not None:
            connection.execute(update(session).where(session.c.id == row.id).values(**_columns(parsed)))
    keep_state(store.database, store.tree, row.id)


def set_status(row: PrearchiveRow, status: str, store: Store, user: str) -> None:
    """Set it to one in which nobody works on the session.

    Raises:
        InvalidRequestError: There is no such status, or only the operation itself sets it.
        SessionConflictError: Somebody works on it.
    """
    wished = next((each for each in RESTING if each == status.upper()), None)
    if wished is None:
        message = f"status is one of {', '.join(RESTING)}; others are set by what is done with the session."
        raise InvalidRequestError(message)
    with store.database.write() as connection:
        refuse_another(connection, row)
        hold = begin(connection, row.id, Operation.SET, uuid.uuid4().hex)
        end(connection, hold, wished, f"set by {user}" if wished in {Status.CONFLICT, Status.ERROR} else "")
    keep_state(store.database, store.tree, row.id)


def _read(document: Path) -> tuple[ParsedSession | None, str]:
    """The document, or why it cannot be read; neither where there is none."""
    from xnat_import_core.documents import read_session_xml  # noqa: PLC0415 - lxml is needed from here on

    try:
        return read_session_xml(document), ""
    except NotFoundError:
        return None, ""
    except ClientError as error:
        return None, error.message


def _status(connection: Connection, hold: PrearchiveHold, parsed: ParsedSession | None) -> Status:
    built = connection.execute(select(session.c.built).where(session.c.id == hold.session_id)).scalar_one()
    is_current = parsed is not None and built == hold.version and hold.before not in _WAITING
    return Status.READY if is_current else Status.RECEIVING


def _columns(parsed: ParsedSession) -> dict[str, Any]:
    """What the row has from a document: a label that is not safe is not taken."""
    fields = parsed.fields
    columns = {
        "type": parsed.type,
        "scan_date": fields.get("date", "")[:10],
        "scan_time": fields.get("time", "")[:8],
    }
    names = {"label": fields.get("@label", ""), "subject": fields.get("subject_ID", "")}
    return columns | {name: value for name, value in names.items() if value and clean_label(value) == value}
