"""``Users``: the built-in users, in the store's database. An embedder may bring another ``UserSource``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from attrs import define, field
from sqlalchemy import delete, func, insert, select, update

from xnat_import_core.errors import InvalidRequestError, NotFoundError
from xnat_import_server import tables
from xnat_import_server.accounts import Account, Role
from xnat_import_server.passwords import Passwords, new_password

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from xnat_import_core.database import Database
    from xnat_import_core.models import Principal

__all__ = ["UserSource", "Users"]

_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}", re.ASCII)


class UserSource(Protocol):
    """Where users come from. All three are called in threads and may block."""

    def authenticate(self, name: str, password: str) -> Principal | None:
        """The user, if the password is right and the user is enabled. Unknown users must cost as much as known ones."""

    def find(self, name: str) -> Principal | None:
        """An enabled user by name: how a login cookie becomes a caller again."""

    def make_owner(self, name: str, project: str) -> None:
        """Give the user who made a project the owner's role in it."""


@define
class Users:
    """Users with argon2id hashes, and their roles in projects."""

    database: Database
    passwords: Passwords = field(factory=Passwords)

    def migrate(self) -> None:
        """Make or update the server's tables. Idempotent."""
        self.database.migrate("xnat_import_server", "xnat_import_server_version")

    def add(self, name: str, password: str, *, admin: bool = False) -> None:
        """Make a user, or give a known one this password and admin flag.

        Raises:
            InvalidRequestError: Not a user's name, or an empty password.
        """
        if not _NAME.fullmatch(name):
            message = "A user's name is 1 to 64 letters, digits, '_', '.', '@' and '-'."
            raise InvalidRequestError(message)
        if not password:
            message = f"User {name}: the password is empty."
            raise InvalidRequestError(message)
        row = {"hash": self.passwords.hash(password), "enabled": True, "admin": admin}
        with self.database.write() as connection:
            known = connection.execute(update(tables.user).where(tables.user.c.name == name).values(row)).rowcount
            if known:
                connection.execute(delete(tables.login).where(tables.login.c.user == name))
            else:
                connection.execute(insert(tables.user).values(name=name, created_at=datetime.now(UTC), **row))

    def disable(self, name: str) -> None:
        """Shut a user out, at once.

        Raises:
            NotFoundError: There is no such user.
        """
        with self.database.write() as connection:
            statement = update(tables.user).where(tables.user.c.name == name).values(enabled=False)
            if not connection.execute(statement).rowcount:
                raise NotFoundError(_unknown(name))

    def set_role(self, name: str, project: str, role: Role | None) -> None:
        """Give a user a role in a project, in place of another; ``None`` takes it away.

        Raises:
            NotFoundError: There is no such user.
        """
        with self.database.write() as connection:
            if connection.execute(select(tables.user.c.name).where(tables.user.c.name == name)).first() is None:
                raise NotFoundError(_unknown(name))
            theirs = (tables.role.c.user == name) & (tables.role.c.project == project)
            connection.execute(delete(tables.role).where(theirs))
            if role is not None:
                connection.execute(insert(tables.role).values(user=name, project=project, role=role.value))

    def make_owner(self, name: str, project: str) -> None:
        """Give the user who made a project the owner's role in it; a user from elsewhere is passed over."""
        if self.find(name) is not None:
            self.set_role(name, project, Role.OWNER)

    def authenticate(self, name: str, password: str) -> Account | None:
        """The user, if the password is right; unknown and disabled users cost the same work."""
        with self.database.read() as connection:
            query = select(tables.user.c.hash).where(tables.user.c.name == name, tables.user.c.enabled)
            stored = connection.execute(query).scalar()
        right = self.passwords.matches(stored, password)
        if not right or stored is None:
            return None
        if self.passwords.is_outdated(stored):
            self._rehash(name, stored, password)
        return self.find(name)

    def _rehash(self, name: str, stored: str, password: str) -> None:
        """Keep the password at today's cost, unless it was changed meanwhile."""
        theirs = (tables.user.c.name == name) & (tables.user.c.hash == stored)
        renewed = self.passwords.hash(password)
        with self.database.write() as connection:
            connection.execute(update(tables.user).where(theirs).values(hash=renewed))

    def find(self, name: str) -> Account | None:
        """An enabled user, with roles."""
        with self.database.read() as connection:
            return _account(connection, name)

    def add_first_admin(self, password: str = "") -> str | None:
        """Make ``admin`` where there is no user yet.

        Args:
            password: The one to use; empty: a random one is made.

        Returns:
            The password that was made, to be shown once; ``None`` if it was given or there are users.
        """
        with self.database.read() as connection:
            if connection.execute(select(func.count()).select_from(tables.user)).scalar():
                return None
        made = None if password else new_password()
        self.add("admin", made or password, admin=True)
        return made


def _account(connection: Connection, name: str) -> Account | None:
    query = select(tables.user.c.admin).where(tables.user.c.name == name, tables.user.c.enabled)
    admin = connection.execute(query).scalar()
    if admin is None:
        return None
    rows = connection.execute(select(tables.role.c.project, tables.role.c.role).where(tables.role.c.user == name))
    return Account(name, bool(admin), {project: Role(role) for project, role in rows})


def _unknown(name: str) -> str:
    return f"There is no user {name!r}; make one with 'xnat-import user add'."
