"""Where the file of an import is: decided from query and media type, before the body is read (import chapter 1.1)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from xnat_import_core.errors import InvalidRequestError, NotAcceptableError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BodyKind", "body_kind", "media_type_of"]

_IN_BODY_MULTIPART = (
    "In-body File posts must include the file directly as the body of the message "
    "(not as part of multi-part form data)."
)
_IN_BODY_NOTHING = (
    "In-body File posts must include the file directly as the body of the message. "
    "In this case, the request entity is null."
)
_FORM = "application/x-www-form-urlencoded"


class BodyKind(Enum):
    """What the body of an import is."""

    FILE = "the body is the upload"
    MULTIPART = "a part with a file name is the upload"
    FORM = "parameters only"
    NONE = "nothing that counts"


def media_type_of(content_type: str) -> str:
    """A media type in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def body_kind(query: Iterable[tuple[str, str]], content_type: str, *, has_body: bool) -> BodyKind:
    """What to make of a body.

    Args:
        query: Parameters of the query string: ``inbody`` counts here only, true unless it is ``false`` or ``0``.
        content_type: As sent, perhaps empty.
        has_body: Whether the request says that it has one, of known length or not.

    Raises:
        NotAcceptableError: ``inbody`` and a multipart body.
        InvalidRequestError: ``inbody`` and no body.
    """
    media_type = media_type_of(content_type)
    values = [value.lower() for name, value in query if name == "inbody"]
    in_body = bool(values) and values[-1] not in {"false", "0"}
    if in_body and media_type.startswith("multipart/"):
        raise NotAcceptableError(_IN_BODY_MULTIPART)
    if in_body and not has_body:
        raise InvalidRequestError(_IN_BODY_NOTHING)
    if not has_body:
        return BodyKind.NONE
    if in_body:
        return BodyKind.FILE
    if media_type.startswith("multipart/"):
        return BodyKind.MULTIPART
    if media_type == _FORM:
        return BodyKind.FORM
    return BodyKind.FILE if media_type.startswith(("application/", "text/", "image/", "video/")) else BodyKind.NONE
