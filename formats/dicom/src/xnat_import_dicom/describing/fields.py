"""One value made of many files': written where all agree, left out and noted where they do not (chapter section 3)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field, frozen

from xnat_import_dicom.conversions import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xnat_import_core import Facts

__all__ = ["Fields", "Row", "Value"]

Value: TypeAlias = "str | int | float"
"""What a field of a document can be; a conversion gives ``None`` where a text is no such value."""


@frozen
class Row:
    """A line of a field table: XNAT path, the fact it comes from, and how its text is converted."""

    path: str
    fact: str
    convert: Callable[[str], Value | None] = text
    ours: bool = False
    """A field that XNAT's own builder never fills."""


@define
class Fields:
    """The fields of one session or scan under construction.

    Attributes:
        facts: Its folded facts.
        owner: For notes: ``session`` or ``scan 4``.
        xnat: Do as XNAT does, without the better ways.
        values: What was put so far, by path.
        notes: What was left out, with numbers of files and without values.
    """

    facts: Facts
    owner: str
    xnat: bool = False
    values: dict[str, Value] = field(factory=dict)
    notes: list[str] = field(factory=list)

    def put(self, path: str, value: Value | None) -> None:
        """Set a field; ``None`` is no value."""
        if value is not None:
            self.values[path] = value

    def put_rows(self, rows: Iterable[Row]) -> None:
        """Fill a table's fields."""
        for row in rows:
            if not (row.ours and self.xnat):
                self.put_only(row.path, row.fact, row.convert)

    def put_only(self, path: str, fact: str, convert: Callable[[str], Value | None] = text) -> None:
        """Set a field to what all files agree on, once converted."""
        counts = self.counts(path, fact, convert)
        if len(counts) == 1:
            self.put(path, next(iter(counts)))
        elif counts:
            self.note_several(path, counts.values())

    def counts(self, path: str, fact: str, convert: Callable[[str], Value | None]) -> Counter[Value]:
        """Converted values with their numbers of files; those that do not convert are noted."""
        counts: Counter[Value] = Counter()
        bad = 0
        for value, count in self.facts.get(fact, {}).items():
            converted = convert(str(value))
            if converted is None:
                bad += count
            else:
                counts[converted] += count
        if bad:
            self.notes.append(f"{self.owner}: {path} has bad value ({fact}, {bad} {_files(bad)})")
        if fact in self.facts.overflown:
            self.notes.append(f"{self.owner}: {path} left out ({fact} has too many values)")
        return counts

    def tuples(self, fact: str) -> list[tuple[tuple[str, ...], int]]:
        """The values of a fact of several texts, with their numbers of files."""
        facts = self.facts.get(fact, {}).items()
        return [(tuple(str(part) for part in value), count) for value, count in facts if isinstance(value, tuple)]

    def note_several(self, path: str, counts: Iterable[int]) -> None:
        """Note that a field was left out because files disagree."""
        numbers = ", ".join(str(count) for count in sorted(counts, reverse=True))
        self.notes.append(f"{self.owner}: {path} left out, it has several values (in {numbers} files)")


def _files(count: int) -> str:
    return "file" if count == 1 else "files"
