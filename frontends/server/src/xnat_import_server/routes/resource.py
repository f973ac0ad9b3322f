"""One address, its methods: so that ``Allow`` in a 405 names them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Answer", "resource"]

Answer: TypeAlias = "Callable[[Request], Awaitable[Response]]"


def resource(path: str, **methods: Answer) -> Route:
    """A route with an answer for each method; ``HEAD`` is answered as ``GET``."""

    async def endpoint(request: Request) -> Response:
        return await methods["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, endpoint, methods=list(methods))
