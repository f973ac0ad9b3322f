"""What a user may do: roles in projects, as XNAT has them (rest-api 2.2)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import field, frozen

from xnat_import_core.models import Action, Principal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Account", "Role", "is_admin"]


class Role(StrEnum):
    """A user's part in a project."""

    OWNER = "owner"
    MEMBER = "member"
    COLLABORATOR = "collaborator"


_ALLOWED: Mapping[Role, frozenset[Action]] = {
    Role.OWNER: frozenset(Action),
    Role.MEMBER: frozenset({Action.READ, Action.CREATE, Action.EDIT}),
    Role.COLLABORATOR: frozenset({Action.READ}),
}


@frozen
class Account:
    """A user of this server, as the core sees a caller: a ``Principal``.

    Attributes:
        name: Login name.
        admin: May do everything.
        roles: Role by project ID.
    """

    name: str
    admin: bool = False
    roles: Mapping[str, Role] = field(factory=dict)

    def may(self, action: Action, project: str | None) -> bool:
        """Whether the action is allowed in the project; anybody may import to Unassigned, only an admin more."""
        if self.admin:
            return True
        if project is None:
            return action is Action.CREATE
        role = self.roles.get(project)
        return role is not None and action in _ALLOWED[role]


def is_admin(principal: Principal) -> bool:
    """Whether this is a site admin: nobody else owns the part of the prearchive that has no project."""
    return principal.may(Action.OWN, None)
