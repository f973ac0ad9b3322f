"""``Gate``: what every request passes: one spelling of its address, who asks, cookies, errors."""

from __future__ import annotations

import base64
import binascii
import re
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from anyio import to_thread
from attrs import frozen
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from xnat_import_server.addresses import canonical, local_path
from xnat_import_server.guard import check_origin
from xnat_import_server.problems import LOGIN_NEEDED, answer, problem_of
from xnat_import_server.site import Caller, Site

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from xnat_import_core.models import Principal
    from xnat_import_server.logins import Login

__all__ = ["COOKIE", "Gate", "authenticate", "basic_login", "login_cookie"]

COOKIE = "JSESSIONID"
_OPEN = re.compile(r"/|/health/(live|ready)|/data/services/auth|/xapi/siteConfig/buildInfo(/version)?")


@frozen
class Gate:
    """ASGI middleware around the routes of one site."""

    app: ASGIApp
    site: Site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sender = _Sender(send, scope, round(self.site.logins.life.total_seconds() * 1000))
        try:
            await self._pass(canonical(scope), receive, sender)
        except Exception as error:
            problem = problem_of(error)
            if sender.started:
                raise
            connection = HTTPConnection(scope)
            sender.close = _has_body(connection)  # it may not have been read
            await answer(connection, problem)(scope, receive, sender)

    async def _pass(self, scope: Scope, receive: Receive, sender: _Sender) -> None:
        scope["xnat_import.site"] = self.site
        connection = HTTPConnection(scope)
        _refuse_smuggling(connection)
        caller = await self._caller(connection)
        if caller is None and not _is_open(scope):
            raise HTTPException(401, LOGIN_NEEDED, _challenge(connection))
        scope["xnat_import.caller"] = caller
        login = caller.login if caller else None
        if login and connection.cookies.get(COOKIE) != login.cookie:
            sender.cookies.append(login_cookie(scope, login))
        with self.site.logins.busy(login) if login else nullcontext():
            began = time.monotonic()
            await self.app(scope, receive, sender)
        if login and time.monotonic() - began > self.site.logins.life.total_seconds() / 2:
            await to_thread.run_sync(self.site.logins.renew, login, limiter=self.site.reading)

    async def _caller(self, connection: HTTPConnection) -> Caller | None:
        if self.site.identify is not None:
            principal = self.site.identify(connection)
            return Caller(principal) if principal else None
        login = await self._by_cookie(connection)
        named = basic_login(connection.headers.get("authorization", ""))
        if named is not None:
            return await self._by_password(connection, *named, login)
        if login is None:
            return None
        principal = await to_thread.run_sync(self.site.users.find, login.user, limiter=self.site.reading)
        if principal is not None:
            check_origin(connection, login)
        return Caller(principal, login) if principal else None

    async def _by_cookie(self, connection: HTTPConnection) -> Login | None:
        cookie = connection.cookies.get(COOKIE)
        return await to_thread.run_sync(self.site.logins.find, cookie, limiter=self.site.reading) if cookie else None

    async def _by_password(
        self, connection: HTTPConnection, name: str, password: str, login: Login | None
    ) -> Caller | None:
        principal = await authenticate(self.site, name, password)
        if principal is None:
            raise HTTPException(401, LOGIN_NEEDED, _challenge(connection))
        if login is None or login.user != principal.name:
            login = await to_thread.run_sync(self.site.logins.open, principal.name, limiter=self.site.reading)
        return Caller(principal, login)


async def authenticate(site: Site, name: str, password: str) -> Principal | None:
    """A user by password: hashed in a thread, few at a time, later and later after failures."""
    await site.delay.wait(name)
    principal = await to_thread.run_sync(site.users.authenticate, name, password, limiter=site.hashing)
    site.delay.note(name, right=principal is not None)
    return principal


def basic_login(header: str) -> tuple[str, str] | None:
    """Name and password of an ``Authorization`` header.

    Returns:
        ``None`` where the header is absent or of another scheme.

    Raises:
        HTTPException: 401, it is not base64 of ``name:password``.
    """
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    name, colon, password = text.partition(":")
    if not colon:
        raise HTTPException(401, LOGIN_NEEDED, {"WWW-Authenticate": _REALM})
    return name, password


def login_cookie(scope: Scope, login: Login | None) -> str:
    """The ``Set-Cookie`` value of a session; of none: one that makes the client forget it."""
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    value, age = (login.cookie, "") if login else ("", "; Max-Age=0")
    return f"{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}"


_REALM = 'Basic realm="XNAT"'


def _challenge(connection: HTTPConnection) -> dict[str, str]:
    # A browser would put up its own login box in the middle of a page.
    from_page = "Mozilla" in connection.headers.get("user-agent", "") and "sec-fetch-mode" in connection.headers
    return {} if from_page else {"WWW-Authenticate": _REALM}


def _is_open(scope: Scope) -> bool:
    path = local_path(scope)
    return _OPEN.fullmatch(path) is not None or (scope["method"], path) == ("DELETE", "/data/JSESSION")


def _has_body(connection: HTTPConnection) -> bool:
    return "transfer-encoding" in connection.headers or connection.headers.get("content-length", "0") != "0"


def _refuse_smuggling(connection: HTTPConnection) -> None:
    lengths = connection.headers.getlist("content-length")
    if lengths and "transfer-encoding" in connection.headers:
        raise HTTPException(400, "Content-Length and Transfer-Encoding exclude each other.", {"Connection": "close"})
    if len(lengths) > 1 or (lengths and not (lengths[0].isascii() and lengths[0].isdigit())):
        raise HTTPException(400, "Content-Length must be one number.", {"Connection": "close"})


class _Sender:
    """``send`` that adds the cookies and headers of every answer, and no body to ``HEAD``."""

    def __init__(self, send: Send, scope: Scope, life: int) -> None:
        self.cookies: list[str] = []
        self.started = self.close = False
        self._send = send
        self._head = scope["method"] == "HEAD"
        self._life = life

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self._complete(MutableHeaders(scope=message))
        elif self._head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)

    def _complete(self, headers: MutableHeaders) -> None:
        now = time.time_ns() // 1_000_000
        headers.append("set-cookie", f'SESSION_EXPIRATION_TIME="{now},{self._life}"; Path=/; SameSite=Lax')
        for cookie in self.cookies:
            headers.append("set-cookie", cookie)
        headers.setdefault("cache-control", "no-store")
        headers.setdefault("x-content-type-options", "nosniff")
        if self.close:
            headers["connection"] = "close"
