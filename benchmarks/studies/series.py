"""Instances of a made-up study: one header for a series, by pydicom; its bytes patched for each instance."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np
from attrs import define, evolve, field, frozen

from benchmarks.studies.header import INSTANCE_MARKS, Values, series_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Frames", "Instance", "Series", "Study"]

_ROOT = "1.2.826.0.1.3680043.8.498.77"
_MARKS: Final = re.compile(b"(" + b"|".join(INSTANCE_MARKS.values()) + b")")
_NOISE_BITS = 5
_FIRST = 1_000_000
_DAY = 86_400


@frozen
class Study:
    """What there is of a study.

    Attributes:
        name: Also of the folder in an archive.
        values: Of the header, by keyword.
        rows: And columns of a frame, 16 bits a pixel.
        series: How many.
        instances: In each series.
        subjects: So many studies, each of a subject of its own.
        frames: In each instance.
        root: What tells its UIDs from those of other studies.
    """

    name: str
    values: Values
    rows: int
    series: int
    instances: int
    root: int
    subjects: int = 1
    frames: int = 1

    @property
    def files(self) -> int:
        """How many instances there are."""
        return self.subjects * self.series * self.instances

    def of_subjects(self) -> Iterator[Study]:
        """Each subject's study alone, with the UIDs that it has among the others."""
        for subject in range(self.subjects):
            yield evolve(self, subjects=1, root=self.root + subject)

    def scaled(self, scale: float) -> Study:
        """The same with fewer instances in a series, or fewer frames where there is one instance."""
        if self.instances == 1:
            return evolve(self, frames=max(1, round(self.frames * scale)))
        return evolve(self, instances=max(1, round(self.instances * scale)))

    def all(self) -> Iterator[Instance]:
        """Its instances, in order."""
        frames = Frames(self.rows)
        for study in self.of_subjects():
            for number in range(1, self.series + 1):
                series = Series(study, number, frames)
                yield from (series.instance(n) for n in range(1, self.instances + 1))


@frozen
class Instance:
    """A file: its name in an archive, and its bytes piece by piece."""

    name: str
    size: int
    _header: bytes = field(repr=False)
    _frames: Iterator[bytes] = field(repr=False)

    def pieces(self) -> Iterator[bytes]:
        """Its bytes; once."""
        yield self._header
        yield from self._frames


@define
class Series:
    """A series, its header cut where instances differ."""

    study: Study
    number: int
    frames: Frames
    transfer_syntax: str = "1.2.840.10008.1.2.1"
    _cut: list[bytes] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        study = self.study
        study_uid = f"{_ROOT}.{_FIRST + study.root}"
        own: Values = {
            "StudyInstanceUID": study_uid, "SeriesInstanceUID": f"{study_uid}.{self.number}",
            "FrameOfReferenceUID": f"{study_uid}.99", "PatientName": f"Bench^Subject{study.root:04}",
            "PatientID": f"BENCH{study.root:04}", "SeriesNumber": str(self.number),
            "SeriesDescription": f"series {self.number}", "ProtocolName": f"protocol {self.number}",
            "Rows": study.rows, "Columns": study.rows,
        }  # fmt: skip
        if study.frames > 1:
            own["NumberOfFrames"] = str(study.frames)
        pixel_bytes = self.frames.size * study.frames
        self._cut = _MARKS.split(series_header({**study.values, **own}, pixel_bytes, self.transfer_syntax))

    def instance(self, number: int) -> Instance:
        """The instance of a number, from 1."""
        patches = {
            INSTANCE_MARKS["uid"]: b"%07d" % (_FIRST + number),
            INSTANCE_MARKS["number"]: b"%6d" % number,
            INSTANCE_MARKS["position"]: b"%8.2f" % (number * 1.5),
            INSTANCE_MARKS["time"]: _time_of_day(number),
        }
        header = b"".join([patches.get(piece, piece) for piece in self._cut])
        name = f"{self.study.name}{self.study.root}/series{self.number:03}/IM{number:06}.dcm"
        frames = self.frames.of(number, self.study.frames)
        return Instance(name, len(header) + self.frames.size * self.study.frames, header, frames)


class Frames:
    """Pixels: noise on a slow wave, so that deflate makes about half of them; a frame is a window of a pool."""

    def __init__(self, rows: int) -> None:
        pixels = rows * rows
        self.size = 2 * pixels
        noise: NDArray[np.uint16] = np.random.default_rng(rows).integers(0, 1 << _NOISE_BITS, 2 * pixels, np.uint16)
        wave = (np.sin(np.arange(2 * pixels) / rows) * 4 + 4).astype(np.uint16) << _NOISE_BITS
        self._pool = (noise + wave).astype("<u2").tobytes()
        self._pixels = pixels

    def of(self, number: int, count: int) -> Iterator[bytes]:
        """The frames of an instance."""
        for frame in range(count):
            start = 2 * ((number * 7919 + frame * 104_729) % self._pixels)
            yield self._pool[start : start + self.size]


def _time_of_day(number: int) -> bytes:
    minutes, seconds = divmod((number * 3) % _DAY, 60)
    hours, minutes = divmod(minutes, 60)
    return b"%02d%02d%02d.%06d" % (hours, minutes, seconds, number % 1_000_000)
