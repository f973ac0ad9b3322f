"""Lone files, files of a folder, and what is left of a file when its compression is undone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from attrs import define

from xnat_import_core.errors import UnreadableUploadError
from xnat_import_core.uploads.containers.inflate import bunzip, gunzip, inflated_head
from xnat_import_core.uploads.containers.names import showable, without_compression
from xnat_import_core.uploads.containers.recognise import Form
from xnat_import_core.uploads.containers.streams import counted
from xnat_import_core.uploads.containers.windows import SharedFile, Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xnat_import_core.uploads.budget import Budget, Tally
    from xnat_import_core.uploads.containers.entries import Node

__all__ = ["CompressedNode", "FileNode", "LinkNode", "walk_folder"]

_COMPRESSED_HEAD = 4096


@define(eq=False)
class FileNode:
    """A whole file: a ``Node``."""

    sequential: ClassVar[bool] = False
    problem: ClassVar[str | None] = None

    file: SharedFile
    name: str

    @property
    def inner_name(self) -> str:
        """Its name."""
        return self.name

    @property
    def size(self) -> int:
        """Bytes when it was found."""
        return self.file.size

    def head(self, size: int) -> bytes:
        """See ``Node``."""
        with self.file:
            return self.file.pread(size, 0)

    def pieces(self) -> Iterator[bytes]:
        """See ``Node``."""
        return self.window().pieces()

    def whole(self) -> bytes | None:
        """See ``Node``."""
        with self.file:
            data = self.file.pread(self.file.size, 0)
        return data if len(data) == self.file.size else None

    def window(self) -> Window:
        """All of it."""
        return Window(self.file, 0, self.file.size)


@define(eq=False)
class LinkNode:
    """What is in a folder and is no regular file: a ``Node`` that cannot be read."""

    sequential: ClassVar[bool] = False
    size: ClassVar[int | None] = None

    name: str
    problem: str

    @property
    def inner_name(self) -> str:
        """Its name."""
        return self.name

    def head(self, _size: int) -> bytes:
        """Nothing."""
        return b""

    def pieces(self) -> Iterator[bytes]:
        """Nothing."""
        return iter(())

    def whole(self) -> None:
        """Nothing."""

    def window(self) -> None:
        """Nowhere."""


@define(eq=False)
class CompressedNode:
    """The file inside a gzip or bzip2 file: a ``Node``."""

    size: ClassVar[int | None] = None
    problem: ClassVar[str | None] = None

    outer: Node
    form: Form
    tally: Tally

    @property
    def name(self) -> str:
        """As the outer file is called."""
        return self.outer.name

    @property
    def inner_name(self) -> str:
        """The same without the suffix of the compression."""
        return without_compression(self.outer.inner_name)

    @property
    def sequential(self) -> bool:
        """As the outer file."""
        return self.outer.sequential

    def head(self, size: int) -> bytes:
        """See ``Node``; fewer bytes where the outer file's head tells no more."""
        how = "gzip" if self.form is Form.GZIP else "bzip2"
        return inflated_head(self.outer.head(_COMPRESSED_HEAD), size, how)

    def pieces(self) -> Iterator[bytes]:
        """See ``Node``."""
        outer = counted(self.outer.pieces(), self.tally)
        return gunzip(outer) if self.form is Form.GZIP else bunzip(outer)

    def whole(self) -> None:
        """How much it is, only reading tells."""

    def window(self) -> None:
        """Nowhere: it must be inflated."""


def walk_folder(top: Path, budget: Budget) -> Iterator[Node]:
    """Everything below a folder that is no folder, sorted by name, folder by folder; links are not followed.

    Raises:
        UnreadableUploadError: A folder or file cannot be read.
    """
    pending = [_listing(str(top), "")]
    while pending:
        found = next(pending[-1], None)
        if found is None:
            pending.pop()
        elif found[1].is_dir(follow_symlinks=False):
            pending.append(_listing(found[1].path, found[0] + "/"))
        else:
            yield _node(found[1], found[0], budget)


def _listing(folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        message = f"Folder {prefix or 'of the upload'!r} cannot be read: {error.strerror}."
        raise UnreadableUploadError(message) from error
    for entry in entries:
        yield prefix + showable(os.fsencode(entry.name).decode("utf-8", "replace")), entry


def _node(entry: os.DirEntry[str], name: str, budget: Budget) -> Node:
    if entry.is_symlink():
        return LinkNode(name, "is a link")
    if not entry.is_file(follow_symlinks=False):
        return LinkNode(name, "is a device")
    file = SharedFile(entry.path, name)
    budget.receive(file.size)
    return FileNode(file, name)
