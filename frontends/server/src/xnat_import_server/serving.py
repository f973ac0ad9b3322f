"""The server process: granian in this process, one event loop, imports in threads; it ends well on SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NoReturn

from xnat_import_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from granian.server.embed import Server

    from xnat_import_core.service import Service

__all__ = ["claim_port", "leave", "run"]

_PIECE = 1024 * 1024
"""Bytes of a body that granian hands over at once: less costs more turns of the loop, more costs memory."""

PASSWORD_VARIABLE = "XNAT_IMPORT_ADMIN_PASSWORD"  # noqa: S105 - the variable's name, not a password


def claim_port(host: str, port: int) -> int:
    """A port that is free: the given one, or any for 0.

    Raises:
        InvalidRequestError: Somebody listens there, or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"Cannot listen at {host}, port {port}: {error.strerror}."
            raise InvalidRequestError(message) from error
        claimed: int = probe.getsockname()[1]
    return claimed


def run(service: Service, host: str, port: int, body_timeout: float, *, tell: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; requests that run are finished.

    Args:
        service: A started service.
        host: Address to listen at.
        port: A free port.
        body_timeout: As in ``create_app``.
        tell: Told the lines that a person should see: the first admin's password, the URL.
    """
    with ThreadPoolExecutor(1) as beside:
        warmed = beside.submit(service.warm)
        server = _server(_app(service, body_timeout, tell), host, port)
    warmed.result()
    asyncio.run(_serve(server, host, port, tell))


def leave() -> NoReturn:
    """End the process now that everything is closed, without taking the interpreter down first.

    A thread of granian may still hold a request's end; if it wakes in a dying interpreter, the process aborts.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _app(service: Service, body_timeout: float, tell: Callable[[str], None]) -> object:
    from xnat_import_server.app import create_app  # noqa: PLC0415 - loaded while a worker process starts
    from xnat_import_server.users import Users  # noqa: PLC0415

    app = create_app(service, body_timeout=body_timeout)
    password = Users(service.database).add_first_admin(os.environ.get(PASSWORD_VARIABLE, ""))
    if password:
        tell(f"User admin was made. Password, shown only now: {password}")
    return app


def _server(app: object, host: str, port: int) -> Server:
    from granian.constants import Interfaces  # noqa: PLC0415 - only a process that serves pays for granian
    from granian.http import HTTP1Settings  # noqa: PLC0415
    from granian.server.embed import Server  # noqa: PLC0415

    http1 = HTTP1Settings(max_buffer_size=_PIECE)
    return Server(
        app, host, port, interface=Interfaces.ASGINL, websockets=False, log_enabled=False, http1_settings=http1
    )


async def _serve(server: Server, host: str, port: int, tell: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    serving = asyncio.ensure_future(server.serve())
    await _until_it_listens(host, port, serving)
    shown = f"[{host}]" if ":" in host else host
    tell(f"Listening at http://{shown}:{port}")
    await serving


async def _until_it_listens(host: str, port: int, serving: asyncio.Future[None]) -> None:
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
