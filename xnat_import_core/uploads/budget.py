"""What one upload has used of its limits, counted while it is read."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Literal, TypeAlias

from xnat_import_core.errors import LimitExceededError

if TYPE_CHECKING:
    from xnat_import_core.settings import Limits

__all__ = ["Budget", "Ledger", "Tally", "exceeded"]

Ledger: TypeAlias = Literal["members", "archives"]
"""``members``: bytes handed out as members; ``archives``: bytes inflated on the way to them."""


def exceeded(value: int, setting: str, what: str, members: tuple[str, ...] = ()) -> LimitExceededError:
    """The error of a limit, naming setting and value."""
    message = f"{what}; setting limits.{setting} allows {value}. Send less at once, or have the limit raised."
    return LimitExceededError(message, members=members)


class Budget:
    """Bytes received and inflated for one upload; safe for many threads.

    Attributes:
        limits: What is allowed.
    """

    __slots__ = ("_inflated", "_lock", "_received", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lock = Lock()
        self._received = 0
        self._inflated: dict[Ledger, int] = {"members": 0, "archives": 0}

    def __reduce__(self) -> tuple[object, ...]:
        """What was counted so far travels; what is counted there has to be told here."""
        return _snapshot, (self.limits, self._received, dict(self._inflated))

    def receive(self, size: int) -> None:
        """So many bytes came in: the ratio is measured against their sum."""
        with self._lock:
            self._received += size

    def check_count(self, count: int) -> None:
        """Refuse more members than are allowed.

        Raises:
            LimitExceededError: There are, or an archive claims, too many.
        """
        if count > self.limits.max_members:
            raise exceeded(self.limits.max_members, "max_members", "The upload has too many members")

    def check_stated(self, largest: int, total: int) -> None:
        """Refuse sizes that an archive states, before anything is inflated.

        Raises:
            LimitExceededError: The largest member, their sum, or sum against received bytes is too much.
        """
        if largest > self.limits.max_member_bytes:
            raise exceeded(self.limits.max_member_bytes, "max_member_bytes", "A member of the upload is too large")
        self._check_total(total)

    def tally(self, ledger: Ledger, name: str) -> Tally:
        """A counter for one member; however often it is read, each of its bytes counts once."""
        return Tally(self, ledger, name)

    def _add(self, ledger: Ledger, size: int) -> None:
        self._inflated[ledger] += size
        self._check_total(self._inflated[ledger])

    def _check_total(self, total: int) -> None:
        limits = self.limits
        if total > limits.max_total_bytes:
            raise exceeded(limits.max_total_bytes, "max_total_bytes", "The upload is too large when inflated")
        if total > limits.ratio_free_bytes and total > limits.max_ratio * self._received:
            raise exceeded(limits.max_ratio, "max_ratio", "The upload inflates to too many times its size")


def _snapshot(limits: Limits, received: int, inflated: dict[Ledger, int]) -> Budget:
    budget = Budget(limits)
    budget._received, budget._inflated = received, inflated  # noqa: SLF001 - its own
    return budget


class Tally:
    """How far one member was read, at most, by anybody."""

    __slots__ = ("_budget", "_ledger", "_name", "_reached")

    def __init__(self, budget: Budget, ledger: Ledger, name: str) -> None:
        self._budget = budget
        self._ledger = ledger
        self._name = name
        self._reached = 0

    def reach(self, position: int) -> None:
        """The member was read up to here.

        Raises:
            LimitExceededError: That is more than one member, or the upload, may have.
        """
        budget = self._budget
        if position > budget.limits.max_member_bytes:
            limit = budget.limits.max_member_bytes
            raise exceeded(limit, "max_member_bytes", "A member of the upload is too large", (self._name,))
        with budget._lock:  # noqa: SLF001 - one counter in two classes: the lock covers position and sum
            if position > self._reached:
                step, self._reached = position - self._reached, position
                budget._add(self._ledger, step)  # noqa: SLF001 - as above
