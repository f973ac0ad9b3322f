"""The way back: an XML element's contents as paths and values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from xnat_import_core.documents.names import XSI
from xnat_import_core.documents.parsing import text_of
from xnat_import_core.documents.paths import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from xnat_import_core.documents.schema import Element

__all__ = ["flatten"]


def flatten(xml: etree._Element, element: Element | None, skip: AbstractSet[str] = frozenset()) -> dict[str, str]:
    """All attributes and texts below an element, by path.

    Args:
        xml: The element; its own attributes are ``@name``.
        element: What the schema says of it; ``None`` where it says nothing. Elements that repeat are told apart by
            their ``name``, else by their place.
        skip: Names of direct children to leave alone.
    """
    fields = {f"@{name}": value for name, value in _attributes(xml)}
    for step, child, known in _children(xml, element):
        if step.name not in skip:
            fields.update(_below(child, known, step))
    return fields


def _below(xml: etree._Element, element: Element | None, step: Step) -> dict[str, str]:
    fields = {f"{step}/{path}": value for path, value in flatten(xml, element).items()}
    if step.key:
        fields.pop(f"{step}/@{step.key[0]}")
    text = text_of(xml)
    if text.strip():
        fields[str(step)] = text
    return fields


def _children(xml: etree._Element, element: Element | None) -> Iterator[tuple[Step, etree._Element, Element | None]]:
    children = [child for child in xml if isinstance(child.tag, str)]
    names = [etree.QName(child).localname for child in children]
    seen: dict[str, int] = {}
    keys: set[tuple[str, str]] = set()
    for child, name in zip(children, names, strict=True):
        seen[name] = seen.get(name, 0) + 1
        known = element.children.get(name) if element else None
        repeats = known.repeats if known else names.count(name) > 1
        key = child.get("name") if known and repeats and "name" in known.attributes else None
        if key and '"' not in key and (name, key) not in keys:
            keys.add((name, key))
            yield Step(name, key=("name", key)), child, known
        else:
            yield Step(name, index=seen[name] if repeats or seen[name] > 1 else None), child, known


def _attributes(xml: etree._Element) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in xml.attrib.items() if not str(name).startswith(f"{{{XSI}}}")]
