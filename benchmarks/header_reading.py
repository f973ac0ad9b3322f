"""How fast the header reader is beside pydicom and beside a bare read, for 60 values of the same files as text.

CPU time: all is in one thread and in the page cache, so that what others do on the machine does not count.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

import pydicom
from attrs import evolve
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from xnat_import_dicom.reading import Wanted, read_header

from benchmarks.measure import Case, Measured
from benchmarks.studies.archives import STUDIES
from benchmarks.studies.series import Frames, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.bench import Bench
    from benchmarks.measure import Group

__all__ = ["BARE", "OURS", "PYDICOM", "header_reading"]

BARE: Final = "open, read 16 KiB, close"
OURS: Final = "our reader, 60 values"
PYDICOM: Final = "pydicom, 60 values"

_ROUNDS = 7
_FILES = 200
_VALUES = 60
_ROWS = 128
_HEAD = 16 * 1024
_LIMIT = 64 * 1024 * 1024
_NOT_TEXT: Final = {"SQ", "OB", "OW", "UN"}


def header_reading(bench: Bench) -> Iterator[Group]:
    """Files with the headers of the made-up MR and CT, explicit and implicit."""
    asked = (
        ("mr", ExplicitVRLittleEndian),
        ("ct", ExplicitVRLittleEndian),
        ("mr", ImplicitVRLittleEndian),
    )
    for study, syntax in asked:
        name = f"headers {study}{' implicit' if syntax == ImplicitVRLittleEndian else ''}"
        files = _write_files(bench.ground.fresh(name), study, syntax)
        tags = _tags_of(files[0])
        wanted = Wanted(frozenset(tags))
        _check(_ours(tags, wanted, files[0]), _pydicom(tags, files[0]))
        readers: dict[str, Callable[[Path], object]] = {
            BARE: _bare,
            OURS: partial(_ours, tags, wanted),
            PYDICOM: partial(_pydicom, tags),
        }
        cases = [Case(reader, partial(_read_all, files, read)) for reader, read in readers.items()]
        yield bench.side_by_side(name, cases, rounds=_ROUNDS)


def _write_files(folder: Path, study: str, syntax: str) -> list[Path]:
    series = Series(evolve(STUDIES[study], rows=_ROWS), 1, Frames(_ROWS), syntax)
    files = [folder / f"{number}.dcm" for number in range(1, _FILES + 1)]
    for number, path in enumerate(files, 1):
        path.write_bytes(b"".join(series.instance(number).pieces()))
    return files


def _tags_of(path: Path) -> list[int]:
    """The first elements of the top level that are texts and numbers."""
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    return [int(e.tag) for e in dataset if e.VR not in _NOT_TEXT and not e.tag.is_private][:_VALUES]


def _check(ours: list[str], theirs: list[str]) -> None:
    """Both found the same values; how they spell several values is not the same."""
    if list(map(bool, ours)) != list(map(bool, theirs)):
        message = "our reader and pydicom found different values"
        raise SystemExit(message)


def _read_all(files: list[Path], read: Callable[[Path], object], _folder: Path) -> Measured:
    for path in files:
        read(path)
    began = time.process_time()
    for path in files:
        read(path)
    return Measured(time.process_time() - began, len(files))


def _bare(path: Path) -> bytes:
    with path.open("rb", buffering=0) as stream:
        return stream.read(_HEAD)


def _ours(tags: list[int], wanted: Wanted, path: Path) -> list[str]:
    with path.open("rb", buffering=0) as stream:
        header = read_header(stream, wanted, max_header_bytes=_LIMIT)
    return [header.value(tag) for tag in tags]


def _pydicom(tags: list[int], path: Path) -> list[str]:
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    return [str(dataset[tag].value) for tag in tags]
