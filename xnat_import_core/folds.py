"""Folds: the values of many files' facts, counted, so that neither the order of files nor their number matters.

A fold maps a fact's name to ``{value: (count, lowest member)}``. Folding commutes and associates: workers fold their
batches in any order, the core merges the folds, and the result is the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

__all__ = ["MAX_DISTINCT_VALUES", "FactValue", "Facts", "Fold", "dump_fold", "fold", "load_fold", "merge"]

FactValue: TypeAlias = "str | int | float | tuple[str | int | float | None, ...]"
Fold: TypeAlias = "dict[str, dict[FactValue, tuple[int, int]] | None]"

MAX_DISTINCT_VALUES = 4096
"""Past so many distinct values a name is *overflown*: what differs in each file belongs in the file's row."""


def fold(into: Fold, facts: Mapping[str, FactValue], member: int, files: int = 1) -> None:
    """Add the facts of ``files`` files that say the same, of which ``member`` is the lowest, to a fold, in place."""
    for name, said in facts.items():
        value = said if isinstance(said, str) else _canonical(said)
        values = into.setdefault(name, {})
        if values is None:
            continue
        seen = values.get(value)
        if seen is not None:
            values[value] = (seen[0] + files, min(seen[1], member))
        elif len(values) < MAX_DISTINCT_VALUES:
            values[value] = (files, member)
        else:
            into[name] = None


def _canonical(value: FactValue) -> FactValue:
    """One form for equal numbers: ``1`` and ``1.0`` are one key, and which of them came first must not matter."""
    if isinstance(value, tuple):
        return tuple(_canonical(part) if isinstance(part, float) else part for part in value)  # type: ignore[misc]  # parts stay what they are
    return int(value) if isinstance(value, float) and value.is_integer() else value


def merge(into: Fold, other: Mapping[str, Mapping[FactValue, tuple[int, int]] | None]) -> None:
    """Add another fold to a fold, in place."""
    for name, theirs in other.items():
        ours = into.setdefault(name, {})
        if ours is None:
            continue
        if theirs is None:
            into[name] = None
            continue
        for value, (count, lowest) in theirs.items():
            seen = ours.get(value)
            ours[value] = (count, lowest) if seen is None else (seen[0] + count, min(seen[1], lowest))
        if len(ours) > MAX_DISTINCT_VALUES:
            into[name] = None


class Facts(Mapping[str, Mapping[FactValue, int]]):
    """What the files of a session or scan say, read-only: name to ``{value: number of files}``, sorted.

    Values are sorted by count, highest first, then by text, smallest first; so ``lead`` is deterministic.
    A name that is overflown is not in the mapping; ``overflown`` lists it.
    """

    __slots__ = ("_fold", "_sorted")

    def __init__(self, folded: Fold) -> None:
        self._fold = folded
        self._sorted: dict[str, dict[FactValue, int]] = {}

    def __getitem__(self, name: str) -> Mapping[FactValue, int]:
        if name not in self._sorted:
            values = self._fold[name]
            if values is None:
                raise KeyError(name)
            ranked = sorted(values.items(), key=lambda item: (-item[1][0], _text_of(item[0])))
            self._sorted[name] = {value: count for value, (count, _) in ranked}
        return self._sorted[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, values in self._fold.items() if values is not None)

    def __len__(self) -> int:
        return sum(values is not None for values in self._fold.values())

    @property
    def overflown(self) -> tuple[str, ...]:
        """Names that have more distinct values than a fold keeps."""
        return tuple(sorted(name for name, values in self._fold.items() if values is None))

    def values_of(self, name: str) -> tuple[FactValue, ...]:
        """Distinct values, the most frequent first; empty where no file has the fact or it is overflown."""
        return tuple(self[name]) if name in self else ()

    def only(self, name: str) -> FactValue | None:
        """The value, where all files that have the fact agree; else ``None``."""
        values = self.values_of(name)
        return values[0] if len(values) == 1 else None

    def lead(self, name: str) -> FactValue | None:
        """The most frequent value (of equals the smallest text); ``None`` where no file has the fact."""
        values = self.values_of(name)
        return values[0] if values else None

    def lowest_member(self, name: str, value: FactValue) -> int:
        """Index of the first member of the upload that says so: for messages only."""
        values = self._fold[name] or {}
        return values[value][1]


def _text_of(value: FactValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def dump_fold(folded: Fold) -> str:
    """A fold as JSON text, the same bytes for the same fold."""
    rows: dict[str, list[list[object]] | None] = {
        name: None if values is None else sorted(([v, c, m] for v, (c, m) in values.items()), key=json.dumps)
        for name, values in folded.items()
    }
    return json.dumps(rows, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def load_fold(text: str) -> Fold:
    """A fold from what ``dump_fold`` wrote."""
    return {name: None if rows is None else dict(_values(rows)) for name, rows in json.loads(text).items()}


def _values(rows: Iterable[tuple[object, int, int]]) -> Iterator[tuple[FactValue, tuple[int, int]]]:
    for value, count, lowest in rows:
        yield (tuple(value) if isinstance(value, list) else value), (count, lowest)  # type: ignore[misc]
