"""``/``, health, build information, plugins, and who is asking."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from typing import TYPE_CHECKING

from anyio import to_thread
from attrs import asdict
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from xnat_import_server.accounts import is_admin
from xnat_import_server.listings import listing
from xnat_import_server.pages import start_page
from xnat_import_server.routes.resource import resource
from xnat_import_server.site import caller_of, login_of, site_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

    from xnat_import_core.service import Service

__all__ = ["routes"]

_XNAT_VERSION = "1.9.2.1"  # clients compare it: xnatctl wants 1.8.3 at least


async def start(request: Request) -> Response:
    """``GET /``."""
    login = login_of(request)
    token, user = (login.csrf_token, login.user) if login else ("", "")
    return start_page(token, user, version("xnat-import-server"))


async def live(_request: Request) -> Response:
    """``GET /health/live``: the process answers."""
    return JSONResponse({"status": "live"})


async def ready(request: Request) -> Response:
    """``GET /health/ready``: database and disk answer; 503 if not."""
    site = site_of(request)
    failed = await to_thread.run_sync(_failed, site.service, limiter=site.reading)
    return JSONResponse({"status": "failed" if failed else "ready", "failed": failed}, 503 if failed else 200)


async def build_info(_request: Request) -> Response:
    """``GET /xapi/siteConfig/buildInfo``."""
    ours = version("xnat-import-server")
    info = {"version": _XNAT_VERSION, "buildNumber": "0", "commit": "", "isNonReleaseBuild": "false"}
    return JSONResponse({**info, "server": f"xnat-import {ours}"})


async def build_version(_request: Request) -> Response:
    """``GET /xapi/siteConfig/buildInfo/version``."""
    return PlainTextResponse(_XNAT_VERSION)


async def no_version(_request: Request) -> Response:
    """``GET /data/version``: a 200 would make xnatpy believe in XNAT 1.6."""
    raise HTTPException(404)


async def handlers(request: Request) -> Response:
    """``GET /xapi/handlers``: what is installed; an admin also sees what is not used, and why."""
    site = site_of(request)
    reports = await to_thread.run_sync(site.service.handlers, limiter=site.reading)
    if is_admin(caller_of(request)):
        return JSONResponse([asdict(report) for report in reports])
    shown = [asdict(report) for report in reports if not report.error]
    return JSONResponse([{key: row[key] for key in row if key not in {"error", "remedy"}} for row in shown])


async def schemas(_request: Request) -> Response:
    """``GET /xapi/schemas``: xnatpy makes a class of each archived type; the prearchive, which it reads, has none."""
    return JSONResponse([])


async def search_elements(request: Request) -> Response:
    """``GET /data/search/elements``: types that can be searched; xnatpy and pyxnat ask before anything else."""
    return listing(request, ("ELEMENT_NAME", "SINGULAR", "PLURAL", "SECURED", "COUNT"), ())


async def user_name(request: Request) -> Response:
    """``GET /xapi/users/username``."""
    return PlainTextResponse(caller_of(request).name)


def routes() -> list[Route]:
    """The routes of this family."""
    return [
        resource("/", GET=start),
        resource("/health/live", GET=live),
        resource("/health/ready", GET=ready),
        resource("/xapi/siteConfig/buildInfo", GET=build_info),
        resource("/xapi/siteConfig/buildInfo/version", GET=build_version),
        resource("/xapi/handlers", GET=handlers),
        resource("/xapi/schemas", GET=schemas),
        resource("/xapi/users/username", GET=user_name),
        resource("/data/search/elements", GET=search_elements),
        resource("/data/version", GET=no_version),
    ]


def _failed(service: Service) -> list[str]:
    return [name for name, works in (("database", _reads), ("store", _writes)) if not works(service)]


def _reads(service: Service) -> bool:
    try:
        service.projects.all()
    except Exception:  # noqa: BLE001 - whatever fails, the answer is "not ready"
        return False
    return True


def _writes(service: Service) -> bool:
    try:
        with tempfile.TemporaryFile(dir=service.settings.store) as probe:
            probe.write(b"ready?")
    except OSError:
        return False
    return True
