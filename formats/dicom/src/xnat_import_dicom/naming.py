"""File names from a template, as XNAT gives them (session XML chapter, section 10)."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from xnat_import_dicom.facts import tag_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULT_TEMPLATE", "hash_of", "template_name", "template_tags"]

DEFAULT_TEMPLATE = "${StudyInstanceUID}-${SeriesNumber}-${InstanceNumber}-${HashSOPClassUIDWithSOPInstanceUID}"
"""What XNAT uses while the preference ``dicomFileNameTemplate`` is empty."""

_VARIABLE = re.compile(r"\$\{(\w+)\}", re.ASCII)
_SUFFIX = re.compile(r"\.[A-Za-z0-9]+\Z")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def template_name(template: str, value: Callable[[int], str]) -> str:
    """The name that a template gives an instance.

    Args:
        template: With variables such as ``${SeriesNumber}``; ``Hash`` and keywords joined by ``With`` is a hash of
            their values.
        value: Gives the text of a tag, ``""`` where the instance has none.

    Returns:
        The name, with ``.dcm`` unless the template ends in a suffix, without leading dots.
    """
    suffix = "" if _SUFFIX.search(template) else ".dcm"
    return _VARIABLE.sub(lambda found: _value_of(found[1], value), template).lstrip(".") + suffix


@cache
def template_tags(template: str) -> frozenset[int]:
    """The tags that a template needs."""
    keywords = (keyword for name in _VARIABLE.findall(template) for keyword in _keywords(name))
    return frozenset(tag for tag in map(tag_of, keywords) if tag is not None)


def hash_of(values: tuple[str, ...]) -> str:
    """XNAT's hash of several values: Java's list hash of string hashes, unsigned, base 36."""
    code = 1
    for value in values:
        code = (31 * code + _java_hash(value)) % 2**32
    digits = ""
    while code:
        code, digit = divmod(code, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _java_hash(text: str) -> int:
    units = text.encode("utf-16-be", "surrogatepass")
    code = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        code = (31 * code + (high << 8 | low)) % 2**32
    return code


def _keywords(variable: str) -> tuple[str, ...]:
    hashed = tuple(variable.removeprefix("Hash").split("With"))
    return hashed if variable.startswith("Hash") and len(hashed) > 1 else (variable,)


def _value_of(variable: str, value: Callable[[int], str]) -> str:
    texts = tuple(_text_of(keyword, value) for keyword in _keywords(variable))
    return hash_of(texts) if len(texts) > 1 else texts[0]


def _text_of(keyword: str, value: Callable[[int], str]) -> str:
    tag = tag_of(keyword)
    return (value(tag) if tag is not None else "") or f"no-value-for-{keyword}"
