"""Asking a session's handler again what it is, from the folds of what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import select

from xnat_import_core.database.tables import file
from xnat_import_core.errors import ServerError, UnknownHandlerError
from xnat_import_core.folds import Fold, load_fold, merge
from xnat_import_core.models import ExtractContext, StoredAt
from xnat_import_core.operations.pet_mr import preferences_for
from xnat_import_core.parameters import ImportRequest
from xnat_import_core.placing.describing import describe_placement, resources_of
from xnat_import_core.placing.folding import PlaceFold, batches, unpickled
from xnat_import_core.receipts.ledger import Ledger
from xnat_import_core.workers.jobs import FoldingAgain
from xnat_import_core.workers.members import stored_member
from xnat_import_core.workers.pool import Asking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xnat_import_core.operations.contents import Contents
    from xnat_import_core.placing.describing import Described
    from xnat_import_core.plugin_host import HookCalls, PluginHost
    from xnat_import_core.store import Store
    from xnat_import_core.workers.crew import Crew
    from xnat_import_core.workers.members import LoadedMember

__all__ = ["Describer"]


@frozen
class Describer:
    """Asks a session's handler what it is.

    Attributes:
        store, host, crew: The service's.
    """

    store: Store
    host: PluginHost
    crew: Crew

    def describe(self, contents: Contents, **preferences: object) -> Described:
        """Ask ``describe`` with the folds of what is stored; scans keep their IDs.

        Args:
            contents: The session, or a part of it.
            preferences: Such that win over those of project and site.

        Raises:
            PluginError, ClientError: The handler or an extension fails, or what they say is wrong.
            ServerError: The handler is not installed any more.
        """
        calls = self._calls(contents.columns["handler_key"])
        workers = self.crew.suited(contents.file_count, contents.file_size)
        ask = Asking(calls.key, workers)
        known = preferences_for(self.store, contents.columns["project"])
        context = ExtractContext(calls.key, ImportRequest(), calls.wants, {**known, **preferences})
        placement = contents.placement()
        resources = resources_of(placement, Ledger(), self.store.database)
        here = {place: found for place, found in resources.items() if place in contents.places}
        return describe_placement(placement, self._folds(contents, ask, context), here, ask, context)

    def _calls(self, key: str) -> HookCalls:
        try:
            return self.host.calls(key)
        except UnknownHandlerError as error:
            message = f"The handler {key} that made this session is not installed; the last document stays."
            raise ServerError(message) from error

    def _folds(self, contents: Contents, ask: Asking, context: ExtractContext) -> list[PlaceFold]:
        """Those of scans are kept with their rows, others are made from the files."""
        scans = [PlaceFold(f"scan:{row.key}", row.label, load_fold(row.fold)) for row in contents.scans]
        others = [place for place in contents.places if not place.startswith("scan:")]
        return scans + [PlaceFold(place, None, self._refold(contents, place, ask, context)) for place in others]

    def _refold(self, contents: Contents, place: str, ask: Asking, context: ExtractContext) -> Fold:
        folded: Fold = {}
        for batch in batches(self._members(contents, place)):
            part = ask(FoldingAgain(tuple(batch), context))
            if part is not None:
                merge(folded, part)
        return folded

    def _members(self, contents: Contents, place: str) -> Iterator[LoadedMember]:
        folder = contents.session_folder(self.store.tree) / contents.folder_of(place)
        here = (file.c.session_id == contents.columns["id"]) & (file.c.place == place) & file.c.pending.is_(False)
        with self.store.database.read() as connection:
            rows = connection.execute(select(file).where(here).order_by(file.c.id)).all()
        for row in rows:
            at = StoredAt(row.tag, None, row.resource)
            yield stored_member(folder / row.resource / row.name, row.id, row.member_name, unpickled(row.hint), at)
