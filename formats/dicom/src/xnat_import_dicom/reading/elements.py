"""What both readers hand over: elements as they lie in the file, not decoded."""

from __future__ import annotations

from attrs import define, field

__all__ = ["Elements", "NestedElement", "RawElement", "Unhandled", "tag_text"]

RawElement = tuple[bytes, bytes]
NestedElement = tuple[tuple[int, ...], bytes, bytes, bytes]


class Unhandled(Exception):  # noqa: N818 - a signal between the readers, no error
    """The scanner met an encoding that is not its business; the fallback reads the file."""


@define
class Elements:
    """Wanted elements found in one data set.

    Attributes:
        little: The byte order of numbers.
        top: VR as the file has it, empty if it has none, and bytes by tag.
        nested: Path, VR, bytes, and the character set that holds there.
        seen: How many elements of the top level there were, wanted or not.
        end: Where the first element behind the read ones begins.
    """

    little: bool = True
    top: dict[int, RawElement] = field(factory=dict)
    nested: list[NestedElement] = field(factory=list)
    seen: int = 0
    end: int = 0


def tag_text(tag: int) -> str:
    """``(0008,0018)``."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
