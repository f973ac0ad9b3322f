"""The answer of an import, as XNAT gives it: URIs, one a line; JSON for whoever prefers it (import chapter 10)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from xnat_import_core.models import Fate
from xnat_import_server.addresses import data_uri
from xnat_import_server.formats import preferred
from xnat_import_server.pages import imported_page
from xnat_import_server.site import site_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from xnat_import_core.models import Outcome, SessionOutcome
    from xnat_import_core.service import Service

__all__ = ["import_answer"]

_MOST_REJECTED = 1000


def import_answer(request: Request, outcome: Outcome) -> Response:
    """200 with what became of the upload. Reads the receipt for JSON, so it may block."""
    uris = [data_uri(session.uri) if outcome.wrap_uris else session.uri for session in outcome.sessions]
    response = _answer(request, outcome, uris)
    response.headers["X-Import-Id"] = outcome.import_id
    return response


def _answer(request: Request, outcome: Outcome, uris: list[str]) -> Response:
    asked, accepted = request.query_params.get("format", "").lower(), preferred(request)
    if asked == "html" or (not asked and accepted == "text/html"):
        return imported_page(uris)
    if accepted == "application/json":
        return JSONResponse(_document(site_of(request).service, outcome, uris))
    if len(uris) == 1 and (asked == "txt" or (not asked and accepted == "text/plain")):
        return Response(uris[0], media_type="text/plain")
    lines = "".join(f"{uri}\r\n" for uri in uris)
    return Response(lines, headers={"Content-Type": "text/uri-list"})


def _document(service: Service, outcome: Outcome, uris: list[str]) -> dict[str, object]:
    lines = service.receipt_lines(outcome.import_id) if outcome.counts.get(Fate.REJECTED) else ()
    rejected = ({"member": line.name, "reason": line.reason} for line in lines if line.fate == Fate.REJECTED)
    return {
        "import_id": outcome.import_id,
        "handler": outcome.handler_key,
        "planned": outcome.planned,
        "sessions": [_session(session, uri) for session, uri in zip(outcome.sessions, uris, strict=True)],
        "counts": {fate.value: outcome.counts.get(fate, 0) for fate in Fate},
        "rejected": list(islice(rejected, _MOST_REJECTED)),
        "notes": list(outcome.notes),
    }


def _session(session: SessionOutcome, uri: str) -> dict[str, object]:
    return {
        "uri": uri,
        "project": session.project or "Unassigned",
        "subject": session.subject,
        "session": session.label,
        "status": session.status,
        "scans": session.scans,
        "files": session.stored + session.same,
        "stored": session.stored,
        "same": session.same,
        "joined": session.joined,
        "reasons": dict(session.reasons),
        "notes": list(session.notes),
    }
