"""The steps of one archiving, in order (chapter 8.2). Nothing is changed before all is decided, and staged aside."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve, frozen
from sqlalchemy import select

from xnat_import_core.archive.conflicts import conflict, in_order, refusal
from xnat_import_core.archive.delivery import event_of, payload_of
from xnat_import_core.archive.digesting import digest_files
from xnat_import_core.archive.elsewhere import ask_plugins, take_leave
from xnat_import_core.archive.finishing import ARCHIVE, MERGE, carry_out
from xnat_import_core.archive.locking import claim, lock_sides
from xnat_import_core.archive.moving import Mover
from xnat_import_core.archive.refusing import UNKNOWN, refuse
from xnat_import_core.archive.renames import Renames
from xnat_import_core.archive.rows import MergedRows, NewRows
from xnat_import_core.archive.undo_list import UNDO_LIST, UndoList, sha256_of_document
from xnat_import_core.database.tables import experiment
from xnat_import_core.errors import ServerError, XnatImportError
from xnat_import_core.models import ArchiveOutcome
from xnat_import_core.prearchive.deeds import give_up
from xnat_import_core.storage.durable import storage_faults
from xnat_import_core.storage.tree import experiment_uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from xnat_import_core.archive.composing import Composition
    from xnat_import_core.archive.digesting import Digests
    from xnat_import_core.archive.given import Given
    from xnat_import_core.archive.locking import Locked
    from xnat_import_core.archive.planning import Blueprint, Planner
    from xnat_import_core.archive.requests import Task
    from xnat_import_core.database.changes import Change
    from xnat_import_core.models import Conflict
    from xnat_import_core.store import Store

__all__ = ["Archiving"]


@frozen
class Archiving:
    """One archiving, under its deed."""

    planner: Planner
    task: Task

    def run(self) -> ArchiveOutcome:
        """Archive the session, or change nothing but its status."""
        locked = self._lock()
        try:
            with storage_faults():
                return self._archive(locked)
        except BaseException as error:
            refuse(self._store, self.task.deed, locked.incoming, error)
            if isinstance(error, XnatImportError) or not isinstance(error, Exception):
                raise
            raise ServerError(UNKNOWN) from error

    def _archive(self, locked: Locked) -> ArchiveOutcome:
        task = self.task
        blueprint = self.planner.blueprint(task.row, task.request, task.principal, task.deed.id)
        elsewhere = ask_plugins(self.planner, blueprint, task.request)
        if elsewhere is not None:
            return take_leave(self._store, task, blueprint, elsewhere, locked.incoming)
        if standing := self._conflicts(blueprint, locked):
            raise refusal(standing)
        digests = self._digest(blueprint)
        given = self._claim(blueprint)
        composition = self._compose(blueprint, given, digests)
        self._carry_out(blueprint, given, digests, composition, locked)
        return self._outcome(blueprint, given)

    @property
    def _store(self) -> Store:
        return self.planner.store

    # ---- the steps

    def _lock(self) -> Locked:
        try:
            with self._store.database.write() as connection:
                return lock_sides(connection, self._store.tree, self.task)
        except BaseException:
            give_up(self._store.database, self.task.deed)
            raise

    def _conflicts(self, blueprint: Blueprint, locked: Locked) -> tuple[Conflict, ...]:
        """Those of the plan; and one more where the target was not free, even if it is by now."""
        found = blueprint.plan.conflicts
        if locked.holds(blueprint) or any(each.kind in {"busy", "no_label", "no_project"} for each in found):
            return found
        return in_order((*found, conflict("busy", existing=blueprint.label)), blueprint.switches)

    def _digest(self, blueprint: Blueprint) -> Mapping[int, Digests]:
        """The digests of every file that goes into the archive; one that is not what was received is told."""
        side = blueprint.incoming
        paths = {each.row.id: side.path_of(each.row) for each in blueprint.arriving}
        files = [(each.row, side.folder / paths[each.row.id]) for each in blueprint.arriving]
        digests = digest_files(files, self.planner.crew, side.row.handler_key)
        changed = (conflict("changed", file=paths[number]) for number, made in digests.items() if made.changed)
        if standing := in_order(changed, blueprint.switches):
            raise refusal(standing)
        return digests

    def _claim(self, blueprint: Blueprint) -> Given:
        with self._store.database.write() as connection:
            return claim(connection, blueprint, self.task, self._store.settings.site_id)

    def _compose(self, blueprint: Blueprint, given: Given, digests: Mapping[int, Digests]) -> Composition:
        from xnat_import_core.archive.composing import Composer  # noqa: PLC0415 - lxml is needed from here on

        key = blueprint.incoming.row.handler_key
        return Composer(
            blueprint, given, digests, self.task.request, self._store, self.task.deed.staging,
            self.planner.ask(key), self.planner.context(key),
        ).compose()  # fmt: skip

    def _carry_out(
        self,
        blueprint: Blueprint,
        given: Given,
        digests: Mapping[int, Digests],
        composition: Composition,
        locked: Locked,
    ) -> None:
        renames = Renames.of(self._store.tree, self.task.deed)
        Mover(blueprint, composition, renames).list_renames()
        row, scans = blueprint.incoming.row, len(blueprint.incoming.scans)
        event = event_of(blueprint, given, self.task.request, composition.document.type)
        payload = payload_of(event, row, scans, blueprint.plan)
        kind = NewRows if blueprint.existing is None else MergedRows
        rows = kind(blueprint, given, composition, digests, self.task.request, locked.incoming.before, payload)
        self._write_undo(renames, rows.back(), composition)
        keep = timedelta(days=self._store.settings.keep_trash_days)
        holds = [hold for hold in (locked.incoming, locked.existing) if hold is not None]
        leaving = self._store.tree.relative(blueprint.incoming.folder.parent)
        carry_out(
            self._store, self.task.deed, renames.redo, rows.forward(), holds,
            leaving=leaving, claims=given.claims, claim=partial(_refuse_taken_label, blueprint),
            kind=ARCHIVE if blueprint.existing is None else MERGE, experiment=given.experiment,
            undo_until=given.at + keep,
        )  # fmt: skip

    def _write_undo(self, renames: Renames, changes: Iterable[Change], composition: Composition) -> None:
        staged = self.task.deed.staging.publish / UNDO_LIST
        document = sha256_of_document(composition.staged_document)
        UndoList(document, renames.back, tuple(changes)).write(staged)
        renames.redo.publish(staged, renames.trash / UNDO_LIST)

    def _outcome(self, blueprint: Blueprint, given: Given) -> ArchiveOutcome:
        plan = blueprint.plan
        if plan.subject_is_new and (given.subject.label != plan.subject or not given.subject.is_new):
            plan = evolve(plan, subject=given.subject.label, subject_is_new=False)  # another session was faster
        uri = experiment_uri(plan.project, plan.subject, plan.label)
        return ArchiveOutcome(uri, given.experiment, self.task.deed.id, plan)


def _refuse_taken_label(blueprint: Blueprint, connection: Connection) -> None:
    """Whatever else makes experiments: two of one label never go forward."""
    if blueprint.existing is None:
        named = (experiment.c.project == blueprint.plan.project) & (experiment.c.label == blueprint.label)
        if connection.execute(select(experiment.c.id).where(named)).first() is not None:
            raise refusal((conflict("exists", existing=blueprint.label),))
