"""What a reader of headers asks for, and what it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from xnat_import_dicom.reading.level import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Header", "HeaderError", "Wanted", "too_large"]


class HeaderError(Exception):
    """The bytes are no DICOM header, or none that can be read within the bound.

    Attributes:
        reason: What is wrong, as the end of a sentence about the file ("is not DICOM"); it holds no value of the file.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def too_large(limit: int) -> HeaderError:
    """The same words from every reader that meets the bound."""
    return HeaderError(f"header is larger than {limit} bytes")


@frozen
class Wanted:
    """Which elements to read; made once and used for many files.

    Attributes:
        tags: Elements of the top level, or of the file meta group, such as ``0x00100020``.
        paths: Nested elements: the tags of the sequences from outside in, then the element's.
    """

    tags: frozenset[int]
    paths: frozenset[tuple[int, ...]] = frozenset()
    level: Level = field(init=False, eq=False, repr=False)
    meta: Level = field(init=False, eq=False, repr=False)

    @level.default
    def _compile(self) -> Level:
        return Level.of({(tag,) for tag in self.tags} | self.paths)

    @meta.default
    def _compile_meta(self) -> Level:
        return Level.of_meta(self.tags)


@frozen
class Header:
    """The wanted values of one file, as text.

    Attributes:
        transfer_syntax: UID from the file meta group; empty if that is missing or does not say.
        warnings: What could not be decoded, by tag and without the value.
        changed: Top-level tags that the file before, of the same reader, had otherwise, where nothing else differs;
            ``None`` where that was not compared.
    """

    transfer_syntax: str
    warnings: tuple[str, ...] = ()
    changed: frozenset[int] | None = None
    _values: Mapping[int, str] = field(factory=dict)
    _nested: Mapping[tuple[int, ...], tuple[str, ...]] = field(factory=dict)

    def value(self, tag: int) -> str:
        r"""The text of a top-level element, values joined by ``\``; empty if it is absent, empty, binary or a sequence.

        Numbers are Python's text for them, padding is trimmed, a person name keeps its ``^`` and ``=``.
        """
        return self._values.get(tag, "")

    def nested(self, path: tuple[int, ...]) -> tuple[str, ...]:
        """Distinct texts of a nested element over all items along the path, in order of first appearance."""
        return self._nested.get(path, ())

    def with_texts(self, texts: Mapping[int, str], changed: frozenset[int], warnings: tuple[str, ...]) -> Header:
        """The header of a file that differs in these top-level texts only."""
        return Header(self.transfer_syntax, warnings, changed, {**self._values, **texts}, self._nested)
