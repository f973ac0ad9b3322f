"""Parameters as they were sent: which value counts, and what two names for one thing may say."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, TypeAlias

from attrs import define

from xnat_import_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Claim", "Sent", "agreed", "is_true"]

Claim: TypeAlias = tuple[str, str | None]
"""A parameter's name and the value it gives for something, ``None`` if it was not sent."""

_SHOWN = 64


@define
class Sent:
    """Values by name; what was taken is gone, so that in the end only what nobody knows is left."""

    values: dict[str, str]

    @classmethod
    def read(cls, query: Iterable[tuple[str, str]], form: Iterable[tuple[str, str]]) -> Sent:
        """The query wins over the form, a later value over an earlier one of the same name."""
        return cls({**dict(form), **dict(query)})

    def text(self, name: str) -> str | None:
        """Take a value; an empty one counts as not sent."""
        return self.values.pop(name, None) or None

    def wish(self, name: str) -> bool | None:
        """Take a boolean (spec ruling 14); ``None``: not sent."""
        value = self.values.pop(name, None)
        return None if value is None else is_true(value)

    def flag(self, name: str) -> bool:
        """Take a boolean that is false if it was not sent."""
        return bool(self.wish(name))

    def claim(self, name: str) -> Claim:
        """Take a value together with its name."""
        return name, self.text(name)


def is_true(value: str) -> bool:
    """Spec ruling 14: ``true`` or ``1`` in any case; anything else is false."""
    return value.lower() in {"true", "1"}


def agreed(claims: Iterable[Claim], same: Callable[[str, str], bool] = operator.eq) -> str | None:
    """The value that all claims give, the first one's spelling; ``None`` where nobody claims anything.

    Raises:
        InvalidRequestError: Two claims differ (spec ruling 11); the message names both.
    """
    made = [(name, value) for name, value in claims if value is not None]
    if not made:
        return None
    first, value = made[0]
    for name, other in made[1:]:
        if not same(value, other):
            message = (
                f"Parameters {first} ({value[:_SHOWN]!r}) and {name} ({other[:_SHOWN]!r}) contradict each other: "
                "send one of them, or the same in both."
            )
            raise InvalidRequestError(message)
    return value
