"""The few HTML pages: everything that came from outside is escaped here."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["error_page", "imported_page", "start_page"]


def error_page(status: int, message: str, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """XNAT's error page: the message is the one ``<h3>``, which xnatpy shows to its user."""
    title = escape(_phrase(status))
    # Clients show this heading as it is, so apostrophes stay apostrophes.
    body = f"<h3>{escape(message, quote=False)}</h3>\n<p>{status} {title}</p>"
    return HTMLResponse(_page(title, body), status, headers)


def start_page(csrf_token: str, user: str, version: str) -> HTMLResponse:
    """``GET /``: says what this is and who is logged in; xnatpy looks whether it answers."""
    who = f"Logged in as {escape(user)}." if user else "Not logged in."
    body = f"<h1>xnat-import {escape(version)}</h1>\n<p>{who}</p>\n<script>var csrfToken = '{csrf_token}';</script>"
    return HTMLResponse(_page("xnat-import", body))


def imported_page(uris: Sequence[str]) -> HTMLResponse:
    """The answer of an import for a browser: how many sessions went where."""
    rows = "\n".join(f'<li><a href="{escape(uri)}">{escape(uri)}</a></li>' for uri in uris)
    plural = "" if len(uris) == 1 else "s"
    body = f"<h3>Successfully uploaded {len(uris)} session{plural}.</h3>\n<ul>\n{rows}\n</ul>"
    return HTMLResponse(_page("Imported", body))


def _page(title: str, body: str) -> str:
    head = f'<head><meta charset="utf-8"><title>{title}</title></head>'
    return f'<!DOCTYPE html>\n<html lang="en">\n{head}\n<body>\n{body}\n</body>\n</html>\n'


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
