"""A multipart body as it comes: plain fields are parameters, the one part with a file name is the upload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from attrs import define, field
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from xnat_import_core.errors import InvalidRequestError, LimitExceededError, UnreadableUploadError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from python_multipart.multipart import MultipartCallbacks

__all__ = ["MultipartReader", "Sink", "boundary_of"]

_MAX_FIELDS_BYTES = 1024 * 1024
_MAX_PARTS = 1000
_ONE_FILE = "Importer is limited to one uploaded resource at a time."
_REFERENCE = "multi-part form posts may not be used to upload files via reference."


class Sink(Protocol):
    """Where the parts of a body go. Every method may block and may raise a ``ClientError``."""

    def fields(self, form: Iterable[tuple[str, str]]) -> None:
        """Fields met since the last call, in body order."""

    def begin_file(self, name: str, content_type: str) -> None:
        """The upload begins; ``name`` is the last part of the sent file name."""

    def file_data(self, data: bytes | memoryview) -> None:
        """Bytes of the upload."""

    def end_file(self) -> None:
        """The upload is whole."""


def boundary_of(content_type: str) -> bytes:
    """The boundary of a multipart media type.

    Raises:
        InvalidRequestError: There is none.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not boundary:
        message = "The multipart media type names no boundary; send 'multipart/form-data; boundary=...'."
        raise InvalidRequestError(message)
    return boundary


@define
class _Part:
    """The part that is being read."""

    headers: dict[str, str] = field(factory=dict)
    name: str = ""
    file_name: str | None = None
    value: bytearray = field(factory=bytearray)


class MultipartReader:
    """Feed it the body; it tells the sink what it meets."""

    def __init__(self, boundary: bytes, sink: Sink) -> None:
        self._sink = sink
        self._part = _Part()
        self._header = (bytearray(), bytearray())
        self._form: list[tuple[str, str]] = []
        self._budget = _MAX_FIELDS_BYTES
        self._parts = self._files = 0
        self._whole = False
        try:
            self._parser = MultipartParser(boundary, self._callbacks())
        except FormParserError as error:
            message = "The boundary of the multipart body is too long."
            raise InvalidRequestError(message) from error

    def feed(self, data: bytes) -> None:
        """The next bytes of the body.

        Raises:
            ClientError: Not a multipart body, two files, a nameless file, too many fields, or what the sink raises.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            message = "The body is no multipart body: its parts do not follow the boundary."
            raise UnreadableUploadError(message) from error

    def end(self) -> None:
        """The body is over.

        Raises:
            UnreadableUploadError: It was cut short.
        """
        if not self._whole:
            message = "The multipart body ends before its last boundary; send it again."
            raise UnreadableUploadError(message)
        self._tell_fields()

    def _callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._on_part_begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            message = f"The form has more than {_MAX_PARTS} parts."
            raise LimitExceededError(message)
        self._part = _Part()

    def _on_header_end(self) -> None:
        name, value = (bytes(text).decode("utf-8", "replace") for text in self._header)
        self._part.headers[name.lower()] = value
        self._header = (bytearray(), bytearray())

    def _on_headers_finished(self) -> None:
        disposition = self._part.headers.get("content-disposition", "")
        self._part.name, self._part.file_name = _names(disposition)
        if self._part.name == "reference":
            raise InvalidRequestError(_REFERENCE)
        if self._part.file_name:
            self._begin_file(self._part.file_name)

    def _begin_file(self, name: str) -> None:
        self._files += 1
        if self._files > 1:
            raise InvalidRequestError(_ONE_FILE)
        self._tell_fields()
        self._sink.begin_file(name, _media_type(self._part.headers.get("content-type", "")))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part.file_name:
            self._sink.file_data(memoryview(data)[start:end])
        elif self._part.file_name is not None:
            message = 'A file of the form has no file name; give one, such as filename="upload.zip".'
            raise InvalidRequestError(message)
        else:
            self._budget -= end - start
            if self._budget < 0:
                message = f"The form's fields have more than {_MAX_FIELDS_BYTES} bytes."
                raise LimitExceededError(message)
            self._part.value += data[start:end]

    def _on_part_end(self) -> None:
        if self._part.file_name:
            self._sink.end_file()
        elif self._part.file_name is None and self._part.name:
            self._form.append((self._part.name, self._part.value.decode("utf-8", "replace")))

    def _on_end(self) -> None:
        self._whole = True

    def _tell_fields(self) -> None:
        if self._form:
            self._sink.fields(self._form)
            self._form = []


def _names(disposition: str) -> tuple[str, str | None]:
    """Field name and file name of a part; no file name at all makes it a plain field."""
    # The parser's own reading keeps latin-1 only, while clients send file names in UTF-8.
    options = parse_options_header(disposition.encode("utf-8").decode("latin-1"))[1]
    name = options.get(b"name", b"").decode("utf-8", "replace")
    sent = options.get(b"filename")
    file_name = sent.decode("utf-8", "replace") if sent is not None else _extended_name(disposition)
    return name, None if file_name is None else file_name.replace("\\", "/").rpartition("/")[2]


def _extended_name(disposition: str) -> str | None:
    """``filename*=UTF-8''...`` (RFC 5987), which some libraries send alone."""
    for option in disposition.split(";"):
        key, equals, value = option.strip().partition("=")
        if equals and key.lower() == "filename*":
            return unquote(value.strip('"').rpartition("'")[2])
    return None


def _media_type(value: str) -> str:
    return value.partition(";")[0].strip().lower()
