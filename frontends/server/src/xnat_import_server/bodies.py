"""Bodies of requests, piece by piece: never whole in memory, and never waited for without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive

__all__ = ["SenderGoneError", "pieces", "small_body"]

_PIECE = 1024 * 1024
_SMALL = 64 * 1024


class SenderGoneError(HTTPException):
    """The body broke off: a closed connection or a broken chunk, which look alike, and one of them wants an answer."""

    def __init__(self) -> None:
        super().__init__(400, "The body ended before it was whole; nothing was stored. Send it again.")


async def pieces(receive: Receive, timeout: float) -> AsyncIterator[bytes]:  # noqa: ASYNC109 - silence, not duration
    """The body in pieces of about a mebibyte: one hop to a thread for each, and back-pressure in between.

    Args:
        receive: ASGI's.
        timeout: Seconds without a byte that are one too many.

    Raises:
        HTTPException: 408, nothing came for that long.
        SenderGoneError: The body broke off.
    """
    waiting, more = bytearray(), True
    while more:
        body, more = await _next(receive, timeout)
        waiting += body
        if len(waiting) >= _PIECE or not more:
            yield bytes(waiting)
            waiting.clear()


async def small_body(receive: Receive, timeout: float) -> bytes:  # noqa: ASYNC109 - silence, not duration
    """A body that is a form of a few fields. Raises HTTPException (413, 408), SenderGoneError."""
    body, more = b"", True
    while more:
        piece, more = await _next(receive, timeout)
        body += piece
        if len(body) > _SMALL:
            raise HTTPException(413, f"This body may have at most {_SMALL} bytes.")
    return body


async def _next(receive: Receive, timeout: float) -> tuple[bytes, bool]:  # noqa: ASYNC109 - silence, not duration
    try:
        with anyio.fail_after(timeout):
            message = await receive()
    except TimeoutError:
        raise HTTPException(408, f"No byte came for {timeout:g} seconds; nothing was stored.") from None
    if message["type"] == "http.disconnect":
        raise SenderGoneError
    return message.get("body", b""), message.get("more_body", False)
