"""Which form of an answer a request asks for: ``format=`` first, then ``Accept``, then JSON (rest-api 1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xnat_import_core.errors import NotAcceptableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import HTTPConnection

__all__ = ["preferred", "wanted"]

_MEDIA = {
    "json": "application/json",
    "csv": "text/csv",
    "xml": "application/xml",
    "html": "text/html",
    "txt": "text/plain",
    "zip": "application/zip",
}
_TWINS = {"text/xml": "application/xml", "text/json": "application/json"}
_FORMATS = {media: name for name, media in _MEDIA.items()}


def preferred(connection: HTTPConnection) -> str:
    """The media type that ``Accept`` names with the highest weight, the first of equals; empty for ``*/*`` or none."""
    best, weight = "", 0.0
    for entry in connection.headers.get("accept", "").split(","):
        media, *parameters = (text.strip().lower() for text in entry.split(";"))
        quality = _quality(parameters)
        if quality > weight:
            best, weight = media, quality
    return "" if best == "*/*" else _TWINS.get(best, best)


def wanted(connection: HTTPConnection, offered: Sequence[str]) -> str:
    """One of the offered formats; the first is the default.

    Raises:
        NotAcceptableError: ``format`` names another one. An ``Accept`` that nothing fits gets the default.
    """
    asked = connection.query_params.get("format", "").lower()
    if asked:
        name = _FORMATS.get(_TWINS.get(asked, asked), asked)
        if name not in offered:
            message = f"Parameter format: {asked[:32]!r} is not offered here; use {' or '.join(offered)}."
            raise NotAcceptableError(message)
        return name
    accepted = _FORMATS.get(preferred(connection), "")
    return accepted if accepted in offered else offered[0]


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
