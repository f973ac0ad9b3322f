"""Renames of a deed, each with its way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from xnat_import_core.storage.redo import RedoList

if TYPE_CHECKING:
    from pathlib import Path

    from xnat_import_core.prearchive.deeds import Deed
    from xnat_import_core.storage.tree import Tree

__all__ = ["Renames"]


@define
class Renames:
    """Collects them, in order.

    Attributes:
        tree: Everything lies in it.
        trash: The deed's own folder in the trash.
        redo: What recovery would do.
    """

    tree: Tree
    trash: Path
    redo: RedoList
    _back: list[tuple[str, str, str]] = field(factory=list)

    @classmethod
    def of(cls, tree: Tree, deed: Deed) -> Renames:
        """For a deed."""
        return cls(tree, tree.trash / deed.id, RedoList(tree, deed.staging.redo))

    @property
    def back(self) -> tuple[tuple[str, str, str], ...]:
        """What an undo would do, the last rename first: ``move`` from, to; ``drop`` what was made."""
        return tuple(reversed(self._back))

    def move(self, source: Path, target: Path) -> None:
        """Something visible gets another place, where nothing is."""
        self.redo.publish(source, target)
        self._undo("move", target, source)

    def show(self, staged: Path, target: Path) -> None:
        """Something staged becomes visible, where nothing is."""
        self.redo.publish(staged, target)
        self._undo("drop", target, target)

    def retire(self, source: Path, name: str = "") -> None:
        """Something visible goes to the trash: by its path in the store, or by a name of its own."""
        target = self.trash / (name or self.tree.relative(source))
        self.redo.retire(source, target)
        self._undo("move", target, source)

    def _undo(self, what: str, source: Path, target: Path) -> None:
        self._back.append((what, self.tree.relative(source), self.tree.relative(target)))
