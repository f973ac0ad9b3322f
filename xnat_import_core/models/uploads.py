"""What came in, as ``detect``, ``arrange`` and ``extract`` look at it."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, BinaryIO, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Confidence", "Detection", "Member", "MemberEntry", "StoredAt", "Upload"]


@frozen
class StoredAt:
    """Where a stored file lies, by labels: for a second call of ``extract``."""

    session: str
    scan: str | None
    resource: str


class MemberEntry(Protocol):
    """A member in the list of an upload's members, before anything is read."""

    @property
    def index(self) -> int:
        """Position in the upload, from 0."""

    @property
    def name(self) -> str:
        """Name inside the archive, ``/``-separated, as sent. Never a path to use. Empty if the sender gave none."""

    @property
    def size(self) -> int | None:
        """Bytes as its container states them; ``None`` where only reading tells."""


class Member(Protocol):
    """One regular file of an upload, or a file that is already stored (``stored`` says where)."""

    @property
    def index(self) -> int:
        """Position in the upload, from 0."""

    @property
    def name(self) -> str:
        """As ``MemberEntry.name``; a suffix ``.gz`` that the core has undone is gone."""

    @property
    def size(self) -> int:
        """Bytes, inflated."""

    @property
    def hint(self) -> object:
        """What ``arrange`` said of its group, else ``None``."""

    @property
    def stored(self) -> StoredAt | None:
        """Set when stored files are read again; ``None`` for an upload."""

    def head(self, size: int) -> bytes:
        """The first ``size`` bytes, fewer if the member is shorter."""

    def open(self) -> BinaryIO:
        """The whole member, from its start, seekable. The caller closes it."""


class Upload(Protocol):
    """One upload as ``detect`` and ``arrange`` see it."""

    @property
    def name(self) -> str:
        """File name as sent, without folders; may be empty."""

    @property
    def content_type(self) -> str:
        """Media type as sent, lower case, without parameters; may be empty."""

    @property
    def size(self) -> int:
        """Bytes of the upload as it came."""

    @property
    def members(self) -> Sequence[MemberEntry]:
        """All members, in the order of the upload."""

    def head(self, size: int) -> bytes:
        """The first bytes of the upload as it came, at most 64 KiB."""

    def read(self, member: int, limit: int) -> bytes:
        """The first ``limit`` bytes of a member, by its index."""


class Confidence(IntEnum):
    """How sure a handler is; the single highest wins, a tie at the top is an error that names both."""

    POSSIBLE = 1
    LIKELY = 2
    CERTAIN = 3


@frozen
class Detection:
    """``detect``: it is mine, how sure, and why (for the receipt)."""

    confidence: Confidence
    reason: str
