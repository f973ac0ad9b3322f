"""Planning an archiving: everything is decided here, nothing is written. The engine does what the blueprint says."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from sqlalchemy import Connection, Row, select

from xnat_import_core.archive.comparing import Comparison, Matches, PlannedFile, find_matches
from xnat_import_core.archive.conflicts import conflict, in_order
from xnat_import_core.archive.field_values import with_fields
from xnat_import_core.archive.inspecting import Inspection, inspect
from xnat_import_core.archive.metadata import as_document
from xnat_import_core.archive.numbering import Numbering, number_scans
from xnat_import_core.archive.requests import ArchiveRequest, MergeRules, Switches, switches_for
from xnat_import_core.archive.sides import Existing, Side, files_of, find_existing, incoming_side, label_for, path_of
from xnat_import_core.archive.subjects import ChosenSubject, choose_subject, open_claims
from xnat_import_core.database.tables import project, workflow
from xnat_import_core.errors import ClientError, NotFoundError, StorageError
from xnat_import_core.models import ArchivePlan, ExtractContext
from xnat_import_core.parameters import ImportRequest
from xnat_import_core.storage.names import requested_label
from xnat_import_core.workers.pool import Asking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from xnat_import_core.documents import ParsedSession
    from xnat_import_core.models import Conflict, Principal
    from xnat_import_core.plugin_host import PluginHost
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.store import Store
    from xnat_import_core.workers.crew import Crew

__all__ = ["Blueprint", "Planner", "archived_document"]

_ENDED: Final = ("complete", "failed", "done", "killed", "removed")


@frozen(slots=False)
class Blueprint:
    """What will be done, in every detail; ``plan`` is what is told of it.

    Attributes:
        incoming, existing: The two sides.
        document, existing_document: Of the two, as they lie on disk.
        subject: Found, or to be made.
        label, arc, folder: Of the archived session.
        folder_exists: The folder is there, whether or not an experiment is.
        switches: What may be done to what is there.
        numbering, files, strays: What becomes of scans and files.
        inspection: What lies in the incoming session's folder.
        quarantine: The experiment will be in quarantine.
        other_study: A session of another study is merged.
    """

    plan: ArchivePlan
    switches: Switches
    incoming: Side
    existing: Existing | None
    document: ParsedSession | None
    existing_document: ParsedSession | None
    subject: ChosenSubject
    label: str
    arc: str
    folder: Path
    folder_exists: bool
    numbering: Numbering
    files: tuple[PlannedFile, ...]
    strays: tuple[Path, ...]
    inspection: Inspection
    quarantine: bool
    other_study: bool = False

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """Labels of all scans that the archived session will have, by place."""
        there = self.existing.side.labels if self.existing is not None else {}
        return {**there, **self.numbering.labels}

    @cached_property
    def arriving(self) -> tuple[PlannedFile, ...]:
        """Files that go into the archive: all but those that are there."""
        return tuple(each for each in self.files if each.fate != "same")

    def folder_of(self, place: str) -> str:
        """A place's folder within the archived session's."""
        return path_of(place, self.labels)


@frozen
class Planner:
    """Plans archivings of one store.

    Attributes:
        store, host, crew: The service's.
        rules: What a merge may do.
    """

    store: Store
    host: PluginHost
    crew: Crew
    rules: MergeRules

    def blueprint(self, row: PrearchiveRow, request: ArchiveRequest, principal: Principal, deed: str = "") -> Blueprint:
        """Decide everything. ``deed``: the one that holds both sides by now; its own claims are no conflict.

        Raises:
            NotFoundError: The session, or its folder, is gone.
            InvalidRequestError: The request's label or subject is none.
            StorageError: The archived session's document cannot be read.
            PluginError: The handler could not number scans.
        """
        with self.store.database.read() as connection:
            incoming = incoming_side(connection, self.store.tree, row)
            if not incoming.folder.is_dir():
                message = "Unknown prearchive session: its folder is not on disk."
                raise NotFoundError(message)
            return _Findings(self, connection, incoming, request, principal, deed).blueprint()

    def context(self, handler_key: str) -> ExtractContext:
        """What hooks see when stored files are read again."""
        wants = self.host.calls(handler_key).wants
        return ExtractContext(handler_key, ImportRequest(), wants, self.store.settings.plugin_preferences())

    def ask(self, handler_key: str) -> Asking:
        """Asks one question after the other, on behalf of one archiving."""
        return Asking(handler_key, self.crew.inline)


class _Findings:
    """All that one plan looks at, put together once."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it looks at, each once
        self,
        planner: Planner,
        connection: Connection,
        incoming: Side,
        request: ArchiveRequest,
        principal: Principal,
        deed: str,
    ) -> None:
        self.planner = planner
        self.connection = connection
        self.incoming = incoming
        self.request = request
        self.deed = deed
        self.row = incoming.row
        self.project = connection.execute(select(project).where(project.c.id == self.row.project)).first()
        self.document, self.document_conflicts = _document_of(incoming)
        _check_fields(self.document, request)
        self.label = label_for(self.row, request)
        self.subject = choose_subject(connection, self.row.project, self._subject_texts())
        self.existing = find_existing(connection, planner.store.tree, self.row, request, principal)
        self.existing_document = archived_document(self.existing.side) if self.existing is not None else None
        self.switches = switches_for(
            request.entry, request, self.project.code if self.project else 0, _own_policy(self.row),
            planner.store.settings.compat,
        )  # fmt: skip

    def blueprint(self) -> Blueprint:
        """Put it together."""
        key = self.row.handler_key
        by_identity = self.planner.rules.use_sop_instance_uid
        numbering = number_scans(self.incoming, self.existing, self.planner.ask(key), self.planner.context(key))
        rows = files_of(self.connection, self.row.id)
        comparison = Comparison(numbering.labels, self.folder, by_identity)
        comparison.judge(rows, self._matches(by_identity=by_identity))
        inspection = inspect(self.incoming, rows, by_identity=by_identity)
        conflicts = (*self._conflicts(), *numbering.conflicts, *comparison.conflicts, *inspection.conflicts)
        plan = self._plan(numbering, comparison, inspection, self._counting(conflicts))
        return Blueprint(
            plan=plan,
            switches=self.switches,
            incoming=self.incoming,
            existing=self.existing,
            document=self.document,
            existing_document=self.existing_document,
            subject=self.subject or ChosenSubject(""),
            label=self.label,
            arc=self.arc,
            folder=self.folder,
            folder_exists=self.folder.exists(),
            numbering=numbering,
            files=tuple(comparison.files),
            strays=tuple(comparison.strays.values()),
            inspection=inspection,
            quarantine=bool(self.request.quarantine) or bool(self.project and self.project.quarantine_code == 1),
            other_study=self._is_other_study(),
        )

    # ---- where it goes

    @property
    def arc(self) -> str:
        """The project's present folder, or the one that the experiment lies in."""
        if self.existing is not None:
            return str(self.existing.experiment.arc)
        return str(self.project.current_arc) if self.project else ""

    @property
    def folder(self) -> Path:
        """Of the archived session."""
        if self.existing is not None:
            return self.existing.side.folder
        return self.planner.store.tree.experiment_folder(self.row.project, self.arc, self.label)

    def _subject_texts(self) -> Iterator[str | None]:
        if self.request.subject:
            requested_label("subject", self.request.subject)
        yield self.request.subject
        yield self.row.subject
        if self.document is not None:
            yield self.document.subject
            yield self.document.fields.get("dcmPatientName")

    def _matches(self, *, by_identity: bool) -> Matches:
        if self.existing is None:
            return Matches()
        return find_matches(self.connection, self.row.id, self.existing.side.row.id, by_identity=by_identity)

    # ---- what stands against it

    def _counting(self, conflicts: tuple[Conflict, ...]) -> tuple[Conflict, ...]:
        accepts = self.planner.store.settings.compat.identical_files == "accept"
        return in_order((each for each in conflicts if each.kind != "identical" or not accepts), self.switches)

    def _conflicts(self) -> Iterator[Conflict]:
        yield from self.document_conflicts
        if self.project is None:
            yield conflict("no_project")
        if not self.label:
            yield conflict("no_label")
        if self.subject is None:
            yield conflict("no_subject")
        if self.existing is not None:
            yield from self._against(self.existing)
        elif self.project is not None and self.label:
            yield from self._against_nothing()

    def _against_nothing(self) -> Iterator[Conflict]:
        for claim in open_claims(self.connection, self.row.project):
            if claim["deed"] != self.deed and claim.get("label") == self.label:
                yield conflict("busy", existing=self.label)
        if any(path.is_file() for path in self.folder.rglob("*")):
            yield conflict("folder", existing=self.label)

    def _against(self, existing: Existing) -> Iterator[Conflict]:
        there, came = existing.experiment, self.row
        yield conflict("exists", existing=there.label)
        if existing.side.row.locked_by not in {None, self.deed}:
            yield conflict("busy", existing=there.label)
        if there.status == "locked":
            yield conflict("locked", existing=there.label)
        if there.label != self.label:
            yield conflict("label", existing=there.label, incoming=self.label)
        if there.project != came.project:
            yield conflict("project", existing=there.project, incoming=came.project)
        if there.type != self._type() and self.planner.rules.prevent_cross_modality:
            yield conflict("modality", existing=there.type, incoming=self._type())
        if self.subject is not None and self.subject.id != there.subject:
            words = f"Invalid modification of session subject via archive process.: {there.label}"
            words += " Already Exists for another Subject"
            yield conflict("subject", words, existing=existing.subject, incoming=self.subject.label)
        if self._is_other_study() and not self.planner.rules.allow_other_study:
            yield conflict("study", existing=existing.side.studies[0], incoming=self.incoming.studies[0])
        yield from self._open_workflows(there.id)

    def _is_other_study(self) -> bool:
        """Both are studies, and not the same: a session of another format is none."""
        if self.existing is None or self.existing_document is None or self.document is None:
            return False
        named = bool(self.existing_document.uid and self.document.uid)
        return named and not set(self.incoming.studies) <= set(self.existing.side.studies)

    def _open_workflows(self, experiment_id: str) -> Iterator[Conflict]:
        query = select(workflow.c.name, workflow.c.status).where(workflow.c.experiment == experiment_id)
        for row in self.connection.execute(query.order_by(workflow.c.id)):
            if not row.status.lower().startswith(_ENDED):
                words = f"Session processing may already be in progress: {row.name}."
                yield conflict("workflow", f"{words}  Concurrent modification is discouraged.", existing=row.name)

    def _type(self) -> str:
        return self.document.type if self.document is not None else str(self.row.type)

    # ---- what is told

    def _plan(
        self, numbering: Numbering, comparison: Comparison, inspection: Inspection, conflicts: tuple[Conflict, ...]
    ) -> ArchivePlan:
        refused = {each.file for each in conflicts if each.kind in {"file", "resource", "name"}}
        paths: dict[str, list[str]] = {"added": [], "same": [], "replaced": [], "different": []}
        for each in comparison.files:
            paths["different" if each.path in refused else each.fate].append(each.path)
        lost = [path for path in comparison.strays if path not in refused]
        return ArchivePlan(
            created=self.existing is None,
            project=self.row.project,
            subject=self.subject.label if self.subject else "",
            subject_is_new=self.subject is not None and not self.subject.id,
            label=self.label,
            experiment=self.existing.experiment.id if self.existing else "",
            added=tuple(paths["added"]),
            same=tuple(paths["same"]),
            replaced=tuple(paths["replaced"]),
            different=tuple(paths["different"]),
            lost=tuple(sorted(lost)),
            renamed_scans=numbering.renamed,
            conflicts=conflicts,
            notes=_notes(inspection),
        )


def _document_of(incoming: Side) -> tuple[ParsedSession | None, tuple[Conflict, ...]]:
    from xnat_import_core.documents import read_session_xml  # noqa: PLC0415 - lxml is needed for documents only

    try:
        parsed = read_session_xml(incoming.document)
    except ClientError as error:
        return None, (conflict("document", error.message, file=incoming.document.name),)
    if {scan.id for scan in parsed.scans} != {scan.label for scan in incoming.scans}:
        return parsed, (conflict("document", file=incoming.document.name),)
    return parsed, ()


def _check_fields(document: ParsedSession | None, request: ArchiveRequest) -> None:
    """Raise InvalidRequestError for a field that the request gives and the document cannot take."""
    if document is not None and request.fields:
        with_fields(as_document(document, {scan.id: scan.id for scan in document.scans}), request.fields)


def archived_document(side: Side) -> ParsedSession:
    """The document of an archived session. Raises StorageError where it is none, or does not show its scans."""
    from xnat_import_core.documents import read_session_xml  # noqa: PLC0415 - as above

    name = side.row.label
    try:
        parsed = read_session_xml(side.document)
    except ClientError as error:
        message = f"The document of the archived session {name} is damaged; nothing was changed. {error}"
        raise StorageError(message) from error
    if {scan.id for scan in parsed.scans} != {scan.label for scan in side.scans}:
        message = f"The document of the archived session {name} does not show its scans; nothing was changed."
        raise StorageError(message)
    return parsed


def _own_policy(row: Row[Any]) -> str | None:
    """The policy that the project gave the session on arrival; a sender's wish to archive is no wish to merge."""
    return None if row.policy_origin.startswith("AA") else row.autoarchive


def _notes(inspection: Inspection) -> tuple[str, ...]:
    if not inspection.strays:
        return ()
    return (f"{len(inspection.strays)} files in the folder belong to no import; they go to the trash.",)
