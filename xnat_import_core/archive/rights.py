"""Who may archive (chapter 12, rulings 17 and 30): who may create and edit in the project; replacing needs no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xnat_import_core.errors import ForbiddenError, InvalidRequestError, NotFoundError
from xnat_import_core.models import Action

if TYPE_CHECKING:
    from xnat_import_core.models import Principal
    from xnat_import_core.prearchive import PrearchiveRow

__all__ = ["check_may_archive", "check_may_edit"]


def check_may_archive(row: PrearchiveRow, principal: Principal) -> None:
    """Raise before anything is locked.

    Raises:
        NotFoundError: The caller may not know of the project.
        ForbiddenError: The caller may not create and edit in it.
        InvalidRequestError: The session has no project, and is none of the caller's.
    """
    if row.project is not None:
        check_may_edit(row.project, principal)
    elif not (principal.may(Action.OWN, None) or (row.user and row.user == principal.name)):
        message = "Cannot archive sessions from the Unassigned folder."
        raise InvalidRequestError(message)


def check_may_edit(project: str, principal: Principal) -> None:
    """Raise NotFoundError for who may not know of a project, ForbiddenError for who may not create and edit in it."""
    if not principal.may(Action.READ, project):
        message = "Unknown session."
        raise NotFoundError(message)
    if not all(principal.may(action, project) for action in (Action.CREATE, Action.EDIT)):
        message = f"You may not change archived sessions of project {project}."
        raise ForbiddenError(message)
