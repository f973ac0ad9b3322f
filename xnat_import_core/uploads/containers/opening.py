"""An upload opened: all its sources, and the archives in them, as one row of entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from attrs import frozen

from xnat_import_core.errors import UnreadableUploadError
from xnat_import_core.uploads.budget import Budget, exceeded
from xnat_import_core.uploads.containers.entries import Entry, Leaf, Node, Source
from xnat_import_core.uploads.containers.files import CompressedNode, FileNode, walk_folder
from xnat_import_core.uploads.containers.names import is_clutter, showable
from xnat_import_core.uploads.containers.recognise import HEAD, Form, form_of
from xnat_import_core.uploads.containers.spooling import SpoolFolder
from xnat_import_core.uploads.containers.streams import counted
from xnat_import_core.uploads.containers.tar_archive import TarArchive
from xnat_import_core.uploads.containers.windows import DamagedError, SharedFile, Window
from xnat_import_core.uploads.containers.zip_archive import ZipArchive
from xnat_import_core.uploads.containers.zip_end import find_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from xnat_import_core.settings import Limits

__all__ = ["OpenUpload"]

_ARCHIVES = {Form.ZIP: "zip", Form.TAR: "tar"}


@frozen
class _Found:
    """A problem that turned up where an archive was opened: the archive itself becomes a leaf."""

    node: Node
    problem: str | None


class OpenUpload:
    """The leaves of an upload; a context manager that removes what it spooled.

    Args:
        sources: What came in, in order.
        limits: Of the site.
        kinds: Which containers are opened: of ``zip``, ``tar``, ``folder``, ``file``. Another is one single file.
        open_nested: Whether archives in archives are opened, and compressed files in them undone.
        spool: A private folder for nested archives; made when it is needed.
    """

    def __init__(
        self, sources: Sequence[Source], *, limits: Limits, kinds: frozenset[str], open_nested: bool, spool: Path
    ) -> None:
        self._sources = tuple(sources)
        self._limits = limits
        self._kinds = kinds
        self._open_nested = open_nested
        self._spool = SpoolFolder(spool)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was spooled; entries cannot be opened any more. Idempotent."""
        self._spool.clear()

    def entries(self) -> Iterator[Entry]:
        """All leaves, folders and opened archives left out; each call begins anew, with limits counted anew.

        Raises:
            UnreadableUploadError: A source is empty, no file or folder, or an archive that is cut short or damaged.
            LimitExceededError: Too many members, too deep, too long a name, or too large once inflated.
            StorageError: A nested archive could not be spooled.
        """
        budget = Budget(self._limits)
        walk = _Walk(budget, self._kinds, self._spool, open_nested=self._open_nested)
        for index, found in enumerate(self._found(walk, budget)):
            budget.check_count(index + 1)
            node = found.node
            yield Leaf(index, node, budget.tally("members", node.name), found.problem or node.problem)

    def _found(self, walk: _Walk, budget: Budget) -> Iterator[_Found]:
        for source in self._sources:
            if _is_folder(source.path):
                yield from self._in_folder(walk, source, budget)
                continue
            name = showable(source.name)
            file = SharedFile(source.path, name, follow=True)
            if not file.size:
                message = "The upload is empty."
                raise UnreadableUploadError(message, members=(name,) if name else ())
            budget.receive(file.size)
            yield from walk.source(FileNode(file, name))

    def _in_folder(self, walk: _Walk, source: Source, budget: Budget) -> Iterator[_Found]:
        if "folder" not in self._kinds:
            message = "A folder came in where a file is wanted. Pack it, and send the archive."
            raise UnreadableUploadError(message)
        for node in walk_folder(source.path, budget):
            yield from walk.nested(node, 0)


class _Walk:
    """From nodes to leaves: which node is an archive, and what is in it."""

    def __init__(self, budget: Budget, kinds: frozenset[str], spool: SpoolFolder, *, open_nested: bool) -> None:
        self._budget = budget
        self._kinds = kinds
        self._spool = spool
        self._open_nested = open_nested

    def source(self, node: FileNode) -> Iterator[_Found]:
        """A source that is no folder: damage to it is damage to the whole upload."""
        try:
            form = form_of(node.head(HEAD))
            if form is Form.OTHER and "zip" in self._kinds and _ends_like_zip(node):
                form = Form.ZIP
            inner, form = self._undone(node, form, undo="file" in self._kinds)
            if _ARCHIVES.get(form) not in self._kinds or (form is Form.ZIP and not self._may_open_zip(node, inner)):
                yield _Found(inner, None)
                return
            yield from self._archive(inner, form, "", 1)
        except DamagedError as error:
            message = f"The {_ARCHIVES[form]} archive is cut short or damaged: it {error.clause}. Send it again."
            raise UnreadableUploadError(message) from error

    def nested(self, node: Node, depth: int) -> Iterator[_Found]:
        """A member: where it is an archive its members, else itself; a damaged archive is a leaf with a problem."""
        if not self._open_nested or node.problem is not None or is_clutter(node.name):
            yield _Found(node, None)
            return
        inner, form = self._undone(node, _form_of_member(node), undo=True)
        if _ARCHIVES.get(form) not in self._kinds:
            yield _Found(inner, None)
            return
        try:
            yield from self._archive(inner, form, node.name, depth + 1)
        except DamagedError as error:
            yield _Found(node, f"is a {_ARCHIVES[form]} archive that is cut short or damaged: it {error.clause}")

    def _may_open_zip(self, outer: Node, inner: Node) -> bool:
        return self._open_nested or inner is outer

    def _undone(self, node: Node, form: Form, *, undo: bool) -> tuple[Node, Form]:
        """What is inside a compressed file, and its form; the node itself where it is not to be undone."""
        if form not in {Form.GZIP, Form.BZIP2}:
            return node, form
        inner = CompressedNode(node, form, self._budget.tally("archives", node.name))
        inside = form_of(inner.head(HEAD))
        is_archive = _ARCHIVES.get(inside) in self._kinds
        if is_archive or (undo and inside is not Form.TAR):
            return inner, inside
        return node, Form.OTHER

    def _archive(self, node: Node, form: Form, prefix: str, depth: int) -> Iterator[_Found]:
        if depth > self._budget.limits.max_depth:
            raise exceeded(self._budget.limits.max_depth, "max_depth", "The upload has archives too deep in archives")
        for member in self._members(node, form, prefix):
            yield from self.nested(member, depth)

    def _members(self, node: Node, form: Form, prefix: str) -> Iterator[Node]:
        if form is Form.ZIP:
            window = node.window() or self._spool.keep(self._counted(node), node.name)
            return ZipArchive(window, prefix, self._budget).members()
        pieces = node.pieces() if isinstance(node, FileNode) else self._counted(node)
        return TarArchive(pieces, prefix, self._budget).members()

    def _counted(self, node: Node) -> Iterator[bytes]:
        return counted(node.pieces(), self._budget.tally("archives", node.name))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _form_of_member(node: Node) -> Form:
    try:
        return form_of(node.head(HEAD))
    except DamagedError:
        return Form.OTHER


def _ends_like_zip(node: FileNode) -> bool:
    """Whether an archive lies behind other data: a self-extracting one, but no DICOM file with a tail."""
    if node.head(HEAD)[128:132] == b"DICM":
        return False
    window: Window = node.window()
    with window.file:
        try:
            return find_directory(window).size > 0
        except DamagedError:
            return False
