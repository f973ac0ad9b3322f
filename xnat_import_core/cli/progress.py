"""How far an import is: a bar on a terminal, lines in a pipe."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click
from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from xnat_import_core.service import Progress

__all__ = ["ProgressBar", "ProgressLines", "show_progress"]

_MB = 1_000_000
_SECONDS_BETWEEN_LINES = 2.0


@contextmanager
def show_progress(stream: TextIO) -> Iterator[Progress]:
    """Something that shows progress on a stream, as long as the block lasts."""
    if not stream.isatty():
        yield ProgressLines()
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import; pipes and other commands do not need it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as bars:
        yield ProgressBar(bars)


@define
class _Pace:
    """Rate and time left of one stage."""

    started_at: float

    def rate(self, done: float, now: float) -> float:
        elapsed = now - self.started_at
        return done / elapsed if elapsed > 0 else 0.0

    def left(self, done: int, total: int | None, now: float) -> float | None:
        rate = self.rate(done, now)
        return None if total is None or rate == 0 else max(total - done, 0) / rate


@define
class ProgressLines:
    """A line when a stage begins and when it is done, and one every other second between."""

    clock: Callable[[], float] = time.monotonic
    _stage: str = field(default="", init=False)
    _told_at: float = field(default=0.0, init=False)
    _pace: _Pace = field(factory=lambda: _Pace(0.0), init=False)

    def __call__(self, stage: str, members: int, total: int | None, size: int) -> None:
        """Print a line if it is time."""
        now = self.clock()
        if stage != self._stage:
            self._stage, self._pace = stage, _Pace(now)
        elif members != total and now - self._told_at < _SECONDS_BETWEEN_LINES:
            return
        self._told_at = now
        count = f"{members}" if total is None else f"{members}/{total}"
        left = self._pace.left(members, total, now)
        time_left = "" if left is None else f", {left:.0f} s left"
        rate = self._pace.rate(size, now) / _MB
        click.echo(f"{stage}: {count} members, {size / _MB:.1f} MB, {rate:.1f} MB/s{time_left}", err=True)


@define
class ProgressBar:
    """One bar that follows the stages."""

    bars: RichProgress
    clock: Callable[[], float] = time.monotonic
    _tasks: dict[str, tuple[TaskID, _Pace]] = field(factory=dict, init=False)

    def __call__(self, stage: str, members: int, total: int | None, size: int) -> None:
        """Move the bar."""
        now = self.clock()
        if stage not in self._tasks:
            for task, _ in self._tasks.values():
                self.bars.update(task, visible=False)
            self._tasks[stage] = (self.bars.add_task(stage, total=total, pace=""), _Pace(now))
        task, pace = self._tasks[stage]
        rates = f"{pace.rate(members, now):.0f} members/s {pace.rate(size, now) / _MB:.1f} MB/s"
        self.bars.update(task, completed=members, total=total, pace=rates)
