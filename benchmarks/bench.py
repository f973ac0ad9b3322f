"""What every group of cases is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from benchmarks.measure import Group, run_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.ground import Ground
    from benchmarks.measure import Case
    from benchmarks.studies import Archives

__all__ = ["Bench"]


@frozen
class Bench:
    """One run.

    Attributes:
        archives: The made-up data.
        ground: Where cases write.
        rounds: At least; what is quick takes more.
        full: Also what takes long.
        has_orthanc: Whether Orthanc is installed.
        told: Told what is going on.
    """

    archives: Archives
    ground: Ground
    rounds: int
    full: bool
    has_orthanc: bool
    told: Callable[[str], None]

    def side_by_side(self, name: str, cases: Sequence[Case], *, rounds: int = 0) -> Group:
        """Measure cases in turn."""
        return run_in_turn(name, cases, max(rounds, self.rounds), self.ground, self.told)
