"""Fields that a request gives: XNAT's element paths and short names, put into the session's document (step 8.2.2)."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from attrs import evolve

from xnat_import_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xnat_import_core.documents.schema import Element
    from xnat_import_core.models import FieldValue, SessionDocument

__all__ = ["with_fields"]

_ROOT: Final = re.compile(r"[A-Za-z_][\w.-]*:[A-Za-z_][\w.-]*/", re.ASCII)
_SCAN: Final = re.compile(r"scans/scan\[(?:@?ID=['\"]?([\w-]+)['\"]?|(\d+))\](?:\[[^]]*\])?/(.+)", re.ASCII)
_NAMING: Final = frozenset({"ID", "project", "label", "subject_ID", "visit", "protocol"})
_SHORT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "studyInstanceUID": "UID",
        "pi_firstname": "investigator/firstname",
        "pi_lastname": "investigator/lastname",
        "validation_method": "validation/method",
        "validation_status": "validation/status",
        "validation_date": "validation/date",
        "validation_notes": "validation/notes",
        "scan_start_time": "start_time_scan",
        "injection_start_time": "start_time_injection",
        "tracer_name": "tracer/name",
        "tracer_startTime": "tracer/startTime",
        "tracer_dose": "tracer/dose",
        "tracer_sa": "tracer/specificActivity",
        "tracer_totalmass": "tracer/totalMass",
        "tracer_intermediate": "tracer/intermediate",
        "tracer_isotope": "tracer/isotope",
        "tracer_transmissions": "tracer/transmissions",
        "tracer_transmissions_start": "tracer/transmissions_starttime",
    }
)


def with_fields(document: SessionDocument, fields: Mapping[str, str]) -> SessionDocument:
    """The document with a request's fields in it; those that name session, subject or project are read elsewhere.

    Raises:
        InvalidRequestError: A path that the schema does not have, or a value that does not fit.
    """
    from xnat_import_core.documents import scan_types, session_types  # noqa: PLC0415 - lxml is needed for documents

    session: dict[str, str] = {}
    scans: dict[int, dict[str, str]] = {}
    for name, value in fields.items():
        path = _ROOT.sub("", _SHORT.get(name, name), count=1)
        found = _SCAN.fullmatch(path)
        if found:
            scans.setdefault(_scan(document, name, found[1], found[2]), {})[found[3]] = value
        elif path not in _NAMING:
            session[path] = value
    if session:
        element = session_types().get(document.type)
        document = evolve(document, fields={**document.fields, **_fitting(element, session)})
    changed = list(document.scans)
    for number, values in scans.items():
        scan = changed[number]
        changed[number] = evolve(scan, fields={**scan.fields, **_fitting(scan_types().get(scan.type), values)})
    return evolve(document, scans=tuple(changed))


def _scan(document: SessionDocument, name: str, scan_id: str | None, number: str | None) -> int:
    for place, scan in enumerate(document.scans):
        if scan.id == scan_id or (number is not None and place == int(number)):
            return place
    message = f"Parameter {name} names a scan that the session does not have."
    raise InvalidRequestError(message)


def _fitting(element: Element | None, values: Mapping[str, str]) -> dict[str, FieldValue]:
    from xnat_import_core.documents.tree import Node, fill  # noqa: PLC0415 - as above

    paths: dict[str, FieldValue] = {_resolved(element, path): value for path, value in values.items()}
    notes = fill(Node(element), paths) if element is not None else ["the session's type has no fields"]
    if notes:
        message = f"A field that the request gives does not fit: {notes[0]}."
        raise InvalidRequestError(message)
    return paths


def _resolved(element: Element | None, path: str) -> str:
    """Our path for one of XNAT's, which does not tell attributes from elements."""
    *above, last = path.split("/")
    for name in above:
        element = element.children.get(name.partition("[")[0]) if element else None
    if element is not None and last not in element.children and last in element.attributes:
        return "/".join((*above, f"@{last}"))
    return path
