"""Errors as answers: an HTML page under ``/data``, bare text under ``/xapi``, problem+json for whoever prefers JSON."""

from __future__ import annotations

import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from attrs import asdict, field, frozen
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from xnat_import_core.errors import ArchiveConflictError, XnatImportError
from xnat_import_server.addresses import local_path
from xnat_import_server.formats import preferred
from xnat_import_server.pages import error_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import HTTPConnection

    from xnat_import_core.models import Conflict

__all__ = ["LOGIN_NEEDED", "Problem", "answer", "problem_of"]

LOGIN_NEEDED = "The request requires user authentication"
_RETRY_AFTER = {429: "30", 503: "30"}
_NEUTRAL = "The server failed to answer this request; its log says why."
_TEXTS = {404: "There is nothing at this address.", 405: "This method is not allowed here; see the Allow header."}


@frozen
class Problem:
    """What went wrong, ready to be told to a client."""

    status: int
    message: str
    members: tuple[str, ...] = ()
    import_id: str | None = None
    headers: Mapping[str, str] = field(factory=dict)
    conflicts: tuple[Conflict, ...] = ()


def problem_of(error: Exception) -> Problem:
    """An error as a problem. Nothing of an unknown error is told but that there was one; the log has the rest."""
    if isinstance(error, XnatImportError):
        conflicts = error.conflicts if isinstance(error, ArchiveConflictError) else ()
        return Problem(error.status, error.message, error.members, error.import_id, conflicts=conflicts)
    if isinstance(error, HTTPException):
        return _http_problem(error)
    _log(error)
    return Problem(500, _NEUTRAL)


def answer(connection: HTTPConnection, problem: Problem) -> Response:
    """The problem in the form that this client reads; always with its true status."""
    headers = dict(problem.headers)
    if problem.import_id:
        headers["X-Import-Id"] = problem.import_id
    if problem.status in _RETRY_AFTER:
        headers["Retry-After"] = _RETRY_AFTER[problem.status]
    if preferred(connection) in {"application/json", "application/problem+json"}:
        return JSONResponse(_document(problem), problem.status, headers, "application/problem+json")
    if local_path(connection.scope).startswith("/xapi/"):
        return PlainTextResponse(problem.message, problem.status, headers)
    return error_page(problem.status, problem.message, headers)


def _log(error: Exception) -> None:
    # The text of a foreign exception, and the values of its frames, may hold a patient's data.
    logger = structlog.get_logger("xnat_import_server")
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("request_failed", error=type(error).__qualname__, traceback=where)
    logger.debug("request_failed", text=str(error))


def _http_problem(error: HTTPException) -> Problem:
    phrase = HTTPStatus(error.status_code).phrase
    message = error.detail if error.detail != phrase else _TEXTS.get(error.status_code, phrase)
    return Problem(error.status_code, message, headers=error.headers or {})


def _document(problem: Problem) -> dict[str, object]:
    title = HTTPStatus(problem.status).phrase
    document: dict[str, object] = {"title": title, "status": problem.status, "detail": problem.message}
    if problem.import_id:
        document["import_id"] = problem.import_id
    if problem.members:
        document["members"] = list(problem.members)
    if problem.conflicts:
        document["conflicts"] = [asdict(each) for each in problem.conflicts]
    return document
