"""What is to be reached, and whether it was: one line for each target."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from attrs import frozen

from benchmarks import header_reading, receipt, starting
from benchmarks.cases import FAST, FLOOR, FORM, NAIVE, ORTHANC, RAW, SLOTS, THREADS
from benchmarks.measure import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Judged", "judge"]

_MB_OF_ONE = 100.0
_MB_OF_ALL = 250.0


@frozen
class Judged:
    """A target and what was measured.

    Attributes:
        target: As in the issue's list, such as ``T1``.
        what: In words.
        limit: It must be at most this, or at least.
        at_most: Which of the two.
        measured: What it is.
        unit: Of both.
    """

    target: str
    what: str
    limit: float
    at_most: bool
    measured: float
    unit: str

    @property
    def is_met(self) -> bool:
        """Was it reached?"""
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit


@frozen
class _Target:
    """How to judge: ``measured`` is asked when all cases it needs were run."""

    target: str
    what: str
    limit: float
    unit: str
    at_most: bool
    needs: tuple[tuple[str, str], ...]
    measured: Callable[[Mapping[str, Group]], float]


def judge(groups: Mapping[str, Group]) -> list[Judged]:
    """All targets for which there are figures."""
    return [
        Judged(target.target, target.what, target.limit, target.at_most, target.measured(groups), target.unit)
        for target in (*_WALL, *_memory(groups), *_ASIDE)
        if all(group in groups and case in groups[group] for group, case in target.needs)
    ]


def _in_units_of(target: str, group: str, cases: tuple[str, str], limit: float, unit: str) -> _Target:
    """Wall of a case against that of another."""
    case, to = cases
    what, needs = f"{group}: {case}", ((group, case), (group, to))
    return _Target(target, what, limit, unit, at_most=True, needs=needs, measured=lambda g: g[group].ratio(case, to))


def _times_faster(target: str, group: str, case: str, than: str, limit: float) -> _Target:
    """How many times as fast as another."""
    what, unit, needs = f"{group}: {case}", f"x {than.partition(' ')[0]}", ((group, case), (group, than))
    return _Target(
        target, what, limit, unit, at_most=False, needs=needs, measured=lambda g: 1 / g[group].ratio(case, than)
    )


def _growth(to: str) -> _Target:
    needs = (("growth", "small4k.zip"), ("growth", to))
    return _Target(
        "T10", f"us a file, {to} against small4k.zip", 1.25, "x", at_most=True, needs=needs,
        measured=lambda g: g["growth"].ratio_a_file(to, "small4k.zip"),
    )  # fmt: skip


def _time(target: str, group: str, case: str, limit: float, unit: str) -> _Target:
    factor = {"ms": 1e3, "s": 1.0}[unit]
    return _Target(
        target, case, limit, unit, at_most=True, needs=((group, case),),
        measured=lambda g: g[group].seconds(case) * factor,
    )  # fmt: skip


_WALL: Final = (
    _in_units_of("T1", "mr.zip", (SLOTS, FLOOR), 2.2, "F"),
    *(
        _times_faster("T2", archive, case, ORTHANC, 3.0)
        for archive in ("mr.zip", "mr.deflated.zip")
        for case in (RAW, FORM)
    ),
    *(_times_faster("T3", "ct.zip", case, ORTHANC, 2.5) for case in (RAW, FORM)),
    _in_units_of("T4", "small4k.zip", (SLOTS, FLOOR), 2.2, "F"),
    *(_times_faster("T4", "small4k.zip", case, ORTHANC, 5.0) for case in (RAW, FORM)),
    *(
        _times_faster("T5", archive, SLOTS, NAIVE, 1.3 if archive == "ct.zip" else 2.0)
        for archive in ("mr.zip", "mr.deflated.zip", "ct.zip", "small4k.zip")
    ),
    _in_units_of("T6", "mr.tar.gz", (SLOTS, FLOOR), 1.4, "F"),
    _in_units_of("T7", "mr.zip", (SLOTS, FAST), 1.7, "x unsynced"),
    _growth("small.zip"),
    _growth("hundred.zip"),
)

_ASIDE: Final = (
    *(
        _Target(
            "T13", f"{name}: our reader, 60 values", 8.0, "x pydicom", at_most=False,
            needs=((name, header_reading.OURS),),
            measured=lambda g, n=name: 1 / g[n].ratio(header_reading.OURS, header_reading.PYDICOM),  # type: ignore[misc]  # mypy takes a default for a second argument
        )
        for name in ("headers mr", "headers ct", "headers mr implicit")
    ),
    *(
        _in_units_of("T13", name, (header_reading.OURS, header_reading.BARE), 10.0, "bare reads")
        for name in ("headers mr", "headers ct", "headers mr implicit")
    ),
    *(_time("few", "a few files", f"{n}, {how}", 25.0, "ms") for n in ("one", "six") for how in ("threads", "2 slots")),
    _in_units_of("HTTP", "receipt of mr.zip", (receipt.RAW, receipt.COPY), 2.5, "cp"),
    _in_units_of("HTTP", "receipt of mr.zip", (receipt.FORM, receipt.COPY), 3.5, "cp"),
    _time("start", "start", starting.SERVE_NEW, 1.5, "s"),
    _time("start", "start", starting.HANDLERS, 0.3, "s"),
)  # fmt: skip


def _memory(groups: Mapping[str, Group]) -> Iterator[_Target]:
    """The largest process, and all together, of any upload; large uploads against small ones."""
    for case in (SLOTS, THREADS, RAW, FORM):
        uploads = [name for name, group in groups.items() if case in group]
        if uploads:
            yield _most("T8", f"largest process, {case}", _MB_OF_ONE, [(name, case) for name in uploads], _largest)
            yield _most("T9", f"all processes, {case}", _MB_OF_ALL, [(name, case) for name in uploads], Group.together)
    for case in (SLOTS, RAW):
        yield _Target(
            "T8", f"largest process, ct.zip against small4k.zip: {case}", 1.2, "x", at_most=True,
            needs=(("ct.zip", case), ("small4k.zip", case)),
            measured=partial(_growth_of_largest, case),
        )  # fmt: skip


def _most(
    target: str, what: str, limit: float, runs: list[tuple[str, str]], size: Callable[[Group, str], float]
) -> _Target:
    """The most that any of some runs needs."""
    return _Target(
        target, what, limit, "MB", at_most=True, needs=tuple(runs),
        measured=lambda groups: max(size(groups[name], case) for name, case in runs),
    )  # fmt: skip


def _largest(group: Group, case: str) -> float:
    return max(group.peaks(case).values())


def _growth_of_largest(case: str, groups: Mapping[str, Group]) -> float:
    return _largest(groups["ct.zip"], case) / _largest(groups["small4k.zip"], case)
