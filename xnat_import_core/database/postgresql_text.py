"""Text as PostgreSQL can keep it: it has no NUL, and headers hold anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.types.string import StrDumperUnknown

if TYPE_CHECKING:
    from psycopg.abc import Buffer

__all__ = ["TextDumper"]


class TextDumper(StrDumperUnknown):
    """Sends U+FFFD in place of NUL."""

    def dump(self, obj: str) -> Buffer | None:
        """To bytes."""
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))
