"""From the bytes of a request to the core: all of it runs in threads, a piece of the body at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl

from attrs import define, field

from xnat_import_core.errors import InvalidRequestError
from xnat_import_server.multipart import MultipartReader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xnat_import_core.service import Reception, Spool

__all__ = ["BodyReader", "FileBody", "FormBody", "MultipartBody", "NoFileBody"]

_MAX_FORM = 64 * 1024
_NO_FILE = "Unable to identify upload format. "
_FORM_BODY = (
    _NO_FILE + "The body came as application/x-www-form-urlencoded (curl's default): send its real media type, "
    "such as application/zip, or the parameter inbody=true."
)
_OTHER_BODY = _NO_FILE + "Send the body's media type, such as application/zip, or the parameter inbody=true."


class BodyReader(Protocol):
    """Takes a body piece by piece; ``end`` says that it is whole. Both block and may raise a ``ClientError``."""

    def feed(self, data: bytes) -> None:
        """The next bytes."""

    def end(self) -> None:
        """There are no more."""


class FileBody:
    """The body is the upload."""

    def __init__(self, reception: Reception, name: str, content_type: str) -> None:
        self._spool = reception.open_spool(name, content_type)
        self._empty = True

    def feed(self, data: bytes) -> None:
        """Append."""
        self._empty = self._empty and not data
        self._spool.write(data)

    def end(self) -> None:
        """Raises InvalidRequestError for a body without a byte."""
        if self._empty:
            message = "The upload is empty."
            raise InvalidRequestError(message)
        self._spool.close()


@define
class FormBody:
    """A urlencoded body: parameters, if it parses as a form (spec ruling 15); curl sends files under this type too."""

    reception: Reception
    _body: bytearray = field(factory=bytearray)

    def feed(self, data: bytes) -> None:
        """Collects; refuses what is no form, at once: it may be a whole study."""
        self._body += data
        if len(self._body) > _MAX_FORM or not self._body.isascii():
            raise InvalidRequestError(_FORM_BODY)

    def end(self) -> None:
        """Tells the parameters to the core, which says what is missing."""
        try:
            form = parse_qsl(self._body.decode(), keep_blank_values=True, strict_parsing=bool(self._body))
        except ValueError:
            raise InvalidRequestError(_FORM_BODY) from None
        self.reception.add_parameters(form)


@define
class NoFileBody:
    """A body that counts for nothing."""

    def feed(self, data: bytes) -> None:
        """Refuses at the first byte: what follows may be a whole study."""
        if data:
            raise InvalidRequestError(_OTHER_BODY)

    def end(self) -> None:
        """Nothing came; the import itself says whether its handler needs a file."""


@define
class MultipartBody:
    """A part with a file name is the upload, plain fields are parameters: a ``Sink``."""

    reception: Reception
    boundary: bytes
    _spool: Spool | None = None
    _reader: MultipartReader = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._reader = MultipartReader(self.boundary, self)

    def feed(self, data: bytes) -> None:
        """The next bytes of the body."""
        self._reader.feed(data)

    def end(self) -> None:
        """The body is over; fields behind the file count before anything is extracted."""
        self._reader.end()

    def fields(self, form: Iterable[tuple[str, str]]) -> None:
        """Parameters; the core checks them at once."""
        self.reception.add_parameters(form)

    def begin_file(self, name: str, content_type: str) -> None:
        """Open the spool. The part's own media type is of no importance to the choice of a handler."""
        self._spool = self.reception.open_spool(name, content_type)

    def file_data(self, data: bytes | memoryview) -> None:
        """Append."""
        if self._spool:
            self._spool.write(data)

    def end_file(self) -> None:
        """The upload is whole."""
        if self._spool:
            self._spool.close()
