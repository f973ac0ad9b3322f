"""A change of one session: a deed and the session's lock, held together from the first check to the last row."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from attrs import define

from xnat_import_core.database.changes import write_changes
from xnat_import_core.errors import (
    ServerError,
    ServiceBusyError,
    SessionConflictError,
    StorageError,
    XnatImportError,
)
from xnat_import_core.logs import event_logger, frames_of
from xnat_import_core.operations.contents import refuse_another
from xnat_import_core.operations.rows import ROWS, show_rows
from xnat_import_core.prearchive.deeds import finish, give_up, go_forward, once_forward, start_deed
from xnat_import_core.prearchive.logbook import write_log
from xnat_import_core.prearchive.machine import HoldLostError, advance, begin, end
from xnat_import_core.prearchive.state_file import keep_state
from xnat_import_core.prearchive.statuses import RULES, Status
from xnat_import_core.prearchive.sweeping import beating, begin_patiently
from xnat_import_core.storage.durable import storage_faults, sync_filesystem
from xnat_import_core.storage.redo import RedoList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from xnat_import_core.database.changes import Change as RowChange
    from xnat_import_core.models import Principal
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.prearchive.deeds import Deed
    from xnat_import_core.prearchive.machine import PrearchiveHold
    from xnat_import_core.prearchive.statuses import Operation
    from xnat_import_core.storage.staging import Staging
    from xnat_import_core.store import Store

__all__ = ["Change", "changing"]


@define
class Change:
    """A session that an operation holds.

    Attributes:
        store: The store.
        deed: The journal's entry; its id names staging and trash.
        hold: The session's lock.
        row: The session as the caller found it.
        redo: The renames that carry it out.
    """

    store: Store
    deed: Deed
    hold: PrearchiveHold
    row: PrearchiveRow
    redo: RedoList
    _is_forward: bool = False

    @property
    def staging(self) -> Staging:
        """Its private folder."""
        return self.deed.staging

    @property
    def folder(self) -> Path:
        """The session's folder."""
        return self.store.tree.session_folder(self.row.project or "", self.row.timestamp, self.row.folder)

    @property
    def document(self) -> Path:
        """The session document."""
        return self.store.tree.session_document(self.row.project or "", self.row.timestamp, self.row.folder)

    @property
    def trash(self) -> Path:
        """Where what it takes away will wait."""
        return self.store.tree.trash / self.deed.id

    def carry_out(
        self,
        rows: Sequence[RowChange],
        leaving: Path | None = None,
        claim: Callable[[Connection], None] | None = None,
    ) -> None:
        """Go forward: renames, then rows.

        Args:
            rows: What becomes of them, in order.
            leaving: A folder that is removed if nothing is left in it.
            claim: What must be free, and is taken, in the transaction that goes forward.

        Raises:
            HoldLostError: Data arrived; nothing was changed.
            StorageError: The disk failed; what was not done is done at the next start.
        """
        self.redo.write()
        write_changes(self.staging.folder / ROWS, rows)
        if self.store.settings.durability == "full":
            sync_filesystem(self.staging.descriptor)

        def forward(connection: Connection) -> None:
            advance(connection, self.hold)
            if claim is not None:
                claim(connection)
            go_forward(connection, self.deed.id, {"leaving": self.store.tree.relative(leaving) if leaving else ""})

        once_forward(self.store.database, self.deed, forward)
        self._is_forward = True
        try:
            finish(self.store.database, self.store.tree, self.deed, show_rows)
        except (OSError, XnatImportError) as error:
            message = "The disk failed while a complete change was carried out; the next start of the service ends it."
            raise StorageError(message) from error
        keep_state(self.store.database, self.store.tree, self.row.id)

    def begin_again(self) -> None:
        """Start over after data took the lock, as soon as they have arrived.

        Raises:
            LockedSessionError: They did not arrive in time.
        """
        self.staging.empty()
        self.staging.publish.mkdir()
        self.redo = RedoList(self.store.tree, self.staging.redo)
        database, patience = self.store.database, self.store.settings.busy_timeout
        self.hold = begin_patiently(database, self.row.id, self.hold.operation, self.deed.id, patience)

    def take_back(self, error: BaseException) -> None:
        """End it without effect; one that goes forward is left to recovery."""
        if self._is_forward:
            return
        status, reason = self._end_of(error)
        try:
            with self.store.database.write() as connection, suppress(HoldLostError):
                end(connection, self.hold, status, reason, getattr(error, "conflicts", ()))
            give_up(self.store.database, self.deed)
        except XnatImportError as fault:
            event_logger(deed=self.deed.id).error("undo failed", error=type(fault).__name__)
            self.staging.release()
        if reason:
            with suppress(OSError):  # a full disk must not hide why the operation failed
                write_log(self.folder, f"{self.hold.operation} failed: {reason}")
            keep_state(self.store.database, self.store.tree, self.row.id)

    def _end_of(self, error: BaseException) -> tuple[Status, str]:
        """Which status a failure leaves, and why; one that is no fault of the session leaves the one before."""
        if not isinstance(error, Exception) or isinstance(error, (HoldLostError, ServiceBusyError)):
            return self.hold.before, ""
        rule = RULES[self.hold.operation]
        return (rule.conflict if isinstance(error, SessionConflictError) else rule.error), str(error)


@contextmanager
def changing(
    store: Store, kind: str, row: PrearchiveRow, operation: Operation, principal: Principal
) -> Iterator[Change]:
    """A change of a session; what the block raises takes everything back.

    Raises:
        SessionConflictError: Somebody else works on the session.
        NotFoundError: It is gone.
    """
    with storage_faults():
        change = _begun(store, kind, row, operation, principal)
    with beating(store.database, change.deed.id):
        try:
            with _known_faults(change.deed.id), storage_faults():
                yield change
        except BaseException as error:
            change.take_back(error)
            raise


def _begun(store: Store, kind: str, row: PrearchiveRow, operation: Operation, principal: Principal) -> Change:
    project = row.project or ""
    deed = start_deed(store.database, store.tree, kind, user=principal.name, project=project, session_id=row.id)
    try:
        with store.database.write() as connection:
            hold = begin(connection, row.id, operation, deed.id)
            refuse_another(connection, row)
    except BaseException:
        give_up(store.database, deed)
        raise
    return Change(store, deed, hold, row, RedoList(store.tree, deed.staging.redo))


@contextmanager
def _known_faults(deed_id: str) -> Iterator[None]:
    """What nobody expected is told to the log, and to the caller without its words: they may hold patient data."""
    try:
        yield
    except XnatImportError:
        raise
    except Exception as error:
        facts = {"error": type(error).__name__, "frames": frames_of(error)}
        event_logger(deed=deed_id).error("unexpected fault", **facts)
        message = "The service failed; the session's files are as they were."
        raise ServerError(message) from error
