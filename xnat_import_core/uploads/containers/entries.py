"""What came in, and the leaves that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Protocol

from attrs import define, frozen

from xnat_import_core.errors import UnreadableUploadError
from xnat_import_core.uploads.containers.names import quoted
from xnat_import_core.uploads.containers.streams import PieceStream, counted
from xnat_import_core.uploads.containers.windows import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xnat_import_core.uploads.budget import Tally
    from xnat_import_core.uploads.containers.windows import Window

__all__ = ["Entry", "Leaf", "Node", "Source"]


@frozen
class Source:
    """One thing that came in.

    Attributes:
        path: A spooled file, or a file or folder that is read in place and never changed.
        name: As sent; empty if it was made up.
        content_type: As sent: a hint only, content decides.
    """

    path: Path
    name: str = ""
    content_type: str = ""


class Entry(Protocol):
    """One leaf of an upload, in the order of the upload."""

    @property
    def index(self) -> int:
        """Position in the whole upload, from 0: all sources, nested archives opened."""

    @property
    def name(self) -> str:
        """As sent, decoded, ``/``-joined through nested archives; a lone file's ``Source.name``. Never a path."""

    @property
    def inner_name(self) -> str:
        """The same without the ``.gz`` or ``.bz2`` of a compression that was undone."""

    @property
    def size(self) -> int | None:
        """Bytes, inflated, as the container states; ``None`` where only reading tells."""

    @property
    def problem(self) -> str | None:
        """Why it cannot be read at all, one clause (``is encrypted``); ``None`` if it can."""

    @property
    def sequential(self) -> bool:
        """It must be read once, before the next entry is asked for, in the iterating thread."""

    def whole(self, limit: int) -> bytes | None:
        """All its bytes at once, checked as in ``open``; ``None`` where only ``open`` reads it, or it has more.

        Raises:
            LimitExceededError: It, or the upload, inflates to more than the settings allow.
        """

    def count(self, size: int) -> None:
        """It was read in another process and had so many bytes. Raises LimitExceededError."""

    def open(self) -> BinaryIO:
        """Its bytes, inflated, not seekable; checksum, length and limits are checked while reading.

        Raises:
            UnreadableUploadError: From here or a read: it has a problem, is cut short or damaged.
            LimitExceededError: From a read: it, or the upload, inflates to more than the settings allow.
        """


class Node(Protocol):
    """Something found in a container: not known yet whether it is a leaf or an archive."""

    @property
    def name(self) -> str:
        """As sent."""

    @property
    def inner_name(self) -> str:
        """Without the suffix of a compression that was undone."""

    @property
    def size(self) -> int | None:
        """Bytes, as stated."""

    @property
    def problem(self) -> str | None:
        """Why it cannot be read."""

    @property
    def sequential(self) -> bool:
        """Read in its turn only."""

    def head(self, size: int) -> bytes:
        """Its first bytes. Raises DamagedError."""

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, verified but not counted. Raises DamagedError."""

    def whole(self) -> bytes | None:
        """Its bytes in one go, verified; ``None`` where ``pieces`` has to be asked. Raises DamagedError."""

    def window(self) -> Window | None:
        """Where its bytes lie as they are in a file; ``None`` where they must be inflated."""


@define(eq=False)
class Leaf:
    """An ``Entry`` made of a node."""

    index: int
    node: Node
    tally: Tally
    problem: str | None

    @property
    def name(self) -> str:
        """See ``Entry``."""
        return self.node.name

    @property
    def inner_name(self) -> str:
        """See ``Entry``."""
        return self.node.inner_name

    @property
    def size(self) -> int | None:
        """See ``Entry``."""
        return self.node.size

    @property
    def sequential(self) -> bool:
        """See ``Entry``."""
        return self.node.sequential

    def whole(self, limit: int) -> bytes | None:
        """See ``Entry``."""
        size = self.node.size
        if self.problem is not None or size is None or size > limit:
            return None
        self.tally.reach(size)
        try:
            return self.node.whole()
        except DamagedError:
            return None

    def count(self, size: int) -> None:
        """See ``Entry``."""
        self.tally.reach(size)

    def open(self) -> BinaryIO:
        """See ``Entry``."""
        if self.problem is not None:
            message = f"Member {quoted(self.name)} {self.problem}."
            raise UnreadableUploadError(message, members=(self.name,))
        return PieceStream(counted(self.node.pieces(), self.tally), self.name)
