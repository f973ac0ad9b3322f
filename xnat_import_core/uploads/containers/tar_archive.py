"""A tar archive, read once from front to back: no file is made, no link followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attrs import define

from xnat_import_core.uploads.budget import exceeded
from xnat_import_core.uploads.containers.names import decode_name, joined
from xnat_import_core.uploads.containers.streams import Flow
from xnat_import_core.uploads.containers.tar_headers import (
    BLOCK,
    Header,
    is_tar_header,
    parse_header,
    pax_records,
)
from xnat_import_core.uploads.containers.windows import PIECE, DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xnat_import_core.uploads.budget import Budget

__all__ = ["TarArchive", "TarMember"]

_MAX_EXTENDED = 1024 * 1024
_HEADERS_A_MEMBER = 4
_PROBLEMS = {b"1": "is a link", b"2": "is a link", b"3": "is a device", b"4": "is a device", b"6": "is a device"}
_SPARSE = "is a sparse file, which is not supported"
_WITHOUT_DATA = {*_PROBLEMS, b"5"}
_REGULAR = {b"0", b"\0", b"7"}


class TarArchive:
    """A tar archive in a flow of bytes.

    Args:
        pieces: Its bytes, inflated and counted.
        prefix: Its name in the upload; empty for an upload that is the archive.
        budget: Of the upload.
    """

    def __init__(self, pieces: Iterator[bytes], prefix: str, budget: Budget) -> None:
        self._flow = Flow(pieces)
        self._prefix = prefix
        self._limits = budget.limits
        self._current: TarMember | None = None
        self._headers = 0
        self._global: dict[str, bytes] = {}

    def members(self) -> Iterator[TarMember]:
        """Its members, without folders; each must be read before the next is asked for.

        Raises:
            DamagedError: A header is broken, or the archive ends too early or has another one behind it.
            LimitExceededError: Too many headers, too long a name, too large a member.
        """
        try:
            while (member := self._next_member()) is not None:
                self._current = member
                if not member.is_folder:
                    yield member
                self._skip(member)
            self._drain()
        finally:
            self._flow.close()

    def read(self, member: TarMember, limit: int) -> bytes:
        """Bytes of the current member. Raises DamagedError where it is not, or the archive is cut short."""
        if self._current is not member:
            raise DamagedError(clause="was not read in its turn")
        part = self._flow.some(limit)
        if not part:
            raise DamagedError(clause="is cut short")
        return part

    def _skip(self, member: TarMember) -> None:
        while member.left:
            member.read(PIECE)
        self._exactly(-member.stored % BLOCK)
        self._current = None

    def _next_member(self) -> TarMember | None:
        extended: dict[str, bytes] = {}
        while (header := self._next_header()) is not None:
            if header.type in b"LKxgX":
                self._extend(header, extended)
                continue
            if header.type == b"S":
                self._skip_sparse_map(header)
            return self._member(header, {**self._global, **extended})
        if extended:
            raise DamagedError(clause="ends behind an extended header")
        return None

    def _member(self, header: Header, extended: dict[str, bytes]) -> TarMember:
        raw = extended.get("GNU.sparse.name") or extended.get("path") or header.name
        size = _pax_size(extended["size"]) if extended.get("size") else header.size
        is_sparse = header.type == b"S" or any(key.startswith("GNU.sparse") for key in extended)
        problem = _SPARSE if is_sparse else _PROBLEMS.get(header.type)
        is_folder = header.type in {b"5", b"D"} or (header.type == b"\0" and raw.endswith(b"/") and not size)
        if problem is None and not is_folder and header.type not in _REGULAR:
            problem = f"is an entry of the unknown type {header.type.decode('latin-1')!r}"
        stored = 0 if header.type in _WITHOUT_DATA else size
        if problem is None and stored > self._limits.max_member_bytes:
            raise exceeded(self._limits.max_member_bytes, "max_member_bytes", "A member of the upload is too large")
        name = decode_name(raw, limit=self._limits.max_name_bytes)
        return TarMember(self, joined(self._prefix, name), stored, stored, problem, is_folder)

    def _extend(self, header: Header, extended: dict[str, bytes]) -> None:
        if header.size > _MAX_EXTENDED:
            raise DamagedError(clause="has an extended header of more than 1 MiB")
        data = self._exactly(header.size)
        self._exactly(-header.size % BLOCK)
        if header.type == b"L":
            extended["path"] = data.split(b"\0", 1)[0]
        elif header.type != b"K":
            into = self._global if header.type == b"g" else extended
            wanted = (r for r in pax_records(data) if r[0] in {"path", "size"} or r[0].startswith("GNU.sparse"))
            into.update((name[:64], value) for name, value in wanted)

    def _next_header(self) -> Header | None:
        block = self._exactly(BLOCK)
        if not any(block):
            return None
        self._headers += 1
        if self._headers > _HEADERS_A_MEMBER * self._limits.max_members:
            raise exceeded(self._limits.max_members, "max_members", "The upload has too many members")
        return parse_header(block)

    def _skip_sparse_map(self, header: Header) -> None:
        more = header.more_sparse
        while more:
            more = bool(self._exactly(BLOCK)[504])

    def _drain(self) -> None:
        """Read what is behind the end, for the checksums; a second archive there would be lost in silence."""
        while block := self._flow.up_to(BLOCK):
            if is_tar_header(block):
                raise DamagedError(clause="has another archive behind its end")

    def _exactly(self, size: int) -> bytes:
        data = self._flow.up_to(size) if size else b""
        if len(data) < size:
            raise DamagedError(clause="is cut short")
        return data


@define(eq=False)
class TarMember:
    """A member of a tar archive: a ``Node`` that is read once."""

    sequential: ClassVar[bool] = True

    archive: TarArchive
    name: str
    stored: int
    left: int
    problem: str | None
    is_folder: bool
    _head: bytes = b""
    _opened: bool = False

    @property
    def inner_name(self) -> str:
        """Its name."""
        return self.name

    @property
    def size(self) -> int:
        """As its header states."""
        return self.stored

    def head(self, size: int) -> bytes:
        """See ``Node``; the bytes are kept for ``pieces``."""
        while len(self._head) < size and self.left:
            self._head += self.read(size - len(self._head))
        return self._head[:size]

    def pieces(self) -> Iterator[bytes]:
        """See ``Node``; a second call fails."""
        if self._opened:
            raise DamagedError(clause="can be read once only")
        self._opened = True
        missing = self.stored
        if self._head:
            missing -= len(self._head)
            yield self._head
        while self.left:
            part = self.read(PIECE)
            missing -= len(part)
            yield part
        if missing:
            raise DamagedError(clause="was not read in its turn")

    def whole(self) -> None:
        """It is read in its turn."""

    def window(self) -> None:
        """Nowhere: as above."""

    def read(self, limit: int) -> bytes:
        """Its next bytes, straight from the archive."""
        part = self.archive.read(self, min(limit, self.left))
        self.left -= len(part)
        return part


def _pax_size(value: bytes) -> int:
    if value.startswith(b"-"):
        raise DamagedError(clause="has an entry of negative size")
    if not value.isdigit() or len(value) > len(str(2**64)):
        raise DamagedError(clause="has an entry without a size")
    return int(value)
