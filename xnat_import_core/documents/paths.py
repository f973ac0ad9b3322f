"""Paths to fields: ``a/b``, ``a/@b``, ``@b``, ``a[@name="x"]``, ``a[1]/b``, ``a[1]/@b``."""

from __future__ import annotations

import re

from attrs import frozen

__all__ = ["FieldPath", "Step", "parse_path"]

_STEP = re.compile(r'([A-Za-z_][\w.-]*)(?:\[(?:([1-9][0-9]{0,8})|@([A-Za-z_][\w.-]*)="([^"]*)")\])?', re.ASCII)
_ATTRIBUTE = re.compile(r"@([A-Za-z_][\w.-]*)", re.ASCII)


@frozen
class Step:
    """An element on the way: by name alone, by its place among its like (from 1), or by the value of an attribute."""

    name: str
    index: int | None = None
    key: tuple[str, str] | None = None

    def __str__(self) -> str:
        if self.key is not None:
            return f'{self.name}[@{self.key[0]}="{self.key[1]}"]'
        return self.name if self.index is None else f"{self.name}[{self.index}]"


@frozen
class FieldPath:
    """Elements from the session, scan or catalog down, and at the end perhaps an attribute."""

    steps: tuple[Step, ...]
    attribute: str | None = None


def parse_path(path: str) -> FieldPath | None:
    """A path taken apart; ``None`` where it is none."""
    steps: list[Step] = []
    position = 0
    while True:
        attribute = _ATTRIBUTE.fullmatch(path, position)
        if attribute:
            return FieldPath(tuple(steps), attribute[1])
        found = _STEP.match(path, position)
        if not found:
            return None
        name, index, key, value = found.groups()
        steps.append(Step(name, int(index) if index else None, (key, value) if key else None))
        position = found.end()
        if position == len(path):
            return FieldPath(tuple(steps))
        if path[position] != "/":
            return None
        position += 1
