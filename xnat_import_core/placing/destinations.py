"""Where a session goes: the plugins propose, the core decides, each field with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

from xnat_import_core.errors import ForbiddenError
from xnat_import_core.models import Action, Destination, Space
from xnat_import_core.storage.names import clean_label
from xnat_import_core.storage.tree import UNASSIGNED
from xnat_import_core.workers.jobs import Calling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from xnat_import_core.models import Handler, IncomingSession, Principal, Proposal
    from xnat_import_core.parameters import ImportRequest
    from xnat_import_core.projects import Projects
    from xnat_import_core.workers.pool import Asking

__all__ = ["AskedRequest", "decide_destination"]

_REQUEST: Final = "named by the request"


@frozen
class AskedRequest:
    """The ``MappingRequest`` that plugins see."""

    parameters: ImportRequest
    projects: Projects
    principal: Principal

    def may_create(self, project: str) -> bool:
        """Whether this is an ID or alias of a project in which the caller may create."""
        return self.resolve(project) is not None

    def resolve(self, project: str) -> str | None:
        """The project's ID, if the caller may create in it."""
        found = self.projects.find(project)
        return found.id if found is not None and self.principal.may(Action.CREATE, found.id) else None


def decide_destination(session: IncomingSession, asked: AskedRequest, handler: Handler, ask: Asking) -> Destination:
    """Fill project, subject and label: from the request, then from each proposal in its order.

    A label that stays empty means that the session is nameless.
    """
    proposals = ask(Calling("map_destination", lambda calls: calls.map_destination(session, asked)))
    request = asked.parameters
    project, why_project = _project(request, asked, proposals)
    if project is None and not asked.principal.may(Action.CREATE, None):
        message = "No project is named in which you may create, and you may not import without one. Name a project."
        raise ForbiddenError(message)
    subject, why_subject = _label(request.subject, proposals, lambda proposal: proposal.subject)
    label, why_label = _label(request.session or request.experiment, proposals, lambda proposal: proposal.label)
    wishes = [proposal.auto_archive for _, proposal in proposals if proposal.auto_archive is not None]
    return Destination(
        space=Space.PREARCHIVE,
        project=project,
        subject=subject,
        label=label,
        reasons={
            "project": why_project,
            "subject": why_subject or "nothing names a subject",
            "label": why_label or f"nothing names a session: {handler.nameless_label}",
        },
        notes=tuple(note for _, proposal in proposals for note in proposal.notes),
        auto_archive=request.auto_archive if request.auto_archive is not None else (wishes[0] if wishes else None),
    )


def _project(
    request: ImportRequest, asked: AskedRequest, proposals: Sequence[tuple[str, Proposal]]
) -> tuple[str | None, str]:
    if request.project is not None:
        return (None if request.project == UNASSIGNED else request.project), _REQUEST
    for who, proposal in proposals:
        for candidate in proposal.project:
            found = asked.resolve(candidate)
            if found is not None:
                return found, _reason(who, proposal)
    return None, "nothing names a project in which the sender may create"


def _label(
    requested: str | None, proposals: Iterable[tuple[str, Proposal]], field: Callable[[Proposal], Sequence[str]]
) -> tuple[str, str]:
    if requested:
        return requested, _REQUEST
    for who, proposal in proposals:
        for candidate in field(proposal):
            label = clean_label(candidate)
            if label:
                return label, _reason(who, proposal)
    return "", ""


def _reason(who: str, proposal: Proposal) -> str:
    return f"{who}: {proposal.reason}" if proposal.reason else who
