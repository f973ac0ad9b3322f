"""Which elements matter at one level of nesting, in the form that the readers look up fastest."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from attrs import evolve, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CHARACTER_SET", "TRANSFER_SYNTAX", "Level"]

CHARACTER_SET: Final = 0x00080005
TRANSFER_SYNTAX: Final = 0x00020010
_META: Final = 0x00020000
_END_OF_META: Final = 0x0002FFFF
_BEFORE_PIXELS: Final = 0x7FE00007


@frozen
class Level:
    """The wanted elements of a data set or of the items of a sequence.

    Attributes:
        leaves: Elements whose value is wanted; always with the character set, for it decides on the others.
        inside: Sequences to descend into.
        codes: Both, as a little-endian 32-bit number of the tag's four bytes in the file, to the tag.
        highest: The last tag to look at; never pixel data.
        lowest: The first one: a file meta group ends before any tag that is not of its group.
    """

    leaves: frozenset[int]
    inside: Mapping[int, Level]
    codes: Mapping[int, int]
    highest: int
    lowest: int = 0

    def ends_before(self, tag: int) -> bool:
        """Is an element with this tag the first one behind the header?"""
        return not self.lowest <= tag <= self.highest

    @classmethod
    def of(cls, paths: Iterable[tuple[int, ...]]) -> Level:
        """The level that leads along these paths; a path of one is a leaf."""
        leaves = {CHARACTER_SET}
        below: defaultdict[int, list[tuple[int, ...]]] = defaultdict(list)
        for tag, *rest in paths:
            if rest:
                below[tag].append(tuple(rest))
            else:
                leaves.add(tag)
        inside = {tag: cls.of(rest) for tag, rest in below.items()}
        tags = {*leaves, *inside}
        codes = {(tag & 0xFFFF) << 16 | tag >> 16: tag for tag in tags}
        return cls(frozenset(leaves), inside, codes, min(max(tags), _BEFORE_PIXELS))

    @classmethod
    def of_meta(cls, tags: Iterable[int]) -> Level:
        """The level of the file meta group: those of the tags that belong to it, and the transfer syntax."""
        level = cls.of({(tag,) for tag in tags if tag <= _END_OF_META} | {(TRANSFER_SYNTAX,)})
        return evolve(level, lowest=_META, highest=_END_OF_META)

    @property
    def tags(self) -> tuple[int, ...]:
        """Leaves and sequences together."""
        return tuple(self.codes.values())
