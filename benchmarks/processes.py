"""What processes cost: memory and CPU, as the kernel tells it in ``/proc``."""

from __future__ import annotations

import os
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from attrs import define, field

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["CpuShares", "MemoryWatch", "own_peak", "tree_of"]

_PROC: Final = Path("/proc")
_MB: Final = 1_000_000
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_EVERY = 0.05
_SHORTEST = 0.5
_SLOT = "xnat_import_core.worker"


def own_peak() -> float:
    """Peak RSS of this process in MB; ``ru_maxrss`` would begin with that of the process that started it."""
    return _peak(os.getpid())


def tree_of(root: int) -> list[int]:
    """A process and all below it, as far as they live."""
    found = [root]
    for pid in found:
        with suppress(OSError):
            for task in (_PROC / str(pid) / "task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


@define
class MemoryWatch:
    """Memory of a process and of those below it, while the ``with`` block lasts.

    Attributes:
        root: Its number.
        peaks: MB that a process had at most since it was started, by its part; the largest of those that are alike.
        together: MB of all at one moment, at most, as far as it was seen. Pages that they share count for each.
    """

    root: int
    part: str
    peaks: dict[str, float] = field(factory=dict)
    together: float = 0.0
    _over: threading.Event = field(factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self._look()
        self._look()

    def _look(self) -> None:
        now = 0.0
        for pid in tree_of(self.root):
            with suppress(OSError, AttributeError, IndexError):  # it has ended meanwhile
                now += int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE / _MB
                part = self._part_of(pid)
                self.peaks[part] = max(self.peaks.get(part, 0.0), _peak(pid))
        self.together = max(self.together, now, *self.peaks.values())

    def _part_of(self, pid: int) -> str:
        if pid == self.root:
            return self.part
        command = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        return "slot" if _SLOT.encode() in command else Path(command[0].decode()).name


@define
class CpuShares:
    """How much of the machine others used, from ``begin`` to ``others``: it disturbs what we measure."""

    _busy: float = 0.0
    _idle: float = 0.0
    _ours: float = 0.0

    @classmethod
    def begin(cls) -> CpuShares:
        """From now on."""
        return cls(*_machine(), _ours())

    def others(self) -> float | None:
        """Share of all cores' time that processes used which are neither this one nor below it (0 to 1).

        ``None`` after a moment too short to tell: the kernel counts in hundredths of a second.
        """
        busy, idle = _machine()
        used, whole = busy - self._busy, busy + idle - self._busy - self._idle
        return max(0.0, used - (_ours() - self._ours)) / whole if whole > _SHORTEST else None


def _peak(pid: int) -> float:
    found = _PEAK.search((_PROC / str(pid) / "status").read_text())
    return int(found[1]) * 1024 / _MB if found else 0.0


def _machine() -> tuple[float, float]:
    """Seconds that all cores were busy, and idle, since the machine was started."""
    first, *_ = (_PROC / "stat").read_text().splitlines()
    user, nice, system, idle, iowait, irq, softirq, *_ = map(int, first.split()[1:])
    return (user + nice + system + irq + softirq) / _TICKS, (idle + iowait) / _TICKS


def _ours() -> float:
    """Seconds of CPU of this process, of those below it, and of those that were and have ended."""
    total = 0.0
    for pid in tree_of(os.getpid()):
        with suppress(OSError):
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15])) / _TICKS
    return total
