"""Fields put into the order of the schema: paths and values become a tree, the tree becomes XML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen
from lxml import etree

from xnat_import_core.documents.names import qualified
from xnat_import_core.documents.paths import Step, parse_path
from xnat_import_core.documents.schema.values import fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xnat_import_core.documents.paths import FieldPath
    from xnat_import_core.documents.schema import Element
    from xnat_import_core.models import FieldValue

__all__ = ["Node", "append_child", "attributes_of", "complete", "fill", "ordered"]


@define
class Node:
    """An element to be written: only values that fit are in it."""

    element: Element
    text: str | None = None
    attributes: dict[str, str] = field(factory=dict)
    children: dict[Step, Node] = field(factory=dict)


def fill(root: Node, fields: Mapping[str, FieldValue]) -> list[str]:
    """Put every field where it belongs, and drop what is not complete.

    Returns:
        A note for each field that was left out or cut, by path, without its value; sorted.
    """
    notes = [f"{path}: {why}" for path, value in sorted(fields.items()) if (why := _place(root, path, value))]
    return notes + _prune(root, "")


def _place(root: Node, path: str, value: FieldValue) -> str:
    parsed = parse_path(path)
    target = _target(root.element, parsed) if parsed else "left out: it is no path"
    if isinstance(target, str):
        return target
    text, why = fit(target.kind, value)
    if text is not None:
        _set(_node(root, target.steps), target.attribute, text)
    return why


@frozen
class _Target:
    """Where a value goes: steps in their one form, perhaps an attribute, and the kind of value there."""

    steps: tuple[Step, ...]
    attribute: str | None
    kind: str


def _target(element: Element, path: FieldPath) -> _Target | str:
    """What the schema has at a path, or why nothing can be put there."""
    steps: list[Step] = []
    core = False
    for step in path.steps:
        child = element.children.get(step.name)
        known = _known_step(step, child) if child else None
        if child is None or known is None:
            return "left out: the schema has no such element here"
        steps.append(known)
        element, core = child, core or child.core
    attribute = element.attributes.get(path.attribute or "")
    if core or (attribute and attribute.core):
        return "left out: the core sets it"
    kind = attribute.kind if attribute else element.kind
    if kind is None or (path.attribute and not attribute):
        return "left out: the schema has no such attribute here, or the element has no text"
    return _Target(tuple(steps), path.attribute, kind)


def _known_step(step: Step, element: Element) -> Step | None:
    if element.repeats:
        if step.key and step.key[0] not in element.attributes:
            return None
        return step if step.key or step.index else evolve(step, index=1)
    return None if step.key or (step.index or 1) > 1 else Step(step.name)


def _node(root: Node, steps: tuple[Step, ...]) -> Node:
    node = root
    for step in steps:
        if step not in node.children:
            element = node.element.children[step.name]
            child = node.children[step] = Node(element)
            if step.key:
                text, _ = fit(element.attributes[step.key[0]].kind, step.key[1])
                child.attributes.update({step.key[0]: text} if text is not None else {})
        node = node.children[step]
    return node


def _set(node: Node, attribute: str | None, text: str) -> None:
    if attribute is None:
        node.text = text
    else:
        node.attributes[attribute] = text


def _prune(node: Node, above: str) -> list[str]:
    notes: list[str] = []
    for step, child in ordered(node):
        path = f"{above}{step}"
        notes += _prune(child, f"{path}/")
        if not complete(child):
            del node.children[step]
            notes.append(f"{path}: left out: it is not complete")
    return notes


def complete(node: Node) -> bool:
    """Whether the schema takes an element with these contents."""
    element = node.element
    lacks_text = node.text is None and element.kind is not None and not element.kind.startswith("text")
    there = {step.name for step in node.children}
    lacks_attribute = any(a.required and name not in node.attributes for name, a in element.attributes.items())
    lacks_child = any(child.required and name not in there for name, child in element.children.items())
    empty = node.text is None and not node.attributes and not node.children
    return not (lacks_text or lacks_attribute or lacks_child or empty)


def ordered(node: Node) -> list[tuple[Step, Node]]:
    """An element's children in the order of the schema; equals by index, then those with a key by key."""
    order = {name: number for number, name in enumerate(node.element.children)}
    return sorted(node.children.items(), key=lambda item: _rank(order, item[0]))


def _rank(order: Mapping[str, int], step: Step) -> tuple[int, bool, int, tuple[str, str]]:
    return order[step.name], step.key is not None, step.index or 0, step.key or ("", "")


def attributes_of(node: Node) -> dict[str, str]:
    """A node's attributes, in the order of the schema."""
    return {name: node.attributes[name] for name in node.element.attributes if name in node.attributes}


def append_child(parent: etree._Element, namespace: str, node: Node) -> etree._Element:
    """Write a node and all below it as the last child of an XML element."""
    xml: etree._Element = etree.SubElement(parent, qualified(namespace, node.element.name))
    xml.attrib.update(attributes_of(node))
    xml.text = node.text
    for _, child in ordered(node):
        append_child(xml, namespace, child)
    return xml
