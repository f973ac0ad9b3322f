"""The redo list: the renames that publish an import, written before the first of them, safe to run again.

A list is written and synced first; then one transaction says that it counts; from there on the only way is forward.
"""

from __future__ import annotations

import json
import os
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field

from xnat_import_core.storage.durable import rename, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from xnat_import_core.storage.tree import Tree

__all__ = ["RedoList", "run_redo"]

_Step: TypeAlias = "tuple[str, str, bool]"
"""Source, target, and whether it retires."""


@define
class RedoList:
    """Collects renames within the store, in order; those of many files are listed when they are written."""

    tree: Tree
    path: Path
    _steps: list[Iterable[_Step]] = field(factory=list)

    def publish(self, source: Path, target: Path) -> None:
        """Move something staged to its place; a file that is there is replaced."""
        self._steps.append([self._step(source, target, retires=False)])

    def publish_files(self, source: Path, target: Path) -> None:
        """The same for each file in a staged folder."""
        self._steps.append(self._files(source, target))

    def retire(self, source: Path, target: Path) -> None:
        """Move something published to the trash."""
        self._steps.append([self._step(source, target, retires=True)])

    def retire_each(self, moves: Iterable[tuple[Path, Path]]) -> None:
        """The same for many."""
        self._steps.append(self._step(source, target, retires=True) for source, target in moves)

    def write(self) -> None:
        """Write the list; the caller syncs."""
        with self.path.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(step) + "\n" for step in chain.from_iterable(self._steps))

    def _files(self, source: Path, target: Path) -> Iterator[_Step]:
        old, new = self.tree.relative(source), self.tree.relative(target)
        with os.scandir(source) as found:
            yield from ((f"{old}/{each.name}", f"{new}/{each.name}", False) for each in found if not each.is_dir())

    def _step(self, source: Path, target: Path, *, retires: bool) -> _Step:
        return self.tree.relative(source), self.tree.relative(target), retires


def run_redo(tree: Tree, path: Path) -> None:
    """Do what is still to do of a written list, and make it durable.

    A rename is atomic, so what is done can be seen: a published step has lost its source, a retired one has its target.
    """
    touched: dict[Path, None] = {}
    names: dict[str, None] = {}
    for source, target, retires in _read(path):
        if not (retires and (tree.root / target).exists()):
            _rename(tree.root / source, tree.root / target, touched)
        names |= dict.fromkeys((target.rpartition("/")[0], source.rpartition("/")[0]))
    for folder in (*touched, *map(tree.root.joinpath, names)):
        if folder.exists():
            sync_folder(folder)


def _rename(source: Path, target: Path, touched: dict[Path, None]) -> None:
    try:
        rename(source, target)
    except FileNotFoundError:
        if source.exists():  # else it is done, perhaps by another process that is recovering the same list
            _make_durable_folder(target.parent, touched)
            _rename(source, target, touched)


def _read(path: Path) -> Iterator[_Step]:
    if path.exists():
        with path.open(encoding="utf-8") as stream:
            yield from map(json.loads, stream)


def _make_durable_folder(folder: Path, touched: dict[Path, None]) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        touched[each.parent] = None
