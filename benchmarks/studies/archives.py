"""Archives of the made-up studies: made once, kept outside of the checkout, used again."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING, Final

from attrs import evolve, frozen

from benchmarks.studies.header import CT, MR
from benchmarks.studies.series import Study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from benchmarks.studies.series import Instance

__all__ = ["Archive", "Archives"]

VERSION = 1
"""Of what is made here: another number, and everything is made anew."""

_WHEN = (2024, 3, 5, 9, 12, 44)
_DEFLATE_LEVEL = 6

SINGLES = 40
"""Archives of one file, and of six, each of a subject of its own."""

STUDIES: Final = {
    study.name: study
    for study in (
        Study("mr", MR, rows=256, series=20, instances=100, root=100),
        Study("ct", CT, rows=512, series=5, instances=200, root=200),
        Study("small", MR, rows=64, series=20, instances=1_000, root=300),
        Study("small4k", MR, rows=64, series=4, instances=1_000, root=300),
        Study("hundred", MR, rows=64, series=20, instances=1_000, root=400, subjects=5),
        Study("five_gb", CT, rows=512, series=5, instances=200, root=500, frames=10),
        Study("two_gb", MR, rows=256, series=1, instances=1, root=600, frames=16_384),
        Study("one", MR, rows=256, series=1, instances=1, root=1_000, subjects=SINGLES),
        Study("warm", MR, rows=64, series=4, instances=150, root=900),
        Study("six", MR, rows=256, series=2, instances=3, root=2_000, subjects=SINGLES),
    )
}
_NOT_SCALED: Final = frozenset({"one", "six", "warm"})


@frozen
class Archive:
    """An archive on the disk, and how many files are in it."""

    path: Path
    files: int

    @property
    def name(self) -> str:
        """As in tables: ``mr.zip``."""
        return self.path.name

    @property
    def size(self) -> int:
        """Bytes of the archive."""
        return self.path.stat().st_size

    def warm(self) -> None:
        """Read it once, so that every case finds it in the page cache."""
        with self.path.open("rb", buffering=0) as stream:
            while stream.read(1 << 20):
                pass


class Archives:
    """All archives of one scale, below a folder.

    Args:
        folder: Where data may lie.
        scale: 1.0 for the sizes that targets speak of, less for a trial.
        told: Told which archive is being made.
    """

    def __init__(self, folder: Path, scale: float, told: Callable[[str], None]) -> None:
        self._folder = folder / f"studies-v{VERSION}-x{scale:g}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._scale = scale
        self._told = told

    def zip(self, study: str, *, deflated: bool = False) -> Archive:
        """A zip archive of a study, stored or deflated."""
        method = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
        name = f"{study}.deflated.zip" if deflated else f"{study}.zip"
        whole = self._study(study)
        return self._made(name, whole, lambda path: _write_zip(path, whole.all(), method))

    def tar_gz(self, study: str) -> Archive:
        """A gzipped tar archive of a study."""
        whole = self._study(study)
        return self._made(f"{study}.tar.gz", whole, lambda path: _write_tar_gz(path, whole.all()))

    def one_by_one(self, study: str) -> list[Archive]:
        """A zip archive for each subject of a study."""
        (self._folder / study).mkdir(exist_ok=True)
        return [
            self._made(f"{study}/{alone.root}.zip", alone, lambda path, a=alone: _write_zip(path, a.all()))  # type: ignore[misc]  # mypy takes a default for a second argument
            for alone in self._study(study).of_subjects()
        ]

    def _study(self, name: str) -> Study:
        study = STUDIES[name]
        scaled = study if name in _NOT_SCALED else study.scaled(self._scale)
        return evolve(scaled, name="small") if name == "small4k" else scaled

    def _made(self, name: str, study: Study, write: Callable[[Path], None]) -> Archive:
        path = self._folder / name
        if not path.exists():
            if "/" not in name:
                self._told(f"making {name}, {study.files:,} files")
            unfinished = path.with_name(f"{path.name}.part")
            write(unfinished)
            unfinished.rename(path)
        return Archive(path, study.files)


def _write_zip(path: Path, instances: Iterable[Instance], method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method, compresslevel=_DEFLATE_LEVEL) as archive:
        for instance in instances:
            entry = zipfile.ZipInfo(instance.name, _WHEN)
            entry.compress_type, entry.file_size = method, instance.size
            with archive.open(entry, "w") as stream:
                for piece in instance.pieces():
                    stream.write(piece)


def _write_tar_gz(path: Path, instances: Iterable[Instance]) -> None:
    with tarfile.open(path, "w:gz", compresslevel=_DEFLATE_LEVEL) as archive:
        for instance in instances:
            entry = tarfile.TarInfo(instance.name)
            entry.size = instance.size
            archive.addfile(entry, io.BytesIO(b"".join(instance.pieces())))
