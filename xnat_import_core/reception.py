"""Receiving: an upload that comes in piece by piece, into staging, before it is imported."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, Self

from sqlalchemy import update

from xnat_import_core.database.tables import import_
from xnat_import_core.errors import InvalidRequestError, LimitExceededError, UnreadableUploadError, XnatImportError
from xnat_import_core.importer import Import
from xnat_import_core.prearchive.commits import undo
from xnat_import_core.storage.durable import check_free, storage_faults
from xnat_import_core.uploads.containers import Source

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from xnat_import_core.admission import Admission, Admitted
    from xnat_import_core.archive import Archiver
    from xnat_import_core.importer import Progress
    from xnat_import_core.models import Outcome
    from xnat_import_core.parameters import ImportRequest
    from xnat_import_core.plugin_host import PluginHost
    from xnat_import_core.settings import Settings
    from xnat_import_core.storage.staging import Staging
    from xnat_import_core.store import Store
    from xnat_import_core.workers.crew import Crew

__all__ = ["Reception", "Spool"]

_CHECK_FREE_EVERY = 64 * 1024 * 1024


class Spool(Protocol):
    """A file under construction."""

    def write(self, data: bytes | memoryview) -> None:
        """Append. Raises LimitExceededError (413), StorageFullError (507), StorageError."""

    def close(self) -> None:
        """All bytes are there. Raises UnreadableUploadError if there are none."""


class Reception:
    """An import whose upload is still coming in. Leaving the ``with`` block without ``finish`` drops everything.

    Attributes:
        import_id: Key of the receipt, from the first moment on.
        request: The typed parameters as far as they are known.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - made by Service.receive only
        self,
        store: Store,
        host: PluginHost,
        crew: Crew,
        archiver: Archiver,
        admission: Admission,
        admitted: Admitted,
        staging: Staging,
    ) -> None:
        self._store = store
        self._host = host
        self._crew = crew
        self._archiver = archiver
        self._admission = admission
        self._admitted = admitted
        self._staging = staging
        self._form: list[tuple[str, str]] = []
        self._sources: list[Source] = []
        self._spool: _SpoolFile | None = None
        self._ended = False

    @property
    def import_id(self) -> str:
        """Key of the receipt."""
        return self._staging.folder.name

    @property
    def request(self) -> ImportRequest:
        """The typed parameters."""
        return self._admitted.request

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, XnatImportError):
            error.import_id = self.import_id
        self.abort(error.message if isinstance(error, XnatImportError) else "The upload was broken off.")

    def add_parameters(self, form: Iterable[tuple[str, str]]) -> None:
        """Form fields that were met so far, in body order; checked at once, with the query still winning.

        Raises:
            ClientError: As ``Service.receive``.
        """
        self._form += form
        self._admitted = self._admission.admit(self._form)

    def open_spool(self, name: str, content_type: str = "") -> Spool:
        """Where the upload's bytes go. ``name`` is the sent file name; empty if it was made up.

        Raises:
            InvalidRequestError: A second upload in one request.
        """
        if self._spool is not None:
            message = "Importer is limited to one uploaded resource at a time."
            raise InvalidRequestError(message)
        path = self._staging.spool / "upload"
        self._spool = _SpoolFile(path, self._store.settings)
        self._sources.append(Source(path, name, content_type))
        return self._spool

    def add_source(self, path: Path) -> None:
        """A file or folder that is here already; it is read in place."""
        self._sources.append(Source(path.absolute(), path.name))  # a worker process may work elsewhere

    def finish(self, progress: Progress | None = None) -> Outcome:
        """Import what was spooled. Blocking.

        Raises:
            XnatImportError: Nothing was stored; ``import_id`` is set and the receipt says why, member by member.
        """
        if not self._sources:
            message = "Unable to identify upload format. Send the file as a part of a form or as the body."
            raise InvalidRequestError(message)
        admitted = self._admitted
        with self._store.database.write(durable=False) as connection:  # recovery drops either kind
            running = {"status": "running", "handler_key": admitted.key, "planned": admitted.request.plan}
            connection.execute(update(import_).where(import_.c.id == self.import_id).values(**running))
        self._ended = True
        return Import(
            store=self._store,
            host=self._host,
            crew=self._crew,
            archiver=self._archiver,
            import_id=self.import_id,
            staging=self._staging,
            request=admitted.request,
            key=admitted.key,
            why_key=admitted.why_key,
            principal=self._admission.principal,
            sources=tuple(self._sources),
            progress=progress,
        ).run()

    def abort(self, message: str = "The upload was broken off.") -> None:
        """Drop everything that came in."""
        if self._ended:
            return
        self._ended = True
        if self._spool is not None:
            self._spool.drop()
        with suppress(XnatImportError):  # recovery undoes what is left
            undo(self._store.database, self.import_id, message, {})
        self._staging.discard()


class _SpoolFile:
    """The upload on its way to staging."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path = path
        self._limit = settings.limits.max_upload_bytes
        self._floor = settings.limits.min_free_bytes
        self._size = 0
        self._checked = 0
        with storage_faults():
            check_free(path.parent, self._floor)
            self._stream = path.open("xb", buffering=0)

    def write(self, data: bytes | memoryview) -> None:
        """Append."""
        view = memoryview(data)
        self._size += len(view)
        if self._size > self._limit:
            message = (
                f"The upload is larger than {self._limit} bytes (setting limits.max_upload_bytes). "
                "Send it in parts, or ask for a higher limit."
            )
            raise LimitExceededError(message)
        with storage_faults():
            if self._size - self._checked >= _CHECK_FREE_EVERY:
                self._checked = self._size
                check_free(self._path.parent, self._floor)
            while view:
                view = view[self._stream.write(view) or 0 :]

    def close(self) -> None:
        """All bytes are there."""
        self.drop()
        if not self._size:
            message = "The upload is empty."
            raise UnreadableUploadError(message)

    def drop(self) -> None:
        """Close the file."""
        with storage_faults():
            self._stream.close()
