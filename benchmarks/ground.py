"""Where cases write: a real disk, a fresh folder for each, and nothing deleted there while anything is measured.

ext4 passes over inodes that were deleted in the last minutes: creating a file then takes 200 to 600 us instead of 20.
So a folder that is done with is emptied of bytes, not of files, and all folders are deleted when the run is over.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GOOD_CREATE_US", "Ground", "default_data"]

GOOD_CREATE_US: Final = 60.0
"""Above it, creating files is slow for another reason than what is measured; about 20 is usual."""

_PROBES = 100
_IN_MEMORY: Final = {"tmpfs", "ramfs"}
_PATIENCE = 180.0
_PAUSE = 15.0


@define
class Ground:
    """Work folders below one folder."""

    root: Path
    _count: int = field(init=False, default=0)

    def fresh(self, name: str) -> Path:
        """A new folder for a case."""
        self._count += 1
        folder = self.root / f"{self._count:04}-{name.replace(' ', '-').replace('/', '-')}"
        folder.mkdir(parents=True)
        return folder

    def probe(self, folder: Path) -> float:
        """Microseconds to create an empty file there."""
        place = folder / "probe"
        place.mkdir()
        times = []
        for number in range(_PROBES):
            began = time.perf_counter()
            os.close(os.open(place / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            times.append(time.perf_counter() - began)
        return statistics.median(times) * 1e6

    def put_aside(self, folder: Path) -> None:
        """Give the bytes back, keep the files."""
        for parent, _, names in os.walk(folder):
            for name in names:
                path = Path(parent, name)
                if path.is_file() and not path.is_symlink():
                    os.truncate(path, 0)

    def wait_until_good(self, told: Callable[[str], None]) -> None:
        """If much was deleted here a moment ago, wait until it no longer counts; not forever."""
        until = time.monotonic() + _PATIENCE
        while (microseconds := self.probe(self.fresh("probe"))) > GOOD_CREATE_US and time.monotonic() < until:
            told(f"creating a file takes {microseconds:.0f} us: waiting for the disk to forget what was deleted")
            time.sleep(_PAUSE)

    def clear(self) -> None:
        """Delete everything, also what an earlier run left behind."""
        shutil.rmtree(self.root, ignore_errors=True)


def default_data() -> Path:
    """A folder of the system for temporary files that lies on a disk.

    Raises:
        SystemExit: There is none; ``--data`` names another.
    """
    for parent in (Path(tempfile.gettempdir()), Path("/var/tmp")):  # noqa: S108 - a folder of our own below it
        if parent.is_dir() and file_system_of(parent) not in _IN_MEMORY:
            return parent / "xnat-import-bench"
    message = "The folders for temporary files lie in memory; name one on a disk: --data DIR"
    raise SystemExit(message)


def file_system_of(folder: Path) -> str:
    """The type of the file system that a folder lies on, such as ``ext4``."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    inside = [(len(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(inside, default=(0, ""))[1]
