"""Parameters of a request without a file: from the query, and from a form or a JSON object as body (rest-api 1.2)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import parse_qsl

from attrs import define, field, frozen

from xnat_import_core.errors import InvalidRequestError
from xnat_import_core.uploads import parse_request
from xnat_import_core.uploads.sent import is_true
from xnat_import_server.bodies import small_body
from xnat_import_server.body_kind import media_type_of
from xnat_import_server.multipart import MultipartReader, boundary_of
from xnat_import_server.site import Site, site_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

    from xnat_import_core.parameters import ImportRequest

__all__ = ["Parameters", "parameters_of"]


@frozen
class Parameters:
    """What was sent. The query wins over the body, a later value over an earlier one of the same name."""

    query: tuple[tuple[str, str], ...]
    form: tuple[tuple[str, str], ...] = ()

    def text(self, name: str) -> str:
        """One value; empty if it was not sent."""
        return self.all(name)[-1] if self.all(name) else ""

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter that may be repeated."""
        return tuple(value for key, value in (*self.form, *self.query) if key == name and value)

    def flag(self, name: str) -> bool:
        """A boolean that is false if it was not sent."""
        return is_true(self.text(name))

    def read(self, site: Site, *without: str) -> ImportRequest:
        """All of them in the core's reading, but for those that mean something else here.

        Raises:
            InvalidRequestError: A value that its parameter cannot have, or two that contradict each other.
        """
        query, form = (
            [(name, value) for name, value in sent if name not in without] for sent in (self.query, self.form)
        )

        def same_project(one: str, other: str) -> bool:
            found = [site.service.projects.find(name) for name in (one, other)]
            return one == other or (None not in found and found[0] == found[1])

        return parse_request(query, form, same_project=same_project, compat=site.service.settings.compat)


async def parameters_of(request: Request) -> Parameters:
    """Read them. A body that is no form and no JSON counts for nothing.

    Raises:
        HTTPException: 413, the body is too large; 408, it does not come.
        InvalidRequestError: It is not what its media type says, or has a file in it.
    """
    query = tuple(request.query_params.multi_items())
    body = await small_body(request.receive, site_of(request).body_timeout)
    return Parameters(query, tuple(_form(body, request.headers.get("content-type", ""))) if body else ())


def _form(body: bytes, content_type: str) -> Iterable[tuple[str, str]]:
    kind = media_type_of(content_type)
    if kind == "application/x-www-form-urlencoded":
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    if kind == "application/json":
        return _json_form(body)
    if kind.startswith("multipart/"):
        fields = _Fields()
        reader = MultipartReader(boundary_of(content_type), fields)
        reader.feed(body)
        reader.end()
        return fields.met
    return ()


def _json_form(body: bytes) -> list[tuple[str, str]]:
    try:
        sent = json.loads(body)
    except ValueError as error:
        message = "The body is no JSON."
        raise InvalidRequestError(message) from error
    if not isinstance(sent, dict):
        _refuse_shape()
    pairs = [(name, each) for name, value in sent.items() for each in (value if isinstance(value, list) else [value])]
    return [(name, _text(value)) for name, value in pairs if value is not None]


def _text(value: object) -> str:
    if isinstance(value, (dict, list)):
        _refuse_shape()
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _refuse_shape() -> NoReturn:
    message = "The body must be one JSON object of names with a text, number or boolean, or a list of those."
    raise InvalidRequestError(message)


@define
class _Fields:
    """The plain fields of a multipart body: a ``Sink``."""

    met: list[tuple[str, str]] = field(factory=list)

    def fields(self, form: Iterable[tuple[str, str]]) -> None:
        self.met.extend(form)

    def begin_file(self, name: str, content_type: str) -> None:  # noqa: ARG002 - the sink's signature
        message = "This request takes no file."
        raise InvalidRequestError(message)

    def file_data(self, data: bytes | memoryview) -> None:
        """Never met: ``begin_file`` has refused it."""

    def end_file(self) -> None:
        """Never met, either."""
