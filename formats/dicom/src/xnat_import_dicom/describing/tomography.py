"""Fields of CT, XA and OPT scans (chapter section 4)."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING, Final

from attrs import frozen

from xnat_import_dicom.conversions import integer, number, plain_number, text
from xnat_import_dicom.describing.fields import Row
from xnat_import_dicom.describing.geometry import put_image_size, put_orientation, put_voxel_size

if TYPE_CHECKING:
    from xnat_import_dicom.describing.fields import Fields

__all__ = ["CT_ROWS", "XA_ROWS", "put_ct_fields", "put_opt_fields", "put_xa_fields"]

_LONGEST_OPTIONS: Final = 2500


def _options(value: str) -> str | None:
    return text(value[:_LONGEST_OPTIONS])


def _rotation(value: str) -> str | None:
    return {"CW": "CW", "CC": "CC", "CCW": "CC"}.get(value.strip())


def _not_negative(value: str) -> float | str | None:
    found = number(value)
    return None if found == "-INF" or (isinstance(found, float) and found < 0) else found


CT_ROWS: Final = (
    Row("parameters/rescale/intercept", "RescaleIntercept", number),
    Row("parameters/rescale/slope", "RescaleSlope", number),
    Row("parameters/kvp", "KVP", number),
    Row("parameters/acquisitionNumber", "AcquisitionNumber", integer),
    Row("parameters/imageType", "ImageType"),
    Row("parameters/options", "ScanOptions", _options),
    Row("parameters/collectionDiameter", "DataCollectionDiameter", _not_negative),
    Row("parameters/distanceSourceToDetector", "DistanceSourceToDetector", _not_negative),
    Row("parameters/distanceSourceToPatient", "DistanceSourceToPatient", _not_negative),
    Row("parameters/gantryTilt", "GantryDetectorTilt", number),
    Row("parameters/tableHeight", "TableHeight", number),
    Row("parameters/rotationDirection", "RotationDirection", _rotation),
    Row("parameters/filter", "FilterType"),
    Row("parameters/generatorPower", "GeneratorPower", _not_negative),
    Row("parameters/convolutionKernel", "ConvolutionKernel"),
    Row("parameters/collimationWidth/single", "SingleCollimationWidth", _not_negative),
    Row("parameters/collimationWidth/total", "TotalCollimationWidth", _not_negative),
    Row("parameters/tableSpeed", "TableSpeed", number),
    Row("parameters/tableFeedPerRotation", "TableFeedPerRotation", number),
    Row("parameters/pitchFactor", "SpiralPitchFactor", number),
    Row("parameters/ctDIvol", "CTDIvol", number),
    Row("parameters/derivation", "DerivationDescription"),
    Row("parameters/subjectPosition", "PatientPosition", ours=True),
)

XA_ROWS: Final = (
    Row("parameters/imageType", "ImageType"),
    Row("parameters/options", "ScanOptions"),
    Row("parameters/derivation", "DerivationDescription"),
)


@frozen
class _Modulated:
    """A value that changes from slice to slice; facts in order of trust, with what their unit is divided by."""

    path: str
    facts: tuple[tuple[str, float], ...]


_MODULATED: Final = (
    _Modulated("exposureTime", (("ExposureTime", 1), ("ExposureTimeInms", 1), ("ExposureTimeInuS", 1000))),
    _Modulated("xrayTubeCurrent", (("XRayTubeCurrent", 1), ("XRayTubeCurrentInmA", 1), ("XRayTubeCurrentInuA", 1000))),
    _Modulated("exposure", (("Exposure", 1), ("ExposureInmAs", 1), ("ExposureInuAs", 1000))),
)


def put_ct_fields(fields: Fields) -> None:
    """Everything that a CT scan has beyond other scans."""
    fields.put_rows(CT_ROWS)
    put_voxel_size(fields, "parameters/voxelRes")
    put_orientation(fields, "parameters/orientation")
    put_image_size(fields, "parameters/fov")
    for modulated in _MODULATED:
        _put_modulated(fields, modulated)
    _put_focal_spots(fields)
    _put_dose_saving(fields)


def put_xa_fields(fields: Fields) -> None:
    """Everything that an XA scan has beyond other scans."""
    fields.put_rows(XA_ROWS)
    put_orientation(fields, "parameters/orientation")
    put_image_size(fields, "parameters/fov")


def put_opt_fields(fields: Fields) -> None:
    """Everything that an OPT scan has beyond other scans."""
    put_voxel_size(fields, "parameters/voxelRes")
    put_image_size(fields, "parameters/fov")


def _put_modulated(fields: Fields, modulated: _Modulated) -> None:
    """The only value; of several the median, with the extremes as ``addParam``. XNAT leaves several out."""
    path = f"parameters/{modulated.path}"
    counts = next((found for fact, unit in modulated.facts if (found := _numbers(fields, fact, unit))), Counter())
    if len(counts) > 1 and fields.xnat:
        fields.note_several(path, counts.values())
    elif counts:
        fields.put(path, median(counts.elements()))
    if len(counts) > 1 and not fields.xnat:
        for name, value in (("min", min(counts)), ("max", max(counts))):
            fields.put(f'parameters/addParam[@name="{modulated.path}_{name}"]', value)


def _numbers(fields: Fields, fact: str, unit: float) -> Counter[float]:
    counts: Counter[float] = Counter()
    for value, count in fields.facts.get(fact, {}).items():
        for part in str(value).split("\\"):
            found = plain_number(part)
            if found is not None and found >= 0:
                counts[found / unit] += count
    return counts


def _put_focal_spots(fields: Fields) -> None:
    sizes = fields.facts.only("FocalSpots")
    if sizes is None:
        return
    for place, size in enumerate(str(sizes).split("\\"), start=1):
        fields.put(f"parameters/focalSpots/focalSpot[{place}]", _not_negative(size))


def _put_dose_saving(fields: Fields) -> None:
    """Only with the modulation that saved the dose."""
    saving, modulation = fields.facts.only("EstimatedDoseSaving"), fields.facts.only("ExposureModulationType")
    if saving is not None and modulation is not None and number(str(saving)) is not None:
        fields.put("parameters/estimatedDoseSaving", number(str(saving)))
        fields.put("parameters/estimatedDoseSaving/@modulation", str(modulation))
