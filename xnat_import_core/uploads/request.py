"""One reading of all parameters of an import, for every handler, before the body."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from attrs import evolve

from xnat_import_core.errors import InvalidRequestError, NotFoundError
from xnat_import_core.models import Space
from xnat_import_core.parameters import ImportRequest, Overwrite
from xnat_import_core.settings import Compat
from xnat_import_core.storage.names import is_timestamp, requested_label
from xnat_import_core.uploads.destination import DestinationPath, normal_project, parse_destination
from xnat_import_core.uploads.field_paths import alias_of, field_name
from xnat_import_core.uploads.sent import Sent, agreed
from xnat_import_core.uploads.sources import parse_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xnat_import_core.uploads.sent import Claim

__all__ = ["parse_request"]

_STRICT = Compat()
_TRANSPORT = frozenset({"inbody", "format"})
_IMPORTERS = ("DICOM", "ECAT")
_NO_PIPELINES = frozenset({"false", "f", "no", "n", "off", "0"})
_OVERWRITE = {
    "": Overwrite.NONE,
    "none": Overwrite.NONE,
    "false": Overwrite.NONE,
    "append": Overwrite.APPEND,
    "true": Overwrite.APPEND,
    "delete": Overwrite.DELETE,
    "override": Overwrite.DELETE,
}


def parse_request(
    query: Iterable[tuple[str, str]],
    form: Iterable[tuple[str, str]] = (),
    *,
    same_project: Callable[[str, str], bool] = operator.eq,
    compat: Compat = _STRICT,
) -> ImportRequest:
    """Read the parameters of an import (import chapter 2 and 3; spec rulings 3, 4, 11 to 17).

    Args:
        query: Parameters of the query string, in order, percent-decoded.
        form: Form fields, in body order. The query wins over them, a later value over an earlier one; every ``src``
            adds a file.
        same_project: Whether two names mean one project (an ID and its alias do).
        compat: Only ``overwrite`` counts here.

    Raises:
        InvalidRequestError: A value that its parameter cannot have, or two parameters that contradict each other.
        NotFoundError: ``prearc-importer`` names none.
    """
    query, form = tuple(query), tuple(form)
    sent = Sent.read(query, form)
    if any(name == "reference" for name, _ in form):
        message = "multi-part form posts may not be used to upload files via reference. Send the file itself, or src."
        raise InvalidRequestError(message)
    sent.values.pop("src", None)
    request = _read_switches(sent, parse_sources(value for name, value in (*form, *query) if name == "src"))
    request = _read_archiving(request, sent, compat)
    request = _read_places(request, sent, same_project)
    return _keep_the_rest(request, sent)


def _read_switches(sent: Sent, sources: tuple[str, ...]) -> ImportRequest:
    action = sent.text("action") or ""
    skip = sent.wish("Ignore-Unparsable")
    return ImportRequest(
        handler_key=sent.text("import-handler") or "",
        commit=action == "commit",
        ignore_unparsable=True if skip is None and action.lower() == "commit" else skip,
        direct_archive=sent.flag("Direct-Archive"),
        rename=sent.flag("rename"),
        prevent_anon=sent.flag("prevent_anon"),
        prevent_auto_commit=sent.flag("prevent_auto_commit"),
        timezone=_timezone(sent.text("TIMEZONE")),
        source=sent.text("SOURCE"),
        event_reason=sent.text("event_reason"),
        event_type=sent.text("event_type"),
        event_comment=sent.text("event_comment"),
        importer=_importer(sent.text("prearc-importer")),
        listener=_listener(sent),
        transaction=sent.text("transaction"),
        plan=sent.flag("plan"),
        sources=sources,
    )


def _read_archiving(request: ImportRequest, sent: Sent, compat: Compat) -> ImportRequest:
    wishes = sent.wish("AA"), sent.wish("auto-archive")
    # The Desktop Client sends autoArchive=AutoArchive: read as a boolean it would forbid archiving.
    sent.text("autoArchive")
    code = sent.text("prearchive_code")
    pipelines = sent.values.pop("triggerPipelines", "")
    return evolve(
        request,
        overwrite=_overwrite(sent.text("overwrite") or "", code, compat),
        overwrite_files=sent.flag("overwrite_files"),
        auto_archive=wishes[1] if wishes[0] is None else wishes[0],
        prearchive_code=code,
        quarantine=sent.wish("quarantine"),
        trigger_pipelines=pipelines.lower() not in _NO_PIPELINES,
    )


def _read_places(request: ImportRequest, sent: Sent, same_project: Callable[[str, str], bool]) -> ImportRequest:
    text = sent.text("dest") or ""
    dest = parse_destination(text)
    path = dest or DestinationPath(Space.PREARCHIVE)
    named = _claims(sent)
    projects = [("dest", path.project), *named["project"]]
    request = evolve(
        request,
        space=dest.space if dest else None,
        has_dest=dest is not None,
        project=agreed([(name, value and normal_project(value)) for name, value in projects], same_project),
        subject=_label([("dest", path.subject), *named["subject"]]),
        session=_label([("dest", path.experiment), *named["session"]]),
        experiment=_label([("dest", path.experiment), sent.claim("EXPT_ID")]),
        timestamp=_timestamp([("dest", path.timestamp), sent.claim("PREARC_TIMESTAMP")]),
        folder=_label([("dest", path.folder), sent.claim("PREARC_SESSION_FOLDER")]),
        visit=agreed(named["visit"]),
        protocol=agreed(named["protocol"]),
    )
    _check_prearchive_path(request)
    return request


def _claims(sent: Sent) -> dict[str, list[Claim]]:
    """What parameters say of project, subject, session, visit and protocol, the strongest first."""
    spelled: dict[str, list[Claim]] = {}
    for name in sorted(sent.values):
        if alias := alias_of(name):
            spelled.setdefault(alias, []).append(sent.claim(name))
    names = {
        "project": ("project", "PROJECT_ID"),
        "subject": ("subject", "SUBJECT_ID", "subject_ID"),
        "session": ("session", "EXPT_LABEL", "label"),
        "visit": ("visit", "VISIT"),
        "protocol": ("protocol", "SUBTYPE"),
    }
    return {
        meaning: [*map(sent.claim, parameters), *(c for name in parameters for c in spelled.get(name, ()))]
        for meaning, parameters in names.items()
    }


def _keep_the_rest(request: ImportRequest, sent: Sent) -> ImportRequest:
    known = {name: field_name(name) for name in sent.values}
    return evolve(
        request,
        fields={path: sent.values[name] for name, path in known.items() if path},
        others={name: sent.values[name] for name, path in known.items() if not path and name not in _TRANSPORT},
    )


def _label(claims: Iterable[Claim]) -> str | None:
    return agreed((name, None if value is None else requested_label(name, value)) for name, value in claims)


def _timestamp(claims: Iterable[Claim]) -> str | None:
    stated = tuple(claims)
    for name, value in stated:
        if value is not None and not is_timestamp(value):
            message = f"Parameter {name} is no timestamp: use yyyyMMdd_HHmmssSSS."
            raise InvalidRequestError(message)
    return agreed(stated)


def _check_prearchive_path(request: ImportRequest) -> None:
    if request.folder and not request.timestamp:
        message = "User must specify timestamp portion of prearchive path, if session portion is specified."
        raise InvalidRequestError(message)
    if request.timestamp and not request.project:
        message = "User must specify project portion of prearchive path, if timestamp/session portion is specified."
        raise InvalidRequestError(message)


def _overwrite(word: str, code: str | None, compat: Compat) -> Overwrite:
    meaning = _OVERWRITE.get(word.lower())
    if compat.overwrite == "xnat" and word and meaning is not Overwrite.DELETE:
        meaning = Overwrite.APPEND
    if meaning is None:
        message = (
            "Overwrite flag was not set to a valid option. ('append' or 'delete')"
            if code == "1"
            else "Parameter overwrite: use none, append or delete."
        )
        raise InvalidRequestError(message)
    return meaning


def _timezone(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        message = "Parameter TIMEZONE is no zone name: use one such as 'Europe/Berlin'."
        raise InvalidRequestError(message) from error
    return name


def _importer(name: str | None) -> str:
    if name is not None and name not in _IMPORTERS:
        message = f"Unknown prearc-importer implementation specified: {name}"
        raise NotFoundError(message)
    return name or _IMPORTERS[0]


def _listener(sent: Sent) -> str | None:
    key = sent.values.pop("http-session-listener", None)
    if key == "":
        message = "'transaction' is required when requesting 'http-session-listener'."
        raise InvalidRequestError(message)
    return key
