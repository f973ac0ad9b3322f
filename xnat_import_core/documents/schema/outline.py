"""Outlines: the short notation of our table of element order and value types, and the records read from it.

A type begins with ``[name other] < base``: these types are the base's attributes and elements, then their own. A line
is an element, its children are indented; ``&name`` puts in the contents of another type. On a line, ``name:kind`` has
a value of that kind (see ``values``), ``@name:kind`` is an attribute (kind ``text`` if not said), and after a name
``*`` means that it repeats, ``!`` that its parent is not valid without it, ``^`` that only the core writes it.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Attribute", "Element", "read_outline"]

_TOKEN = re.compile(r"(@?)([\w-]+)([*!^]*)(?::(\S+))?")
_INDENT = 2


@frozen
class Attribute:
    """An attribute: its kind of value, whether its element needs it, whether only the core writes it."""

    name: str
    kind: str
    required: bool = False
    core: bool = False


@frozen
class Element:
    """An element, or a type: ``kind`` of its text (``None``: it has no text), attributes and children in order."""

    name: str
    kind: str | None = None
    repeats: bool = False
    required: bool = False
    core: bool = False
    attributes: Mapping[str, Attribute] = field(factory=dict)
    children: Mapping[str, Element] = field(factory=dict)


def read_outline(text: str) -> dict[str, Element]:
    """All types of an outline, by name. A type must come after those that it uses."""
    types: dict[str, Element] = {}
    for header, lines in _sections(text):
        names, _, base = header.partition(" < ")
        start = types[base] if base else Element("")
        for name in names.strip("[]").split():
            types[name] = _filled(evolve(start, name=name), lines, types)
    return types


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    header, lines = "", list[str]()
    for line in filter(str.strip, text.splitlines()):
        if line.startswith("["):
            if header:
                yield header, lines
            header, lines = line, []
        else:
            lines.append(line)
    yield header, lines


def _filled(element: Element, lines: list[str], types: Mapping[str, Element]) -> Element:
    attributes, children = dict(element.attributes), dict(element.children)
    for line, below in _blocks(lines):
        if line.startswith("&"):
            attributes.update(types[line[1:]].attributes)
            children.update(types[line[1:]].children)
        elif line.startswith("@"):
            attributes.update(_attributes(line))
        else:
            child = _filled(_element(line), below, types)
            children[child.name] = child
    return evolve(element, attributes=attributes, children=children)


def _blocks(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each line that is not indented, with the lines below it, moved to the left by one step."""
    starts = [number for number, line in enumerate(lines) if not line.startswith(" ")]
    for start, end in pairwise([*starts, len(lines)]):
        yield lines[start], [line[_INDENT:] for line in lines[start + 1 : end]]


def _element(line: str) -> Element:
    (_, name, flags, kind), *_rest = _TOKEN.findall(line)
    return Element(name, kind or None, "*" in flags, "!" in flags, "^" in flags, _attributes(line))


def _attributes(line: str) -> dict[str, Attribute]:
    found = (_TOKEN.fullmatch(token) for token in line.split() if token.startswith("@"))
    return {m[2]: Attribute(m[2], m[4] or "text", "!" in m[3], "^" in m[3]) for m in found if m}
