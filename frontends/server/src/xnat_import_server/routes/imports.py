"""The import, and ``/xapi/imports``: what became of it, member by member."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING

from anyio import to_thread
from attrs import asdict
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from xnat_import_core.errors import NotFoundError
from xnat_import_core.receipts.store import write_csv, write_jsonl
from xnat_import_server.accounts import is_admin
from xnat_import_server.formats import wanted
from xnat_import_server.importing import ImportEndpoint
from xnat_import_server.routes.resource import resource
from xnat_import_server.site import caller_of, site_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from starlette.requests import Request

    from xnat_import_core.receipts import ImportSummary

__all__ = ["routes"]

_IN_MEMORY = 1024 * 1024
_PIECE = 256 * 1024


async def receipt(request: Request) -> Response:
    """``GET /xapi/imports/ID``: how it ended."""
    summary = await to_thread.run_sync(_summary, request, limiter=site_of(request).reading)
    times = {"started_at": _text(summary.started_at), "finished_at": _text(summary.finished_at)}
    return JSONResponse({**asdict(summary), **times})


async def members(request: Request) -> Response:
    """``GET /xapi/imports/ID/members``: a line for each member, JSONL or CSV."""
    form = "csv" if wanted(request, ("jsonl", "csv")) == "csv" else "jsonl"
    lines = await to_thread.run_sync(_members, request, form, limiter=site_of(request).reading)
    media_type = "text/csv" if form == "csv" else "application/jsonl"
    return StreamingResponse(_pieces(lines), media_type=media_type)


def routes() -> list[Route]:
    """The routes of this family."""
    return [
        Route("/data/services/import", ImportEndpoint(), methods=["POST"]),
        Route("/data/services/import/{name:path}", ImportEndpoint(), methods=["POST"]),
        resource("/xapi/imports/{import_id}", GET=receipt),
        resource("/xapi/imports/{import_id}/members", GET=members),
    ]


def _summary(request: Request) -> ImportSummary:
    """Somebody else's import does not exist."""
    caller = caller_of(request)
    summary = site_of(request).service.receipt(request.path_params["import_id"])
    if summary.user != caller.name and not is_admin(caller):
        message = "There is no import of this ID."
        raise NotFoundError(message)
    return summary


def _members(request: Request, form: str) -> IO[str]:
    summary = _summary(request)
    lines = site_of(request).service.receipt_lines(summary.import_id)
    stream = SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8", newline="")  # noqa: SIM115 - read by the answer
    (write_csv if form == "csv" else write_jsonl)(lines, stream)
    stream.seek(0)
    return stream


def _pieces(stream: IO[str]) -> Iterator[str]:
    with stream:
        while piece := stream.read(_PIECE):
            yield piece


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
