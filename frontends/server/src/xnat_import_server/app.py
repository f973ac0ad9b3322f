"""``create_app``: XNAT's REST interface on one service, as an ASGI application."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from xnat_import_server.gate import Gate
from xnat_import_server.logins import Logins
from xnat_import_server.routes import (
    archive,
    archiving,
    batches,
    imports,
    logins,
    prearchive,
    prearchive_actions,
    projects,
)
from xnat_import_server.routes import site as site_routes
from xnat_import_server.site import Identify, Site
from xnat_import_server.users import Users

if TYPE_CHECKING:
    from starlette.requests import Request

    from xnat_import_core.service import Service
    from xnat_import_server.users import UserSource

__all__ = ["create_app"]

_FAMILIES = (site_routes, logins, projects, prearchive, prearchive_actions, imports, archive, archiving, batches)


def create_app(
    service: Service,
    *,
    users: UserSource | None = None,
    identify: Identify | None = None,
    body_timeout: float = 60.0,
    session_timeout: timedelta = timedelta(minutes=15),
) -> Starlette:
    """The application of one service; any Starlette or FastAPI application can mount it.

    Args:
        service: A started service. Whoever made it closes it; the application does neither.
        users: Where users come from; ``None``: the built-in ``Users`` in the service's database.
        identify: Takes a request and gives its caller, or ``None`` for nobody. With it the host application owns
            authentication: passwords, cookies and the CSRF rule of this one are not used.
        body_timeout: Seconds without a byte of a body after which the answer is 408.
        session_timeout: How long a login lasts after its last request.

    Raises:
        StorageError: The server's tables could not be made.
    """
    built_in = Users(service.database)
    built_in.migrate()
    site = Site(
        service=service,
        users=users or built_in,
        logins=Logins(service.database, session_timeout),
        identify=identify,
        body_timeout=body_timeout,
    )
    app = Starlette(
        routes=[route for family in _FAMILIES for route in family.routes()],
        middleware=[Middleware(Gate, site=site)],
        exception_handlers={HTTPException: _leave_to_the_gate},
    )
    app.router.redirect_slashes = False
    return app


async def _leave_to_the_gate(_request: Request, error: Exception) -> NoReturn:
    raise error
