"""A client of HTTP that costs as little as possible: files go to the socket by ``sendfile``."""

from __future__ import annotations

import http.client
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Answer", "FilePart", "form_of", "send"]

_PATIENCE = 600.0
_BOUNDARY = "benchmark-4f1c9e0a7d"


@frozen
class FilePart:
    """The first bytes of a file."""

    path: Path
    size: int


@frozen
class Answer:
    """What came back, and when: seconds from before the connection was made until the answer was read."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    seconds: float


def send(
    method: str, url: str, body: Sequence[bytes | FilePart] = (), headers: Mapping[str, str] | None = None
) -> Answer:
    """One request on a connection of its own."""
    address = urlsplit(url)
    target = address.path + (f"?{address.query}" if address.query else "")
    size = sum(part.size if isinstance(part, FilePart) else len(part) for part in body)
    lines = {"Host": address.netloc, "Content-Length": str(size), "Connection": "close", **(headers or {})}
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    began = time.perf_counter()
    with socket.create_connection((address.hostname or "", address.port or 80), _PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent: the answer says why
            connection.sendall(f"{head}\r\n".encode())
            for part in body:
                _send_part(connection, part)
        answer = http.client.HTTPResponse(connection, method=method)
        answer.begin()
        received = answer.read()
        return Answer(answer.status, answer.headers, received, time.perf_counter() - began)


def form_of(file: FilePart, fields: Mapping[str, str]) -> tuple[str, list[bytes | FilePart]]:
    """A multipart form with plain fields, then the file: its media type, and the body."""
    disposition = "Content-Disposition: form-data; name="
    plain = "".join(f'--{_BOUNDARY}\r\n{disposition}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    head = f'--{_BOUNDARY}\r\n{disposition}"file"; filename="{file.path.name}"\r\nContent-Type: application/zip\r\n\r\n'
    return f"multipart/form-data; boundary={_BOUNDARY}", [
        (plain + head).encode(), file, f"\r\n--{_BOUNDARY}--\r\n".encode(),
    ]  # fmt: skip


def _send_part(connection: socket.socket, part: bytes | FilePart) -> None:
    if isinstance(part, bytes):
        connection.sendall(part)
        return
    with part.path.open("rb", buffering=0) as stream:
        connection.sendfile(stream, 0, part.size)
