"""Members in hand: loaded from a container, or stored and read again."""

from __future__ import annotations

import io
from hashlib import file_digest, sha256
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from attrs import define, evolve

if TYPE_CHECKING:
    from pathlib import Path

    from xnat_import_core.models import StoredAt
    from xnat_import_core.uploads.containers import Entry

__all__ = ["SPILL_BYTES", "LoadedMember", "digested", "load", "sha256_of", "stored_member", "write_all"]

SPILL_BYTES = 8 * 1024 * 1024
"""A member that is larger lies in a file of staging instead of in memory."""

_PIECE = 256 * 1024


@define
class LoadedMember:
    """A ``Member`` whose bytes are in memory or in a private file.

    Attributes:
        index, size, hint, stored: As ``Member``.
        name: Without a suffix ``.gz`` that was undone.
        sent_name: As sent, through nested archives.
        digest: SHA-256 of all bytes, hex; empty for stored files, and where it is still to be made.
        data: The bytes, if they are in memory.
        path: The file, if they are not.
    """

    index: int
    name: str
    sent_name: str
    size: int
    digest: str
    data: bytes | None = None
    path: Path | None = None
    hint: object = None
    stored: StoredAt | None = None

    def head(self, size: int) -> bytes:
        """The first bytes."""
        if self.data is not None:
            return self.data[:size]
        with self.open() as stream:
            return stream.read(size)

    def open(self) -> BinaryIO:
        """The whole member, seekable."""
        if self.data is not None:
            return io.BytesIO(self.data)
        assert self.path is not None  # noqa: S101 - one of the two is always there
        return self.path.open("rb")

    def with_hint(self, hint: object) -> LoadedMember:
        """The same with a hint of its group."""
        return evolve(self, hint=hint)


def load(entry: Entry, spill_to: Path, spill_bytes: int = SPILL_BYTES, *, digest: bool = True) -> LoadedMember:
    """Read an entry once, digesting it; past ``spill_bytes`` it goes to ``spill_to/INDEX``.

    ``digest`` false: where somebody else reads it again, ``digested`` there is cheaper.

    Raises:
        UnreadableUploadError: The member is damaged.
        LimitExceededError: It is too large, or inflates too much.
    """
    data = entry.whole(spill_bytes)
    if data is None:
        return _load_by_pieces(entry, spill_to / str(entry.index), spill_bytes, digest=digest)
    text = sha256(data).hexdigest() if digest else ""
    return LoadedMember(entry.index, entry.inner_name, entry.name, len(data), text, data)


def _load_by_pieces(entry: Entry, path: Path, spill_bytes: int, *, digest: bool) -> LoadedMember:
    made, size = sha256(), 0
    pieces: list[bytes] = []
    spilled: BinaryIO | None = None
    try:
        with entry.open() as stream:
            while piece := stream.read(_PIECE):
                size += len(piece)
                if digest:
                    made.update(piece)
                if spilled is None and size > spill_bytes:
                    spilled = path.open("wb", buffering=0)  # one that died may have left its own
                    write_all(spilled, b"".join(pieces))
                    pieces.clear()
                if spilled is None:
                    pieces.append(piece)
                else:
                    write_all(spilled, piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        if spilled is not None:
            spilled.close()
    data, where = (b"".join(pieces), None) if spilled is None else (None, path)
    return LoadedMember(
        entry.index, entry.inner_name, entry.name, size, made.hexdigest() if digest else "", data, where
    )


def digested(member: LoadedMember) -> LoadedMember:
    """The same with its digest, if it was loaded without."""
    if member.digest:
        return member
    digest = sha256(member.data).hexdigest() if member.data is not None else sha256_of(cast("Path", member.path))
    return evolve(member, digest=digest)


def sha256_of(path: Path) -> str:
    """The digest of a file, hex."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def write_all(stream: IO[bytes], data: bytes) -> None:
    """Write to an unbuffered file, which may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[stream.write(view) or 0 :]


def stored_member(path: Path, index: int, name: str, hint: object, stored: StoredAt) -> LoadedMember:
    """A stored or staged file as ``extract`` sees it again."""
    return LoadedMember(index, name, name, path.stat().st_size, "", path=path, hint=hint, stored=stored)
