"""The typed calls: one method for each hook, and the only place that looks at ``pm.hook``.

It asks one plugin after the other itself, because pluggy neither tells who answered, nor checks an answer, nor goes on
when one raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from xnat_import_core.errors import PluginError, XnatImportError
from xnat_import_core.plugin_host import answers
from xnat_import_core.plugin_host.added_fields import with_fields
from xnat_import_core.plugin_host.asking import Implementation, ask, implementations
from xnat_import_core.plugin_host.faults import Answerer
from xnat_import_core.plugin_host.managers import CORE, build_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from xnat_import_core.models import (
        Archived,
        ArchivePolicy,
        ArchiveSession,
        Arrangement,
        Conflict,
        DescribeContext,
        Destination,
        Detection,
        Extension,
        ExtractContext,
        Fields,
        Handler,
        Ignored,
        ImportedFile,
        IncomingSession,
        MappingRequest,
        Member,
        Outcome,
        Proposal,
        Refused,
        Rejected,
        SessionDocument,
        SessionOutcome,
        StagedFile,
        StoredSession,
        TransformContext,
        Upload,
    )
    from xnat_import_core.plugin_host.events import EventLog
    from xnat_import_core.plugin_host.loading import Loaded

__all__ = ["HookCalls"]


class HookCalls:
    """The hooks of one handler key, typed. Any thread may call; nothing changes once it is made.

    Every method raises ``PluginError`` (plugin, distribution, hook, members) where a plugin raised or answered what it
    must not answer; questions hand on a plugin's ``ClientError``. Each call is an event at DEBUG, with its time.

    Attributes:
        key: The handler's key.
        handler: Its record.
        wants: Names of the facts that the extensions ask for.
        distribution: What brought the handler.
        version: Of the distribution.
        has_arrange: The handler answers ``arrange``.
        has_transform: There is an extension that may change files.
    """

    def __init__(self, handler: Loaded, extensions: Sequence[Loaded], log: EventLog) -> None:
        self.key = handler.claim.key
        self.handler = cast("Handler", handler.record)
        self.distribution = handler.claim.distribution
        self.version = handler.claim.version
        self.wants = frozenset(name for loaded in extensions for name in cast("Extension", loaded.record).wants)
        self._log = log
        self._extensions = frozenset(loaded.claim.key for loaded in extensions)
        names = {id(p.plugin): Answerer(p.claim.key, p.claim.distribution) for p in (handler, *extensions)}
        manager = build_manager(handler, extensions)
        self._by_hook: Mapping[str, tuple[Implementation, ...]] = implementations(manager, names, CORE)
        self.has_arrange = bool(self._by_hook["arrange"])
        self.has_transform = bool(self._by_hook["transform_files"])

    def asked(self, hook: str) -> tuple[Answerer, ...]:
        """Plugins whose functions a call of this hook runs; none: the core answers it, or nobody."""
        return tuple(each.who for each in self._by_hook.get(hook, ()) if each.who is not CORE)

    # ---- the handler's own questions

    def detect(self, upload: Upload) -> Detection | None:
        """Whether an upload is this handler's; a fault counts as "no" and is logged."""
        try:
            found = next(self._answers("detect", answers.check_detection, upload=upload), None)
        except XnatImportError as error:
            self._log.error(
                "detect failed", plugin=self.key, distribution=self.distribution, error=type(error).__name__
            )
            return None
        return cast("Detection", found[1]) if found else None

    def arrange(self, upload: Upload, context: ExtractContext) -> Arrangement | None:
        """Which members must be read together; every index is known and named once, every hint is small."""

        def check(answer: object) -> str | None:
            return answers.check_arrangement(answer, [entry.index for entry in upload.members])

        found = next(self._answers("arrange", check, upload=upload, context=context), None)
        return cast("Arrangement", found[1]) if found else None

    def extract(
        self, members: tuple[Member, ...], context: ExtractContext
    ) -> tuple[ImportedFile | Rejected | Ignored, ...]:
        """What each member is: one record for each, in member order.

        A batch that fails is tried again member by member, only to name the culprits; it fails all the same.
        """
        try:
            return self._extract(members, context)
        except PluginError as fault:
            names = self._culprits(members, context) or [member.name for member in members]
            msg = "extract"
            raise self._by_hook["extract"][0].fault(msg, fault, names) from fault

    def _extract(
        self, members: tuple[Member, ...], context: ExtractContext
    ) -> tuple[ImportedFile | Rejected | Ignored, ...]:
        implementation = self._by_hook["extract"][0]
        answer = ask(implementation, "extract", self._log, members=members, context=context)
        wrong = answers.check_extracted(answer, members)
        if wrong:
            msg = "extract"
            raise implementation.wrong(msg, wrong, self._log)
        return cast("tuple[ImportedFile | Rejected | Ignored, ...]", answer)

    def _culprits(self, members: tuple[Member, ...], context: ExtractContext) -> list[str]:
        names = []
        for member in members if len(members) > 1 else ():
            try:
                self._extract((member,), context)
            except XnatImportError:
                names.append(member.name)
        return names

    # ---- one session

    def map_destination(self, session: IncomingSession, request: MappingRequest) -> tuple[tuple[str, Proposal], ...]:
        """Who proposes what: extensions in their order, the handler, the core's default."""
        found = self._answers("map_destination", answers.check_proposal, session=session, request=request)
        return tuple((who, cast("Proposal", answer)) for who, answer in found)

    def review_session(self, session: IncomingSession, destination: Destination) -> tuple[tuple[str, Refused], ...]:
        """Who filters what out: the union of all answers."""
        scans = [scan.key for scan in session.scans]

        def check(answer: object) -> str | None:
            return answers.check_refusals(answer, scans)

        found = self._answers("review_session", check, review=True, session=session, destination=destination)
        return tuple((who, refused) for who, answer in found for refused in cast("tuple[Refused, ...]", answer))

    def transform_files(
        self, files: tuple[StagedFile, ...], context: TransformContext
    ) -> tuple[tuple[str, Rejected], ...]:
        """Let each extension change staged files in place; the next one sees what it left, without what it rejected."""
        rejected: list[tuple[str, Rejected]] = []
        for implementation in self._by_hook["transform_files"]:
            gone = {record.member for _, record in rejected}
            left = tuple(file for file in files if file.member not in gone)
            answer = ask(implementation, "transform_files", self._log, review=True, files=left, context=context)
            wrong = None if answer is None else answers.check_rejections(answer, [file.member for file in left])
            if wrong:
                msg = "transform_files"
                raise implementation.wrong(msg, wrong, self._log)
            records = cast("tuple[Rejected, ...] | None", answer) or ()
            rejected.extend((implementation.who.name, record) for record in records)
        return tuple(rejected)

    def describe(self, session: StoredSession, context: DescribeContext) -> tuple[str, SessionDocument]:
        """Who wrote the session document, and the document: the handler, else the core. Every scan is in it once."""
        scans = [scan.key for scan in session.scans]
        added: list[Fields] = []
        for implementation in self._by_hook["describe"]:
            extends = implementation.who.name in self._extensions
            answer = ask(implementation, "describe", self._log, session=session, context=context)
            if answer is None:
                continue
            wrong = answers.check_added_fields(answer) if extends else answers.check_document(answer, scans)
            if wrong:
                msg = "describe"
                raise implementation.wrong(msg, wrong, self._log)
            if not extends:
                return implementation.who.name, with_fields(cast("SessionDocument", answer), added)
            added.append(cast("Fields", answer))
        raise AssertionError  # the core's default always answers

    def archive(self, session: ArchiveSession, policy: ArchivePolicy) -> tuple[str, Archived | Conflict] | None:
        """Who archives instead of the core, or who refuses; ``None``: the core itself is to archive."""
        found = next(self._answers("archive", answers.check_archive, session=session, policy=policy), None)
        return (found[0], cast("Archived | Conflict", found[1])) if found else None

    # ---- announcements

    def import_finished(self, outcome: Outcome) -> None:
        """Tell every extension; what goes wrong is logged and changes nothing."""
        self._announce("import_finished", outcome=outcome)

    def session_archived(self, archived: Archived, session: SessionOutcome) -> bool:
        """Tell every extension; what goes wrong is logged and changes nothing. True if nothing did."""
        return self._announce("session_archived", archived=archived, session=session)

    def _announce(self, hook: str, **arguments: object) -> bool:
        well = True
        for implementation in self._by_hook[hook]:
            try:
                ask(implementation, hook, self._log, review=True, **arguments)
            except XnatImportError as error:
                who = implementation.who
                well = False
                self._log.error(
                    "announcement failed",
                    plugin=who.name,
                    distribution=who.distribution,
                    hook=hook,
                    error=type(error).__name__,
                )
        return well

    def _answers(
        self, hook: str, check: Callable[[object], str | None], *, review: bool = False, **arguments: object
    ) -> Iterator[tuple[str, object]]:
        """Ask one after the other, lazily; give who answered and the answers that are not ``None``, checked."""
        for implementation in self._by_hook[hook]:
            answer = ask(implementation, hook, self._log, review=review, **arguments)
            if answer is None:
                continue
            wrong = check(answer)
            if wrong:
                raise implementation.wrong(hook, wrong, self._log)
            yield implementation.who.name, answer
