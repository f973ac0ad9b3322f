"""``POST /data/services/import``: pure ASGI, for the body goes to the spool as it comes and is never in memory."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from anyio import CancelScope, CapacityLimiter, to_thread
from attrs import frozen
from starlette.exceptions import HTTPException
from starlette.requests import Request

from xnat_import_core.errors import LimitExceededError, XnatImportError
from xnat_import_server.bodies import pour
from xnat_import_server.body_kind import BodyKind, body_kind, media_type_of
from xnat_import_server.import_answers import import_answer
from xnat_import_server.multipart import boundary_of
from xnat_import_server.site import Site, caller_of, site_of
from xnat_import_server.uploads import BodyReader, FileBody, FormBody, MultipartBody, NoFileBody

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import Receive, Scope, Send

    from xnat_import_core.models import Outcome
    from xnat_import_core.service import Reception

__all__ = ["ImportEndpoint"]

T = TypeVar("T")


@frozen
class ImportEndpoint:
    """The import as an ASGI application behind the gate."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what can be refused, receive the body, import, answer."""
        request = Request(scope)
        site = site_of(request)
        kind = _kind_of_body(request)
        reception = await _in_thread(site.importing, partial(_begin, request))
        try:
            await _receive(site, partial(_reader, kind, request, reception), receive)
            outcome: Outcome = await _in_thread(site.importing, reception.finish)
        except BaseException as error:
            await _abort(site, reception, error)
            raise
        response = await _in_thread(site.reading, partial(import_answer, request, outcome))
        await response(scope, receive, send)


def _begin(request: Request) -> Reception:
    """Everything that can be refused before the body is read is refused here."""
    media_type = media_type_of(request.headers.get("content-type", ""))
    query = tuple(request.query_params.multi_items())
    return site_of(request).service.receive(query, caller_of(request), media_type=media_type)


async def _receive(site: Site, reader: Callable[[], BodyReader], receive: Receive) -> None:
    """The whole body, batch by batch: one hop to a thread for each."""
    body = await _in_thread(site.importing, reader)

    async def take(batch: Sequence[bytes]) -> None:
        await _in_thread(site.importing, partial(_feed, body, batch))

    await pour(receive, site.body_timeout, take)
    await _in_thread(site.importing, body.end)


def _feed(body: BodyReader, batch: Sequence[bytes]) -> None:
    for piece in batch:
        body.feed(piece)


async def _abort(site: Site, reception: Reception, error: BaseException) -> None:
    """Drop what came in, even if this task is being cancelled; the answer names the import."""
    message = "The upload was broken off."
    if isinstance(error, XnatImportError):
        error.import_id, message = reception.import_id, error.message
    elif isinstance(error, HTTPException):
        error.headers, message = {**(error.headers or {}), "X-Import-Id": reception.import_id}, error.detail
    with CancelScope(shield=True):
        await _in_thread(site.importing, partial(reception.abort, message))


def _reader(kind: BodyKind, request: Request, reception: Reception) -> BodyReader:
    content_type = request.headers.get("content-type", "")
    if kind is BodyKind.FILE:
        return FileBody(reception, request.path_params.get("name", ""), media_type_of(content_type))
    if kind is BodyKind.MULTIPART:
        return MultipartBody(reception, boundary_of(content_type))
    return FormBody(reception) if kind is BodyKind.FORM else NoFileBody()


def _kind_of_body(request: Request) -> BodyKind:
    """What the body is.

    Raises:
        HTTPException: 415, the body as a whole is compressed.
        LimitExceededError: It says that it is larger than the limit.
        ClientError: As ``body_kind``.
    """
    headers, limit = request.headers, site_of(request).service.settings.limits.max_upload_bytes
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "A body with a Content-Encoding is not accepted; send the archive as it is.")
    length = headers.get("content-length")
    if int(length or 0) > limit:
        message = f"The upload has {length} bytes, {limit} are allowed here; send it in several parts."
        raise LimitExceededError(message)
    framed = length is not None or "transfer-encoding" in headers or request.scope["http_version"] == "2"
    kind = body_kind(request.query_params.multi_items(), headers.get("content-type", ""), has_body=framed)
    return BodyKind.NONE if length == "0" and kind is not BodyKind.FILE else kind


async def _in_thread(limiter: CapacityLimiter, work: Callable[[], T]) -> T:
    return await to_thread.run_sync(work, limiter=limiter)
