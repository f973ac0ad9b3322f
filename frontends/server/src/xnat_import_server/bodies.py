"""Bodies of requests, piece by piece: never whole in memory, and never waited for without end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
from attrs import define
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from starlette.types import Message, Receive

    Take: TypeAlias = Callable[[Sequence[bytes]], Coroutine[Any, Any, None]]

__all__ = ["SenderGoneError", "pour", "small_body"]

_BATCH = 1024 * 1024
_PIECES = 64
_SMALL = 64 * 1024


class SenderGoneError(HTTPException):
    """The body broke off: a closed connection or a broken chunk, which look alike, and one of them wants an answer."""

    def __init__(self) -> None:
        super().__init__(400, "The body ended before it was whole; nothing was stored. Send it again.")


async def pour(receive: Receive, timeout: float, take: Take) -> None:  # noqa: ASYNC109 - silence, not duration
    """Receive a body, about a mebibyte at a time: the next batch comes in while the last one is taken, and no more.

    Args:
        receive: ASGI's.
        timeout: Seconds without a byte that are one too many.
        take: Takes the pieces of a batch, as they came.

    Raises:
        HTTPException: 408, nothing came for that long.
        SenderGoneError: The body broke off.
        Exception: What ``take`` raises.
    """
    body = _Body(receive, timeout)
    batch: list[bytes] = []
    try:
        while body.more:
            async with anyio.create_task_group() as both:
                both.start_soon(take, batch)
                batch = await body.batch()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    await take(batch)


async def small_body(receive: Receive, timeout: float) -> bytes:  # noqa: ASYNC109 - silence, not duration
    """A body that is a form of a few fields. Raises HTTPException (413, 408), SenderGoneError."""
    body, form = _Body(receive, timeout), b""
    while body.more:
        form += b"".join(await body.batch())
        if len(form) > _SMALL:
            raise HTTPException(413, f"This body may have at most {_SMALL} bytes.")
    return form


@define
class _Body:
    """A body that is coming in; ``more`` of it is to come."""

    receive: Receive
    timeout: float
    more: bool = True

    async def batch(self) -> list[bytes]:
        """The next pieces."""
        pieces: list[bytes] = []
        size = 0
        try:
            with anyio.fail_after(self.timeout) as silence:
                while self.more and size < _BATCH and len(pieces) < _PIECES:
                    pieces.append(self._piece(await self.receive()))
                    size += len(pieces[-1])
                    silence.deadline = anyio.current_time() + self.timeout
        except TimeoutError:
            raise HTTPException(408, f"No byte came for {self.timeout:g} seconds; nothing was stored.") from None
        return pieces

    def _piece(self, message: Message) -> bytes:
        if message["type"] == "http.disconnect":
            raise SenderGoneError
        self.more = message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece
