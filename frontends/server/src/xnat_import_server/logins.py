"""Logins: what a ``JSESSIONID`` cookie stands for."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, field, frozen
from sqlalchemy import delete, insert, select, update

from xnat_import_server import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Row

    from xnat_import_core.database import Database

__all__ = ["Login", "Logins"]

_UNWRITTEN = timedelta(seconds=60)


@frozen
class Login:
    """One server session: cookie value, user, and the token that a browser's form must bring."""

    cookie: str = field(repr=False)
    user: str
    csrf_token: str = field(repr=False)


@define
class Logins:
    """The server sessions, in the database: they outlive a restart.

    Attributes:
        life: How long a session lasts after its last request ended.
        most: Sessions of one user at a time; the oldest goes first.
    """

    database: Database
    life: timedelta = timedelta(minutes=15)
    most: int = 1000
    _busy: Counter[str] = field(factory=Counter, repr=False)

    def open(self, user: str) -> Login:
        """A new session with a new cookie; what has expired is cleared away. A power cut may lose it."""
        login = Login(secrets.token_hex(16), user, secrets.token_hex(16))
        now = datetime.now(UTC)
        with self.database.write(durable=False) as connection:
            self._clear(connection, user, now)
            row = {"user": user, "csrf_token": login.csrf_token, "created_at": now, "last_seen": now}
            connection.execute(insert(tables.login).values(key=_key(login.cookie), **row))
        return login

    def find(self, cookie: str) -> Login | None:
        """The session of a cookie, kept alive; ``None`` if there is none or it has expired."""
        key, now = _key(cookie), datetime.now(UTC)
        with self.database.read() as connection:
            row = connection.execute(select(tables.login).where(tables.login.c.key == key)).first()
        if row is None or not self._lives(row, now):
            return None
        if now - row.last_seen > _UNWRITTEN:
            self._touch(key, now)
        return Login(cookie, row.user, row.csrf_token)

    def close(self, cookie: str) -> None:
        """End a session; nothing happens if there is none."""
        with self.database.write() as connection:
            connection.execute(delete(tables.login).where(tables.login.c.key == _key(cookie)))

    @contextmanager
    def busy(self, login: Login) -> Iterator[None]:
        """A request of this session is running: it does not expire meanwhile, however long the upload."""
        key = _key(login.cookie)
        self._busy[key] += 1
        try:
            yield
        finally:
            self._busy[key] -= 1
            if not self._busy[key]:
                del self._busy[key]

    def renew(self, login: Login) -> None:
        """The life counts from now: for the end of a long request."""
        self._touch(_key(login.cookie), datetime.now(UTC))

    def _lives(self, row: Row[tuple[object, ...]], now: datetime) -> bool:
        return row.key in self._busy or now - row.last_seen <= self.life

    def _touch(self, key: str, now: datetime) -> None:
        with self.database.write(durable=False) as connection:
            connection.execute(update(tables.login).where(tables.login.c.key == key).values(last_seen=now))

    def _clear(self, connection: Connection, user: str, now: datetime) -> None:
        idle = tables.login.c.key.not_in(list(self._busy))
        connection.execute(delete(tables.login).where(tables.login.c.last_seen < now - self.life, idle))
        theirs = tables.login.c.user == user
        newest = select(tables.login.c.key).where(theirs).order_by(tables.login.c.created_at.desc())
        kept = newest.limit(self.most - 1).scalar_subquery()
        connection.execute(delete(tables.login).where(theirs, tables.login.c.key.not_in(kept), idle))


def _key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()
