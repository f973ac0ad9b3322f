"""Names that reach the disk: the one door for every label, file name and timestamp that comes from outside.

Spec rulings 1 (timestamps), 4 (labels) and 8 (file names).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import datetime

from xnat_import_core.errors import InvalidRequestError

__all__ = ["MAX_LABEL", "clean_file_name", "clean_label", "is_timestamp", "project_id", "requested_label"]

MAX_LABEL = 64
_MAX_FILE_NAME = 200
_TIMESTAMP = re.compile(r"[0-9]{8}_[0-9]{6}(?:[0-9]{3})?", re.ASCII)
_PROJECT = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_RESERVED_PROJECTS = {"unassigned", "temp-unpack"}


def clean_label(value: str) -> str:
    """A label from a header: safe as a folder name, never refused; empty where nothing is left.

    Accents are folded, every other character outside ASCII ``[A-Za-z0-9_-]`` becomes ``_``, one for one, a leading
    ``-`` too. More than 64 characters become 55, ``_`` and 8 hex digits of the value's SHA-256. Nothing but ``_`` is
    no value.
    """
    folded = "".join(c for c in unicodedata.normalize("NFKD", value) if not unicodedata.combining(c))
    label = re.sub(r"[^A-Za-z0-9_-]", "_", unicodedata.normalize("NFC", folded), flags=re.ASCII)
    if label.startswith("-"):
        label = "_" + label[1:]
    if not label.strip("_"):
        return ""
    if len(label) > MAX_LABEL:
        label = f"{label[:55]}_{hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()[:8]}"
    return label


def requested_label(parameter: str, value: str) -> str:
    """A label from a request, cleaned.

    Raises:
        InvalidRequestError: It is a path, has control characters, is ``.`` or ``..``, has more than 64 characters, or
            nothing is left of it.
    """
    bad = "/" in value or "\\" in value or any(ord(c) < 32 or ord(c) == 127 for c in value)  # noqa: PLR2004 - ASCII's controls
    label = "" if bad or value in {".", ".."} or len(value) > MAX_LABEL else clean_label(value)
    if not label:
        message = (
            f"Parameter {parameter} is no label: use 1 to {MAX_LABEL} letters, digits, '_' and '-', "
            "without '/', '\\' and control characters."
        )
        raise InvalidRequestError(message)
    return label


def project_id(value: str) -> str:
    """A new project's ID, as it is.

    Raises:
        InvalidRequestError: Other characters than letters, digits, ``_``, ``-``; a name that the prearchive's tree
            needs for itself; more than 64 characters.
    """
    reserved = value.lower() in _RESERVED_PROJECTS or is_timestamp(value)
    if not _PROJECT.fullmatch(value) or len(value) > MAX_LABEL or value.startswith("-") or reserved:
        message = (
            f"A project's ID is 1 to {MAX_LABEL} letters, digits, '_' and '-', not beginning with '-', "
            "and neither a timestamp nor 'Unassigned' or 'temp-unpack'."
        )
        raise InvalidRequestError(message)
    return value


def is_timestamp(value: str) -> bool:
    """Whether this is a prearchive timestamp folder: ``yyyyMMdd_HHmmssSSS``, or the older form without ``SSS``.

    It names a time that there is: month 13 is none.
    """
    if _TIMESTAMP.fullmatch(value) is None:
        return False
    try:
        datetime.strptime(f"{value[:15]}+0000", "%Y%m%d_%H%M%S%z")
    except ValueError:
        return False
    return True


def clean_file_name(name: str) -> str:
    r"""The last part of a sent name as a safe file name; empty where nothing is left.

    ``/`` and ``\\`` separate; characters outside ASCII ``[A-Za-z0-9_.-]`` become ``_``; leading dots are dropped.
    """
    last = re.split(r"[/\\]", name)[-1]
    cleaned = re.sub(r"[^A-Za-z0-9_.-]", "_", last, flags=re.ASCII).lstrip(".")
    if len(cleaned) > _MAX_FILE_NAME:
        stem, dot, suffix = cleaned.rpartition(".")
        keep = f".{suffix}" if dot and len(suffix) <= 16 else ""  # noqa: PLR2004
        digest = hashlib.sha256(last.encode("utf-8", "replace")).hexdigest()[:8]
        cleaned = f"{(stem if keep else cleaned)[: _MAX_FILE_NAME - 9 - len(keep)]}_{digest}{keep}"
    return cleaned
