"""Against guessing and against foreign pages: a delay after wrong passwords, and the CSRF rule."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING

import anyio
from attrs import define, field
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import HTTPConnection

    from xnat_import_server.logins import Login

__all__ = ["FailureDelay", "check_origin"]

_FREE_FAILURES = 5
_REMEMBERED = 10_000
_LONGEST = 8.0
_SAFE = {"GET", "HEAD", "OPTIONS"}
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


@define
class FailureDelay:
    """After five wrong passwords for a name each further try for it waits, twice as long every time, up to 8 s."""

    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    _failures: OrderedDict[str, int] = field(factory=OrderedDict)

    async def wait(self, name: str) -> None:
        """Wait before the next try for this name."""
        over = self._failures.get(name, 0) - _FREE_FAILURES
        if over >= 0:
            await self.sleep(min(0.25 * 2**over, _LONGEST))

    def note(self, name: str, *, right: bool) -> None:
        """Remember how a try ended; a right password wipes the slate."""
        failures = 0 if right else self._failures.get(name, 0) + 1
        self._failures.pop(name, None)
        if failures:
            self._failures[name] = failures
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)


def check_origin(connection: HTTPConnection, login: Login) -> None:
    """Refuse what another site's page makes a browser send (rest-api 2.4); only for logins by cookie.

    A request that changes something and comes from another origin, or is a form that a browser sent, needs the
    ``XNAT_CSRF`` token of its session, in the query.

    Raises:
        HTTPException: 403, the token is missing or wrong.
    """
    if connection.scope["method"] in _SAFE or not (_is_foreign(connection) or _is_browser_form(connection)):
        return
    token = connection.query_params.get("XNAT_CSRF", "")
    if not secrets.compare_digest(token.encode(), login.csrf_token.encode()):
        message = "This came from a browser without the session's token: send parameter XNAT_CSRF, or use basic login."
        raise HTTPException(403, message)


def _is_foreign(connection: HTTPConnection) -> bool:
    if connection.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return True
    origin = connection.headers.get("origin")
    return origin is not None and origin.partition("://")[2] != connection.headers.get("host", "")


def _is_browser_form(connection: HTTPConnection) -> bool:
    from_browser = "origin" in connection.headers or "sec-fetch-site" in connection.headers
    return from_browser and connection.headers.get("content-type", "").lower().startswith(_FORMS)
