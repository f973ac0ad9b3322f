"""Members and uploads that lie in memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from attrs import field, frozen

if TYPE_CHECKING:
    from xnat_import_core.models import StoredAt

__all__ = ["MemoryMember", "MemoryUpload"]

_MAX_HEAD = 64 * 1024


@frozen
class MemoryMember:
    """A ``Member`` of bytes: ``MemoryMember(0, "sub-01_T1w.nii", data)``.

    Attributes:
        index: Position in the upload, from 0.
        name: As it would come in an archive.
        data: The whole content.
        hint: What ``arrange`` would have said of its group.
        stored: Set for a file that is already stored.
        opened: Every stream that ``open`` gave, so that a test can see whether it was closed.
    """

    index: int
    name: str
    data: bytes = field(repr=False)
    hint: object = None
    stored: StoredAt | None = None
    opened: list[BinaryIO] = field(factory=list, eq=False, repr=False)

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data)

    def head(self, size: int) -> bytes:
        """The first ``size`` bytes."""
        return self.data[:size]

    def open(self) -> BinaryIO:
        """The content from its start; the caller closes it."""
        stream = io.BytesIO(self.data)
        self.opened.append(stream)
        return stream


@frozen
class MemoryUpload:
    """An ``Upload`` of members in memory, for ``detect`` and ``arrange``. ``data`` is the upload as it came."""

    members: tuple[MemoryMember, ...]
    name: str = "upload.zip"
    content_type: str = "application/zip"
    data: bytes = field(default=b"PK\x03\x04", repr=False)

    @property
    def size(self) -> int:
        """Number of bytes of all members, standing in for the container's."""
        return sum(member.size for member in self.members)

    def head(self, size: int) -> bytes:
        """The first bytes of the upload as it came."""
        return self.data[: min(size, _MAX_HEAD)]

    def read(self, member: int, limit: int) -> bytes:
        """The first ``limit`` bytes of a member, by its index."""
        return next(entry for entry in self.members if entry.index == member).head(limit)
