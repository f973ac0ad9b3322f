"""``Site``: what the parts of one application share. One is made by ``create_app``; nothing of it is global."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from anyio import CapacityLimiter
from attrs import define, field, frozen

from xnat_import_server.guard import FailureDelay

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import HTTPConnection

    from xnat_import_core.models import Principal
    from xnat_import_core.service import Service
    from xnat_import_server.logins import Login, Logins
    from xnat_import_server.users import UserSource

__all__ = ["Caller", "Identify", "Site", "caller_of", "login_of", "site_of"]

Identify: TypeAlias = "Callable[[HTTPConnection], Principal | None]"
"""An embedder's own authentication: who asks, or ``None`` for nobody."""


@frozen
class Caller:
    """Who asks, and the server session in which."""

    principal: Principal
    login: Login | None = None


@define
class Site:
    """One application.

    Attributes:
        service: The core.
        users: Where users come from.
        logins: Server sessions.
        identify: An embedder's own authentication, in place of users and logins.
        body_timeout: Seconds without a byte of a body that are one too many.
        delay: Slows guessing down.
        hashing: How many passwords are hashed at a time: argon2 takes 9 MiB each.
        importing: How many uploads are received or imported, or sessions worked on, at a time, each in a thread.
        reading: How many other questions are answered at a time.
    """

    service: Service
    users: UserSource
    logins: Logins
    identify: Identify | None = None
    body_timeout: float = 60.0
    delay: FailureDelay = field(factory=FailureDelay)
    hashing: CapacityLimiter = field(factory=lambda: CapacityLimiter(2))
    importing: CapacityLimiter = field(factory=lambda: CapacityLimiter(32))
    reading: CapacityLimiter = field(factory=lambda: CapacityLimiter(16))


def site_of(connection: HTTPConnection) -> Site:
    """The application that answers this request."""
    site: Site = connection.scope["xnat_import.site"]
    return site


def caller_of(connection: HTTPConnection) -> Principal:
    """Who asks. Only where a login is needed: the gate has refused everybody else."""
    caller: Caller = connection.scope["xnat_import.caller"]
    return caller.principal


def login_of(connection: HTTPConnection) -> Login | None:
    """The server session of the request, if it has one."""
    caller: Caller | None = connection.scope.get("xnat_import.caller")
    return caller.login if caller else None
