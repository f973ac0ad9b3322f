"""The undo list of a deed: ``trash/DEED/undo.jsonl`` says how to take it back."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from attrs import frozen

from xnat_import_core.database.changes import change_from, change_to

if TYPE_CHECKING:
    from pathlib import Path

    from xnat_import_core.database.changes import Change

__all__ = ["UNDO_LIST", "UndoList", "sha256_of_document"]

UNDO_LIST: Final = "undo.jsonl"


@frozen
class UndoList:
    """What an undo does.

    Attributes:
        document: SHA-256 of the archived document as the deed left it: if it is another now, somebody has changed it.
        renames: ``move`` from, to; ``drop`` what was made; paths within the store, in order.
        changes: Of rows, in order.
    """

    document: str
    renames: tuple[tuple[str, str, str], ...]
    changes: tuple[Change, ...]

    def write(self, path: Path) -> None:
        """Write it; the caller syncs."""
        lines: list[tuple[object, ...]] = [("document", self.document)]
        lines += [("rename", *each) for each in self.renames]
        lines += [("change", *change_to(each)) for each in self.changes]
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(line) + "\n" for line in lines)

    @classmethod
    def read(cls, path: Path) -> UndoList:
        """What ``write`` wrote."""
        document = ""
        renames: list[tuple[str, str, str]] = []
        changes: list[Change] = []
        with path.open(encoding="utf-8") as stream:
            for what, *rest in map(json.loads, stream):
                if what == "document":
                    document = rest[0]
                elif what == "rename":
                    renames.append((rest[0], rest[1], rest[2]))
                else:
                    changes.append(change_from(*rest))
        return cls(document, tuple(renames), tuple(changes))


def sha256_of_document(path: Path) -> str:
    """Of a document on disk; empty where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
