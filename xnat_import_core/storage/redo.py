"""The redo list: the renames that publish an import, written before the first of them, safe to run again.

A list is written and synced first; then one transaction says that it counts; from there on the only way is forward.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import define, field

from xnat_import_core.storage.durable import rename, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xnat_import_core.storage.tree import Tree

__all__ = ["RedoList", "run_redo"]


@define
class RedoList:
    """Collects renames within the store, in order."""

    tree: Tree
    path: Path
    _steps: list[tuple[str, str, bool]] = field(factory=list)

    def publish(self, source: Path, target: Path) -> None:
        """Move something staged to its place; a file that is there is replaced."""
        self._steps.append((self.tree.relative(source), self.tree.relative(target), False))

    def retire(self, source: Path, target: Path) -> None:
        """Move something published to the trash."""
        self._steps.append((self.tree.relative(source), self.tree.relative(target), True))

    def write(self) -> None:
        """Write the list; the caller syncs."""
        with self.path.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(step) + "\n" for step in self._steps)


def run_redo(tree: Tree, path: Path) -> None:
    """Do what is still to do of a written list, and make it durable.

    A rename is atomic, so what is done can be seen: a published step has lost its source, a retired one has its target.
    """
    touched: dict[Path, None] = {}
    for source, target, retires in _read(tree, path):
        done = target.exists() if retires else not source.exists()
        if not done:
            _make_durable_folder(target.parent, touched)
            try:
                rename(source, target)
            except FileNotFoundError:  # another process is recovering the same list
                if source.exists():
                    raise
        for folder in (target.parent, source.parent):
            touched[folder] = None
    for folder in touched:
        if folder.exists():
            sync_folder(folder)


def _read(tree: Tree, path: Path) -> Iterator[tuple[Path, Path, bool]]:
    if path.exists():
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                source, target, retires = json.loads(line)
                yield tree.root / source, tree.root / target, retires


def _make_durable_folder(folder: Path, touched: dict[Path, None]) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        touched[each.parent] = None
