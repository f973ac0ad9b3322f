"""Login and logout: ``/data/JSESSION``, ``/data/services/auth``, ``/data/auth``."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from xnat_import_core.errors import NotSupportedError
from xnat_import_server.bodies import small_body
from xnat_import_server.gate import COOKIE, authenticate, login_cookie
from xnat_import_server.routes.resource import resource
from xnat_import_server.site import caller_of, login_of, site_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

__all__ = ["routes"]


async def session(request: Request) -> Response:
    """``GET``, ``POST /data/JSESSION``: the session's ID, as xnatpy's heartbeat asks for."""
    login = login_of(request)
    return PlainTextResponse(_with_token(request, login.cookie if login else ""))


async def log_out(request: Request) -> Response:
    """``DELETE /data/JSESSION``: the session is gone, the cookie expires."""
    site = site_of(request)
    login = login_of(request)
    for cookie in filter(None, {request.cookies.get(COOKIE, ""), login.cookie if login else ""}):
        await to_thread.run_sync(site.logins.close, cookie, limiter=site.reading)
    response = Response()
    response.raw_headers.append((b"set-cookie", login_cookie(request.scope, None).encode()))
    return response


async def log_in(request: Request) -> Response:
    """``PUT``, ``POST /data/services/auth``: a form with user and password gives a new session."""
    site = site_of(request)
    if site.identify is not None:
        message = "Logins are made by the application that this service is part of."
        raise NotSupportedError(message)
    form = dict(parse_qsl((await small_body(request.receive, site.body_timeout)).decode("utf-8", "replace")))
    name, password = (form.get(key) or form.get(f"j_{key}") or "" for key in ("username", "password"))
    principal = await authenticate(site, name, password)
    if principal is None:
        raise HTTPException(401, "Authentication failed.")
    login = await to_thread.run_sync(site.logins.open, principal.name, limiter=site.reading)
    response = PlainTextResponse(login.cookie)
    response.raw_headers.append((b"set-cookie", login_cookie(request.scope, login).encode()))
    return response


async def who(request: Request) -> Response:
    """``GET /data/auth``."""
    return PlainTextResponse(_with_token(request, f"User '{caller_of(request).name}' is logged in"))


def routes() -> list[Route]:
    """The routes of this family."""
    return [
        resource("/data/JSESSION", GET=session, POST=session, DELETE=log_out),
        resource("/data/services/auth", PUT=log_in, POST=log_in),
        resource("/data/auth", GET=who),
    ]


def _with_token(request: Request, text: str) -> str:
    login = login_of(request)
    wants = request.query_params.get("CSRF", "").lower() == "true"
    return f"{text}; XNAT_CSRF={login.csrf_token}" if login and wants else text
