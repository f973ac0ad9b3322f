"""The grammar of ``src``: files in the caller's own cache."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from xnat_import_core.errors import InvalidRequestError
from xnat_import_core.uploads.destination import path_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["parse_sources"]


def parse_sources(values: Iterable[str]) -> tuple[str, ...]:
    """All files that ``src`` parameters name, in order: each as ``/user/cache/resources/NAME/files/PATH``, encoded.

    ``/data`` or ``/REST`` may stand in front; one value may hold several, separated by commas (a comma in a name is
    sent as ``%2C``).

    Raises:
        InvalidRequestError: One of them has another form, or has ``..`` in it.
    """
    return tuple(_source(text) for value in values for text in value.split(","))


def _source(text: str) -> str:
    match path_parts(text):
        case ["user", "cache", "resources", name, "files", first, *rest]:
            path = "/".join(quote(part, "") for part in (first, *rest))
            return f"/user/cache/resources/{quote(name, '')}/files/{path}"
        case _:
            message = "src uri is invalid. Use /user/cache/resources/NAME/files/PATH; several are separated by commas."
            raise InvalidRequestError(message)
