"""Fields of PET scans, and the tracer of PET and PET/MR sessions (chapter sections 3 and 4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from xnat_import_dicom.conversions import date_time, number, plain_number, text
from xnat_import_dicom.describing.fields import Row

if TYPE_CHECKING:
    from xnat_import_dicom.describing.fields import Fields

__all__ = ["PET_ROWS", "TRACER_ROWS", "put_pet_fields", "put_tracer"]

_ACQUISITION: Final = (
    "ReconstructionMethod",
    "ScatterCorrectionMethod",
    "AttenuationCorrectionMethod",
    "Units",
    "DecayCorrection",
    "ConvolutionKernel",
)
_MILLISECONDS: Final = 1000


def _isotope(value: str) -> str | None:
    """``^18^ Fluorine`` is ``^18^Fluorine``."""
    return text(re.sub(r"\^\s+", "^", value))


PET_ROWS: Final = (
    Row("parameters/facility", "InstitutionName"),
    *(Row(f'parameters/addParam[@name="{keyword}"]', keyword, ours=True) for keyword in _ACQUISITION),
)

TRACER_ROWS: Final = (
    Row("tracer/@name", "Radiopharmaceutical"),
    Row("tracer/@startTime", "RadiopharmaceuticalStartDateTime", date_time),
    Row("tracer/dose", "RadionuclideTotalDose", number),
    Row("tracer/isotope", "RadionuclideCodeMeaning", _isotope, ours=True),
    Row("tracer/isotope/@half-life", "RadionuclideHalfLife", number),
)


def put_pet_fields(fields: Fields) -> None:
    """Everything that a PET scan has beyond other scans."""
    fields.put_rows(PET_ROWS)
    if not fields.xnat:
        _put_frames(fields)


def put_tracer(fields: Fields) -> None:
    """What was injected, when and how much."""
    fields.put_rows(TRACER_ROWS)
    if "tracer/dose" in fields.values:
        fields.put("tracer/dose/@units", "Bq")
    if "tracer/@startTime" not in fields.values and not fields.xnat:
        starts = {date_time(day + clock.partition(".")[0]) for (day, clock), _ in fields.tuples("TracerClock")}
        fields.put("tracer/@startTime", next(iter(starts)) if len(starts) == 1 else None)


def _put_frames(fields: Fields) -> None:
    """A frame for each distinct time, in seconds; only their number where a frame's length is not known."""
    lengths: dict[float, float | None] = {}
    for (start, duration), _ in fields.tuples("FrameTime"):
        begins = plain_number(start)
        if begins is not None:
            lengths.setdefault(begins, plain_number(duration))
    if lengths:
        fields.put("parameters/frames/@numFrames", len(lengths))
    if None in lengths.values():
        return
    for place, (begins, length) in enumerate(sorted(lengths.items()), start=1):
        frame = f"parameters/frames/frame[{place}]"
        fields.put(f"{frame}/@number", place)
        fields.put(f"{frame}/@starttime", begins / _MILLISECONDS)
        fields.put(f"{frame}/@length", (length or 0.0) / _MILLISECONDS)
        fields.put(f"{frame}/@units", "sec")
