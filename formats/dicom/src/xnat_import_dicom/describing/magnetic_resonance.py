"""Fields of MR scans, and the field strength that sessions have too (chapter section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xnat_import_dicom.conversions import cut, integer, number, plain_number, text
from xnat_import_dicom.describing.fields import Row
from xnat_import_dicom.describing.geometry import put_image_size, put_orientation, put_voxel_size

if TYPE_CHECKING:
    from xnat_import_dicom.describing.fields import Fields

__all__ = ["MR_ROWS", "put_field_strength", "put_mr_fields"]

_GAUSS_FROM: Final = 500
_GAUSS_IN_TESLA: Final = 10000
_STEP: Final = 0.5
_NEAR: Final = 0.04
_MATRIX_VALUES: Final = 4


def _phase_direction(value: str) -> str | None:
    return {"ROW": "ROW", "COL": "COL", "COLUMN": "COL"}.get(value.strip())


MR_ROWS: Final = (
    Row("coil", "ReceiveCoilName", cut),
    Row("parameters/tr", "RepetitionTime", number),
    Row("parameters/ti", "InversionTime", number),
    Row("parameters/flip", "FlipAngle", number),
    Row("parameters/imageType", "ImageType"),
    Row("parameters/scanSequence", "ScanningSequence"),
    Row("parameters/seqVariant", "SequenceVariant"),
    Row("parameters/scanOptions", "ScanOptions"),
    Row("parameters/acqType", "MRAcquisitionType"),
    Row("parameters/pixelBandwidth", "PixelBandwidth", number),
    Row("parameters/diffusion/directionality", "DiffusionDirectionality"),
    Row("parameters/diffusion/orientations", "DiffusionGradientOrientation"),
    Row("parameters/diffusion/anisotropyType", "DiffusionAnisotropyType"),
    Row("parameters/subjectPosition", "PatientPosition", ours=True),
    Row("parameters/phaseEncodingDirection", "InPlanePhaseEncodingDirection", _phase_direction, ours=True),
    Row("parameters/partitions", "MRAcquisitionPhaseEncodingStepsOutOfPlane", integer, ours=True),
    Row("parameters/acqTime", "AcquisitionDuration", ours=True),
)


def put_mr_fields(fields: Fields) -> None:
    """Everything that an MR scan has beyond other scans."""
    fields.put_rows(MR_ROWS)
    put_field_strength(fields)
    put_voxel_size(fields, "parameters/voxelRes")
    put_orientation(fields, "parameters/orientation")
    put_image_size(fields, "parameters/fov")
    _put_sequence(fields)
    _put_echo_times(fields)
    _put_b_values(fields)
    if not fields.xnat:
        _put_matrix(fields)


def put_field_strength(fields: Fields) -> None:
    """Tesla: Gauss are converted; what is near a multiple of 0.5 is rounded to it (in XNAT's way: everything)."""

    def tesla(value: str) -> str | None:
        strength = plain_number(value)
        if strength is None:
            return None
        strength = strength / _GAUSS_IN_TESLA if strength >= _GAUSS_FROM else strength
        # Java's Math.round: halves go up.
        nearest = int(strength / _STEP + _STEP) * _STEP
        near = nearest > 0 and abs(strength - nearest) <= _NEAR * nearest
        return repr(nearest if near or fields.xnat else strength)

    fields.put_only("fieldStrength", "MagneticFieldStrength", tesla)


def _put_sequence(fields: Fields) -> None:
    fields.put_only("parameters/sequence", "SequenceName", cut)
    if "SequenceName" not in fields.facts and not fields.xnat:
        fields.put_only("parameters/sequence", "PulseSequenceName", cut)


def _put_echo_times(fields: Fields) -> None:
    echoes: dict[int, set[float | str]] = {}
    for (number_of_echo, milliseconds), _ in fields.tuples("Echo"):
        value = number(milliseconds)
        if value is not None:
            echoes.setdefault(integer(number_of_echo) or 0, set()).add(value)
    if not echoes and not fields.xnat:
        fields.put_only("parameters/te", "EffectiveEchoTime", number)
    for echo, times in sorted(echoes.items()):
        path = "parameters/te" if len(echoes) == 1 else f'parameters/addParam[@name="MultiEcho_TE{echo}"]'
        if len(times) == 1:
            fields.put(path, next(iter(times)))
        else:
            counts = (count for (found, _), count in fields.tuples("Echo") if (integer(found) or 0) == echo)
            fields.note_several(path, counts)


def _put_b_values(fields: Fields) -> None:
    if fields.xnat:
        fields.put_only("parameters/diffusion/bValues", "DiffusionBValue", text)
        return
    texts = {part.strip() for value in fields.facts.get("DiffusionBValue", {}) for part in str(value).split("\\")}
    values = {size: part for part in sorted(texts, reverse=True) if (size := plain_number(part)) is not None}
    if values:
        ascending = [values[size] for size in sorted(values)]
        fields.put("parameters/diffusion/bValues", "\\".join(ascending))
        fields.put("parameters/diffusion/bMax", ascending[-1])


def _put_matrix(fields: Fields) -> None:
    """AcquisitionMatrix is frequency rows, frequency columns, phase rows, phase columns; two of them are 0."""
    sizes = set()
    for value in fields.facts.get("AcquisitionMatrix", {}):
        parts = [integer(part) or 0 for part in str(value).split("\\")]
        if len(parts) == _MATRIX_VALUES:
            sizes.add((max(parts[1], parts[3]), max(parts[0], parts[2])))
    if len(sizes) == 1:
        ((x, y),) = sizes
        if x > 0 and y > 0:
            fields.put("parameters/matrix/@x", x)
            fields.put("parameters/matrix/@y", y)
