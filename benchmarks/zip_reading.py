"""Our reader of zip archives beside ``zipfile``: list the members, and read them; CPU time, in one thread."""

from __future__ import annotations

import time
import zipfile
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.measure import Case, Measured
from xnat_import_core.settings import Limits
from xnat_import_core.uploads.containers import OpenUpload, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.bench import Bench
    from benchmarks.measure import Group
    from benchmarks.studies import Archive

__all__ = ["zip_reading"]

_ROUNDS = 5
_KINDS: Final = frozenset({"zip"})


def zip_reading(bench: Bench) -> Iterator[Group]:
    """Small members stored, and larger ones deflated."""
    readers = {
        "zipfile, list": partial(_theirs, read=False),
        "ours, list": partial(_ours, read=False),
        "zipfile, read": partial(_theirs, read=True),
        "ours, read": partial(_ours, read=True),
    }
    archives = (bench.archives.zip("small4k"), bench.archives.zip("mr", deflated=True))
    for archive in archives:
        cases = [Case(name, partial(_timed, archive, reader)) for name, reader in readers.items()]
        yield bench.side_by_side(f"reading {archive.name}", cases, rounds=_ROUNDS)


def _timed(archive: Archive, reader: Callable[[Path, Path], int], folder: Path) -> Measured:
    archive.warm()
    began = time.process_time()
    reader(archive.path, folder)
    return Measured(time.process_time() - began, archive.files)


def _ours(path: Path, spool: Path, *, read: bool) -> int:
    source = [Source(path)]
    with OpenUpload(source, limits=Limits(), kinds=_KINDS, open_nested=False, spool=spool / "spool") as upload:
        return sum(len(entry.open().read()) if read else 1 for entry in upload.entries())


def _theirs(path: Path, _spool: Path, *, read: bool) -> int:
    with zipfile.ZipFile(path) as archive:
        return sum(len(archive.read(info)) if read else 1 for info in archive.infolist())
