"""Cases side by side: in turn, in an order that rotates, each on a fresh folder; ratios within a round."""

from __future__ import annotations

import os
import statistics
from typing import TYPE_CHECKING, Final

from attrs import field, frozen

from benchmarks.ground import GOOD_CREATE_US
from benchmarks.processes import CpuShares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.ground import Ground

__all__ = ["Case", "Group", "Measured", "Sample", "run_in_turn"]

QUIET: Final = 0.1
"""Share of the cores that others may use before a figure is doubtful."""


@frozen
class Measured:
    """What a case says of one run.

    Attributes:
        seconds: Of what is measured, without preparation.
        files: So many were handled.
        peaks: Peak RSS in MB by process.
        together: RSS in MB of all of them at one moment, at most.
    """

    seconds: float
    files: int = 1
    peaks: Mapping[str, float] = field(factory=dict)
    together: float = 0.0


@frozen
class Case:
    """Something to measure: ``run`` gets a fresh folder."""

    name: str
    run: Callable[[Path], Measured]


@frozen
class Sample:
    """One run of one case, and the circumstances.

    Attributes:
        create_us: Microseconds to create an empty file there, just before.
        others: Share of the cores that other processes used meanwhile; ``None``: too short to tell.
    """

    case: str
    round: int
    measured: Measured
    create_us: float
    others: float | None

    @property
    def is_doubtful(self) -> bool:
        """Was the disk slow, or the machine busy with something else?"""
        return self.create_us > GOOD_CREATE_US or (self.others or 0.0) > QUIET


@frozen
class Group:
    """Cases that were measured side by side."""

    name: str
    samples: Sequence[Sample]

    def __contains__(self, case: object) -> bool:
        return any(sample.case == case for sample in self.samples)

    def cases(self) -> list[str]:
        """Their names, in the order they were named in."""
        return list(dict.fromkeys(sample.case for sample in sorted(self.samples, key=lambda sample: sample.round)))

    def of(self, case: str) -> list[Sample]:
        """The samples of a case, by round."""
        return sorted((sample for sample in self.samples if sample.case == case), key=lambda sample: sample.round)

    def seconds(self, case: str) -> float:
        """Median over the rounds."""
        return statistics.median(sample.measured.seconds for sample in self.of(case))

    def seconds_a_file(self, case: str) -> float:
        """Median over the rounds."""
        return self.seconds(case) / self.of(case)[0].measured.files

    def ratio(self, case: str, to: str) -> float:
        """Median over the rounds of seconds of one case against seconds of another in the same round."""
        return statistics.median(
            one.measured.seconds / other.measured.seconds for one, other in zip(self.of(case), self.of(to), strict=True)
        )

    def ratio_a_file(self, case: str, to: str) -> float:
        """The same for seconds a file."""
        files = self.of(case)[0].measured.files / self.of(to)[0].measured.files
        return self.ratio(case, to) / files

    def peaks(self, case: str) -> dict[str, float]:
        """MB by process, the largest of all rounds."""
        parts: dict[str, float] = {}
        for sample in self.of(case):
            for part, size in sample.measured.peaks.items():
                parts[part] = max(parts.get(part, 0.0), size)
        return parts

    def together(self, case: str) -> float:
        """MB of all processes at one moment, the largest of all rounds."""
        return max(sample.measured.together for sample in self.of(case))


def run_in_turn(name: str, cases: Sequence[Case], rounds: int, ground: Ground, told: Callable[[str], None]) -> Group:
    """Every case once a round; each round begins with another one."""
    samples: list[Sample] = []
    for number in range(rounds):
        samples += _round(cases, number, ground)
        times = ", ".join(f"{sample.case} {sample.measured.seconds:.3g}" for sample in samples[-len(cases) :])
        told(f"{name}, round {number + 1} of {rounds}: {times} s")
    return Group(name, samples)


def _round(cases: Sequence[Case], number: int, ground: Ground) -> Iterator[Sample]:
    first = number % len(cases)
    for case in [*cases[first:], *cases[:first]]:
        folder = ground.fresh(case.name)
        os.sync()
        create_us, shares = ground.probe(folder), CpuShares.begin()
        measured = case.run(folder)
        others = shares.others()
        ground.put_aside(folder)
        yield Sample(case.name, number, measured, create_us, others)
