"""Staging: one private folder for each import, with a lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Staging", "lock_is_free", "start_lock"]


class Staging:
    """``staging/IMPORT_ID``: never visible to a reader, emptied by recovery.

    Attributes:
        folder: The private folder.
        files: Where extracted members lie, by session, place and resource.
        spool: Where the upload itself and nested archives lie.
        large: Members that are too large for memory, until they are placed.
        publish: New sessions in their final shape, and whatever else will be renamed into the tree.
        descriptor: Of the folder, opened before the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "files"
        self.spool = folder / "spool"
        self.large = folder / "large"
        self.publish = folder / "publish"
        self._lock = -1
        self.descriptor = -1

    @property
    def redo(self) -> Path:
        """The redo list of the import's commit."""
        return self.folder / "redo.jsonl"

    def make(self) -> Self:
        """Make the folder and hold its lock."""
        self.folder.mkdir()
        self._lock = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for folder in (self.files, self.spool, self.large, self.publish):
            folder.mkdir()
        return self

    def empty(self) -> None:
        """Remove what lies in it, but hold the lock."""
        for folder in (self.files, self.spool, self.large, self.publish):
            shutil.rmtree(folder, ignore_errors=True)

    def discard(self) -> None:
        """Remove the folder and let go of the lock."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Let go of the lock and leave the folder to recovery."""
        if self._lock >= 0:
            fcntl.flock(self._lock, fcntl.LOCK_UN)  # a child that was forked meanwhile has it, too
        for descriptor in (self._lock, self.descriptor):
            if descriptor >= 0:
                os.close(descriptor)
        self._lock = self.descriptor = -1


def lock_is_free(folder: Path) -> bool:
    """Whether the process that made this staging folder is gone."""
    try:
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


@contextmanager
def start_lock(path: Path, kind: int) -> Iterator[None]:
    """Hold a store's start lock: ``fcntl.LOCK_SH`` while something begins, ``LOCK_EX`` while somebody recovers."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # as in Staging.release
        os.close(descriptor)
