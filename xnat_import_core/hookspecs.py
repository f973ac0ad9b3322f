"""The whole contract between the core and its plugins: every hook, written for a stranger.

A plugin is a module with functions marked ``@hookimpl``. A *handler* is chosen by its key and declares
``HANDLER = Handler(...)``; an *extension* takes part in every import and declares ``EXTENSION = Extension(...)``.
Only ``extract`` is needed for a new handler.

Three kinds of hook:

* a **question** has one answer and may fail the import: extensions are asked first, then the handler, then the core's
  default; the first that is not ``None`` counts (``map_destination``: each is asked, answers are combined);
* a **review** is put to all of them, and every answer counts;
* an **announcement** tells all of them, after the fact; answers are dropped, exceptions only logged.

Rules for all: plain functions with a subset of the arguments named here, called by keyword. No ``async``, no
generators, no hook wrappers: each is refused when the plugin is loaded, for pluggy would take a coroutine or an empty
generator for an answer. Hooks run in threads or in worker processes: keep no state between calls. An exception that
is not one of the ``ClientError`` kinds becomes a ``PluginError`` naming plugin, distribution and hook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from xnat_import_core.models import (
        Archived,
        ArchivePolicy,
        ArchiveSession,
        Arrangement,
        Conflict,
        DescribeContext,
        Destination,
        Detection,
        ExtractContext,
        Fields,
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

__all__ = ["PROJECT_NAME", "SPEC_VERSION", "hookimpl", "hookspec"]

PROJECT_NAME = "xnat_import"
SPEC_VERSION = 1

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def detect(upload: Upload) -> Detection | None:
    """Say whether an upload is this handler's.

    When: once for each upload that came without a handler key, and only if the site turned detection on.
    Who answers: every handler (a review); extensions are not asked. The single highest confidence wins; a tie at the
    top fails the import with an error that names both.
    Arguments: ``upload`` gives name, media type, size, the first 64 KiB and the list of members.
    Returns: a ``Detection``, or ``None`` for "not mine".
    If it raises: logged, and counted as ``None``.
    Where: in the service's process, in the thread of the import.
    """


@hookspec(firstresult=True)
def arrange(upload: Upload, context: ExtractContext) -> Arrangement | None:
    """Say which members must be read together.

    When: once for each upload, after the core's limits and before ``extract``. Optional.
    Who answers: the chosen handler.
    Arguments: ``upload.members`` has index, name and size of each; ``upload.read(index, limit)`` reads a beginning.
    Returns: an ``Arrangement``; a member that it does not name is a group of one. A group's hint comes with each of
    its members and pickles to at most 64 KiB. ``None``: every member is a group of one.
    If it raises, or names a member twice or one that is not there: the import fails.
    Where: in a worker.
    """


@hookspec(firstresult=True)
def extract(  # type: ignore[empty-body]  # a specification
    members: tuple[Member, ...], context: ExtractContext
) -> tuple[ImportedFile | Rejected | Ignored, ...]:
    """Say what each member is: which session and scan, which resource, and what its header says.

    When: once for each batch (at most 128 members or 8 MiB, whichever first; a group is never divided). Called again
    on stored or transformed files by build, merge and rebuild: then ``member.stored`` is set.
    Who answers: the chosen handler. This is the one hook that a handler must have.
    Order: none is promised; batches run beside each other. The function must be pure: the same bytes, name and hint
    give the same answer, whatever was asked before.
    Arguments: ``member.head(n)`` and ``member.open()`` read; ``member.name`` is text, never a path.
    Returns: a tuple with one record for each member, in member order: ``ImportedFile``, ``Rejected`` for one that is
    bad, ``Ignored`` for one that is no data. Never ``None``, never a generator.
    If it raises: the import fails, naming plugin and members. One bad member is a ``Rejected``, not an exception.
    Where: in a worker.
    """


@hookspec
def map_destination(session: IncomingSession, request: MappingRequest) -> Proposal | None:
    """Propose where a session goes.

    When: once for each session (grouping key) of an import, after all its members were extracted.
    Who answers: extensions in name order, the handler, the core's default; each is asked.
    Arguments: ``session.facts`` are the folded facts as received; ``request.parameters`` is the typed request;
    ``request.may_create(project)`` looks a project up by ID or alias.
    Returns: a ``Proposal`` with ordered candidates for each field, or ``None`` for "no opinion". The core fills each
    field from the request, then from the proposals in the order above; it skips projects that do not exist or in
    which the caller may not create, and makes labels safe. The reason is told in the receipt.
    If it raises: a ``ClientError`` goes to the caller, anything else is a ``PluginError``; the import fails.
    Where: in the service's process.
    """


@hookspec
def review_session(session: IncomingSession, destination: Destination) -> tuple[Refused, ...] | None:
    """Filter out scans or members before anything is placed.

    When: once for each session, after its destination is known.
    Who answers: extensions, then the handler (a review); the union of the refusals counts.
    Returns: ``Refused`` records naming a scan by key, one member by index, or neither for the whole session; their
    members end as ``filtered``. ``None``: nothing refused.
    If it raises: the import fails (fails closed).
    Where: in the service's process.
    """


@hookspec
def transform_files(files: tuple[StagedFile, ...], context: TransformContext) -> tuple[Rejected, ...] | None:
    """Change staged files before anything permanent is written: de-identification, for example.

    When: for each batch of one session's staged files, after ``review_session``.
    Who answers: extensions, one after the other in name order, each seeing what the one before left.
    Arguments: ``StagedFile.path`` may be rewritten in place; nobody else sees it. Files that changed are extracted
    and digested again; the receipt has the digest received and the digest stored.
    Returns: ``Rejected`` records for files that must not be stored, or ``None``.
    If it raises: the import fails (fails closed): a de-identification that failed must not look like one that ran.
    Where: in a worker.
    """


@hookspec
def describe(session: StoredSession, context: DescribeContext) -> SessionDocument | Fields | None:
    """Give the session document: type and fields of the session and of each scan, and the scans' IDs.

    When: once for each session when it is placed, and again when it is built, merged or rebuilt.
    Who answers: extensions, each with ``Fields`` to add; then the chosen handler, else the core's default, with the
    document (a fact that all files agree on is written, one with several values is left out, the type follows the
    modality).
    Arguments: ``session`` has the folds of the stored bytes; a scan that was given an ID earlier has it, and keeps it.
    Returns: a ``SessionDocument`` with every scan of the session, fields by XNAT path; the core orders them by the
    schema and leaves out what would not be valid. Labels, project and subject are the core's. An extension's
    ``Fields`` never replace a field of the document, nor one of an extension that was asked before.
    If it raises: the import fails with a ``PluginError``; at a later build the session becomes ERROR, its files stay.
    Where: in a worker.
    """


@hookspec(firstresult=True)
def archive(session: ArchiveSession, policy: ArchivePolicy) -> Archived | Conflict | None:
    """Archive a prearchive session somewhere else than the core would.

    When: once for each session that is archived.
    Who answers: extensions, the handler, the core's default; the first answer counts.
    Returns: ``Archived``, a ``Conflict`` (the session stays in the prearchive), or ``None`` for "the next, please".
    If it raises: everything is taken back; the session stays in the prearchive as ERROR.
    Where: in the service's process.
    """


@hookspec
def import_finished(outcome: Outcome) -> None:
    """Be told that an import has ended well.

    When: once for each import, after its commit; not for plans.
    Who is told: extensions (an announcement).
    If it raises: logged; it never changes the outcome.
    Where: in the service's process, in the thread of the import.
    """


@hookspec
def session_archived(archived: Archived, session: SessionOutcome) -> None:
    """Be told that a session was archived: XNAT's AutoRun starts here.

    When: once for each session, after its commit.
    Who is told: extensions (an announcement).
    If it raises: logged; it never changes the outcome.
    Where: in the service's process.
    """
