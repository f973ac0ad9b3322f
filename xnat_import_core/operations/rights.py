"""Who may change a session of the prearchive, and into which project it may go (chapter 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xnat_import_core.errors import ForbiddenError, NotFoundError
from xnat_import_core.models import Action
from xnat_import_core.storage.names import MAX_LABEL

if TYPE_CHECKING:
    from xnat_import_core.models import Principal
    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_core.projects import Project, Projects

__all__ = ["check_may_change", "check_site_admin", "project_to_move_to"]


def check_may_change(row: PrearchiveRow, principal: Principal) -> None:
    """Raise ForbiddenError for who may not edit in the project; without one, for who is neither sender nor site admin.

    Who sent a session owns it while it has no project.
    """
    if row.project is not None:
        allowed = principal.may(Action.EDIT, row.project)
    else:
        allowed = principal.may(Action.OWN, None) or (bool(row.user) and row.user == principal.name)
    if not allowed:
        whose = f"of project {row.project}" if row.project else "without a project that somebody else sent"
        message = f"You may not change prearchive sessions {whose}."
        raise ForbiddenError(message)


def check_site_admin(principal: Principal) -> None:
    """Raise ForbiddenError for all but site admins."""
    if not principal.may(Action.OWN, None):
        message = "Only a site administrator may set a session's status."
        raise ForbiddenError(message)


def project_to_move_to(name: str, projects: Projects, principal: Principal) -> Project:
    """The project by ID or alias, if sessions may be moved into it.

    Raises:
        NotFoundError: There is none, or the caller may not know of it.
        ForbiddenError: The caller may not create and edit sessions in it.
    """
    found = projects.find(name)
    if found is None or not principal.may(Action.READ, found.id):
        message = f"Unable to identify project: {name[:MAX_LABEL]}"
        raise NotFoundError(message)
    if not all(principal.may(action, found.id) for action in (Action.CREATE, Action.EDIT)):
        message = f"You may not move sessions into project {found.id}."
        raise ForbiddenError(message)
    return found
