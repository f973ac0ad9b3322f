"""``Service``: the one object an embedder holds."""

from __future__ import annotations

import fcntl
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

from attrs import frozen
from sqlalchemy import insert

from xnat_import_core import archive, operations
from xnat_import_core.admission import Admission
from xnat_import_core.archive import Archive, Archiver, MergeRules
from xnat_import_core.database import Database
from xnat_import_core.database.tables import import_
from xnat_import_core.errors import InvalidRequestError
from xnat_import_core.importer import Progress
from xnat_import_core.operations import Operations, Rebuilder
from xnat_import_core.plugin_host import InstalledPlugins, PluginHost
from xnat_import_core.prearchive import Prearchive
from xnat_import_core.prearchive.recovery import expire_trash, recover
from xnat_import_core.projects import Projects
from xnat_import_core.receipts.store import Receipts
from xnat_import_core.reception import Reception, Spool
from xnat_import_core.storage.durable import check_free, storage_faults
from xnat_import_core.storage.staging import Staging, start_lock
from xnat_import_core.storage.tree import Tree
from xnat_import_core.store import Store
from xnat_import_core.upkeep import Rounds
from xnat_import_core.workers.crew import crew_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from xnat_import_core.models import Action, Outcome, Principal
    from xnat_import_core.plugin_host import PluginReport, PluginSource
    from xnat_import_core.receipts import ImportSummary, ReceiptLine
    from xnat_import_core.settings import Settings

__all__ = ["Owner", "Progress", "Reception", "Service", "Spool"]

_FINISHERS: Final = MappingProxyType({**archive.FINISHERS, **operations.FINISHERS})
_HYPHENATED = {
    name.replace("-", "_"): name
    for name in (
        "Direct-Archive", "Ignore-Unparsable", "auto-archive", "http-session-listener", "import-handler",
        "prearc-importer",
    )
}  # fmt: skip


@frozen
class Owner:
    """The store's owner: may do everything."""

    name: str = "admin"

    def may(self, action: Action, project: str | None) -> bool:  # noqa: ARG002 - a Principal's question
        """Yes."""
        return True


class Service:
    """XNAT's import service on one store.

    ``with Service(Settings(store=path)) as service: outcome = service.import_upload(path)``

    Attributes:
        settings: As given.
        database: The store's database, for those who keep their own tables in it.
        projects: Projects and their settings.
        prearchive: The waiting room: listing and reading sessions.
        operations: What can be done with a session that waits: build, commit, move, delete.
        archiver: Plans, archives, takes back.
        archive: The final space: listing and reading.
        owner: A principal that may do everything: the command line acts as it.
    """

    def __init__(self, settings: Settings, plugins: PluginSource | None = None) -> None:
        """``plugins``: an explicit set; ``None``: what is installed (entry points)."""
        self.settings = settings
        tree = Tree(settings.store.absolute())
        url = settings.database or f"sqlite:///{tree.database}"
        self.database = Database(url, busy_timeout=settings.busy_timeout)
        self.projects = Projects(self.database, settings.preferences.new_project_code)
        self.prearchive = Prearchive(self.database, tree)
        self.owner: Principal = Owner()
        self._store = Store(settings, tree, self.database, self.projects)
        self._receipts = Receipts(self.database, tree)
        source = plugins or InstalledPlugins(settings.plugins)
        self._host = PluginHost(source, settings.plugins)
        self._crew = crew_for(settings, self._host, source)
        self.archive = Archive(self.database, tree)
        self.archiver = Archiver(self._store, self._host, self._crew, _merge_rules(settings))
        self.operations = Operations(self._store, self._host, self._crew, self.archiver)
        self._started = False

    def start(self) -> None:
        """Open the store, migrate the database, recover what a killed process left. Idempotent.

        Raises:
            StorageError: The store cannot be opened.
        """
        if self._started:
            return
        tree = self._store.tree
        with storage_faults():
            tree.make()
            with start_lock(tree.start_lock, fcntl.LOCK_EX):
                self.database.migrate("xnat_import_core.database", "xnat_import_version")
                recover(self.database, tree, _FINISHERS)
                self.archiver.expire(datetime.now(UTC))
                expire_trash(tree, self.settings.keep_trash_days)
                self._receipts.expire(self.settings.keep_receipts_days)
        self._started = True
        self.archiver.deliver_waiting()

    def close(self) -> None:
        """Finish what runs, release the store."""
        self._crew.close()
        self.database.close()
        self._started = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm(self) -> None:
        """Have a worker process ready, so that the first import does not wait for it. Nothing where there are none."""
        self.start()
        self._crew.warm()

    @contextmanager
    def upkeep(self) -> Iterator[None]:
        """Build idle sessions, archive what the policy wants, and give dead locks back, while the block runs.

        One process of a store is enough; several do no harm.
        """
        self.start()
        rebuilder = Rebuilder(
            self._store, self.operations, self.prearchive, self.owner, self.settings.rebuilder_minutes
        )
        with Rounds(self._store, rebuilder, _FINISHERS).going_on(self.settings.rebuilder_seconds):
            yield

    def handlers(self) -> tuple[PluginReport, ...]:
        """Every handler and extension that is installed, or why it could not be loaded."""
        return self._host.reports()

    def receive(self, query: Iterable[tuple[str, str]], principal: Principal, *, media_type: str = "") -> Reception:
        """Begin an import that comes in piece by piece. Everything that can be refused is refused here.

        Args:
            query: Parameters of the query string, in order, as sent.
            principal: Who asks.
            media_type: Of the request's body; takes part in choosing the handler.

        Raises:
            ClientError: Bad or contradicting parameters (400), unknown handler or project (404), no right to create
                (403), a busy destination (409).
            ServiceBusyError, StorageFullError: Not now.
        """
        self.start()
        admission = Admission(self._store, self._host, tuple(query), principal, media_type)
        admitted = admission.admit()
        with storage_faults():
            check_free(self._store.tree.root, self.settings.limits.min_free_bytes)
            staging = self._begin(principal, admitted.key)
        return Reception(self._store, self._host, self._crew, self.archiver, admission, admitted, staging)

    def import_upload(
        self,
        *paths: Path | str,
        principal: Principal | None = None,
        progress: Progress | None = None,
        **parameters: str | bool,
    ) -> Outcome:
        """Import files, archives or folders that are already here: read in place, never changed.

        Args:
            paths: One or more; several are one import, in order.
            principal: Who asks; ``None``: the owner.
            progress: Told how far it is.
            parameters: As in a query string: ``project="P"``, ``dest="/prearchive/projects/P"``; a ``-`` in a name is
                written ``_`` (``import_handler="SI"``).

        Raises:
            XnatImportError: Nothing was stored.
        """
        query = [(_HYPHENATED.get(name, name), _text(value)) for name, value in parameters.items()]
        with self.receive(query, principal or self.owner) as reception:
            for path in map(Path, paths):
                if not path.exists():
                    message = f"There is no file or folder {path.name!r} to import."
                    raise InvalidRequestError(message)
                reception.add_source(path)
            return reception.finish(progress)

    def receipt(self, import_id: str) -> ImportSummary:
        """How an import ended. Raises NotFoundError."""
        return self._receipts.summary(import_id)

    def receipt_lines(self, import_id: str) -> Iterator[ReceiptLine]:
        """The fate of every member, in the order of the upload. Raises NotFoundError."""
        return self._receipts.lines(import_id)

    def _begin(self, principal: Principal, key: str) -> Staging:
        """The import's row, then its staging folder: in this order, and not while somebody recovers."""
        import_id = uuid.uuid4().hex
        values = {
            "id": import_id,
            "handler_key": key,
            "user": principal.name,
            "status": "receiving",
            "started_at": datetime.now(UTC),
        }
        with start_lock(self._store.tree.start_lock, fcntl.LOCK_SH):
            with self.database.write(durable=False) as connection:  # without it recovery sweeps the folder all the same
                connection.execute(insert(import_).values(**values))
            return Staging(self._store.tree.staging / import_id).make()


def _merge_rules(settings: Settings) -> MergeRules:
    preferences = settings.preferences
    return MergeRules(
        prevent_cross_modality=preferences.prevent_cross_modality_merge,
        allow_other_study=preferences.session_merging_uid_mod,
        use_sop_instance_uid=preferences.use_sop_instance_uid,
    )


def _text(value: str | bool) -> str:  # noqa: FBT001 - a parameter's value
    return str(value).lower() if isinstance(value, bool) else value
