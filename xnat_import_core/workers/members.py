"""Members in hand: loaded from a container, or stored and read again."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO

from attrs import define, evolve

if TYPE_CHECKING:
    from pathlib import Path

    from xnat_import_core.models import StoredAt
    from xnat_import_core.uploads.containers import Entry

__all__ = ["SPILL_BYTES", "LoadedMember", "load", "stored_member"]

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
        digest: SHA-256 of all bytes, hex; empty for stored files.
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


def load(entry: Entry, spill_to: Path, spill_bytes: int = SPILL_BYTES) -> LoadedMember:
    """Read an entry once, digesting it; past ``spill_bytes`` it goes to ``spill_to/INDEX``.

    Raises:
        UnreadableUploadError: The member is damaged.
        LimitExceededError: It is too large, or inflates too much.
    """
    digest, size = hashlib.sha256(), 0
    pieces: list[bytes] = []
    path = spill_to / str(entry.index)
    spilled: BinaryIO | None = None
    try:
        with entry.open() as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
                size += len(piece)
                if spilled is None and size > spill_bytes:
                    spilled = path.open("xb")
                    spilled.writelines(pieces)
                    pieces.clear()
                if spilled is None:
                    pieces.append(piece)
                else:
                    spilled.write(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        if spilled is not None:
            spilled.close()
    in_memory = spilled is None
    return LoadedMember(
        index=entry.index,
        name=entry.inner_name,
        sent_name=entry.name,
        size=size,
        digest=digest.hexdigest(),
        data=b"".join(pieces) if in_memory else None,
        path=None if in_memory else path,
    )


def stored_member(path: Path, index: int, name: str, hint: object, stored: StoredAt) -> LoadedMember:
    """A stored or staged file as ``extract`` sees it again."""
    return LoadedMember(index, name, name, path.stat().st_size, "", path=path, hint=hint, stored=stored)
