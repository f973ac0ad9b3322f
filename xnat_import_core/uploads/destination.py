"""The grammar of ``dest``: nine forms, read before the body is."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from attrs import frozen

from xnat_import_core.errors import InvalidRequestError
from xnat_import_core.models import Space
from xnat_import_core.storage.names import is_timestamp

__all__ = ["FORMS", "UNASSIGNED", "DestinationPath", "normal_project", "parse_destination", "path_parts"]

UNASSIGNED = "Unassigned"
"""How the part of the prearchive without a project is named in addresses, in any case."""

FORMS = (
    "/prearchive",
    "/prearchive/projects/P",
    "/prearchive/projects/P/TIMESTAMP",
    "/prearchive/projects/P/TIMESTAMP/SESSION",
    "/archive",
    "/archive/projects/P",
    "/archive/projects/P/subjects/S",
    "/archive/projects/P/subjects/S/experiments/E",
    "/archive/projects/P/experiments/E",
)
"""What a ``dest`` may look like; ``/data`` or ``/REST`` may stand in front, slashes behind."""

_NAMES = {
    "P": "project",
    "S": "subject",
    "E": "experiment",
    "TIMESTAMP": "timestamp",
    "SESSION": "folder",
}
_PATTERNS = tuple(
    re.compile(re.sub(r"\b[A-Z]+\b", lambda found: f"(?P<{_NAMES[found[0]]}>[^/]+)", form)) for form in FORMS
)
_PREFIX = re.compile(r"/(?:data|REST)(?=/)")
_NO_PART = re.compile(r"[\x00-\x1f\x7f\\]|(?:^|/)\.\.?(?:/|$)")


@frozen
class DestinationPath:
    """What a ``dest`` names, as it stands there: labels are not cleaned, nothing is looked up."""

    space: Space
    project: str | None = None
    subject: str | None = None
    experiment: str | None = None
    timestamp: str | None = None
    folder: str | None = None

    def __str__(self) -> str:
        """The ``dest`` itself, percent-encoded, without ``/data``."""
        named = (
            ("projects", self.project),
            (None, self.timestamp),
            (None, self.folder),
            ("subjects", self.subject),
            ("experiments", self.experiment),
        )
        steps = [f"/{word}/{quote(name, '')}" if word else f"/{quote(name, '')}" for word, name in named if name]
        return f"/{self.space}{''.join(steps)}"


def parse_destination(text: str) -> DestinationPath | None:
    """Read a ``dest``.

    Percent escapes are decoded once (the whole value may be encoded), one leading ``/data`` or ``/REST`` and trailing
    slashes are dropped, ``Unassigned`` is given in this spelling. Empty text is no destination: ``None``.

    Raises:
        InvalidRequestError: It is none of the nine forms, its timestamp is no timestamp, or it names an archived
            session without a project.
    """
    if not text:
        return None
    path = "/" + "/".join(path_parts(text) or [""])
    found = next((match for pattern in _PATTERNS if (match := pattern.fullmatch(path))), None)
    if found is None:
        message = f"Parameter dest format error: use one of {', '.join(FORMS)}."
        raise InvalidRequestError(message)
    names = {name: part for name, part in found.groupdict().items() if part}
    destination = DestinationPath(Space(path.split("/")[1]), **names)
    return _checked(destination)


def _checked(path: DestinationPath) -> DestinationPath:
    if path.timestamp is not None and not is_timestamp(path.timestamp):
        message = (
            "Parameter dest format error: the part behind the project is no timestamp; "
            f"use yyyyMMdd_HHmmssSSS in one of {', '.join(FORMS)}."
        )
        raise InvalidRequestError(message)
    project = normal_project(path.project) if path.project else None
    if path.space is Space.ARCHIVE and project == UNASSIGNED:
        message = "Parameter dest: an archived session needs a project, and Unassigned is none; name a project."
        raise InvalidRequestError(message)
    return DestinationPath(path.space, project, path.subject, path.experiment, path.timestamp, path.folder)


def normal_project(project: str) -> str:
    """A project as sent; ``Unassigned`` in any case is given in this spelling."""
    return UNASSIGNED if project.lower() == UNASSIGNED.lower() else project


def path_parts(text: str) -> list[str] | None:
    """The parts of an address, decoded once, without ``/data`` or ``/REST`` and trailing slashes.

    Returns:
        ``None`` where it is no address inside the service: it does not begin with ``/``, is not UTF-8, or has a query,
        an empty part, ``.``, ``..``, a backslash or a control character.
    """
    try:
        path = unquote(text, errors="strict")
    except UnicodeDecodeError:
        return None
    path = _PREFIX.sub("", path.rstrip("/"), count=1) if path.startswith("/") else ""
    if not path or "//" in path or _NO_PART.search(path) or re.search(r"[?#]", text):
        return None
    return path[1:].split("/")
