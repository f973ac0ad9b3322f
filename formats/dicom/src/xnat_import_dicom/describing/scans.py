"""A scan of the session document: type, fields and what its catalog says (chapter sections 4 to 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xnat_import_core import ScanDocument
from xnat_import_dicom import sop_classes
from xnat_import_dicom.conversions import cut, date, time
from xnat_import_dicom.describing.fields import Fields, Row
from xnat_import_dicom.describing.geometry import put_image_size, put_orientation, put_voxel_size
from xnat_import_dicom.describing.magnetic_resonance import put_mr_fields
from xnat_import_dicom.describing.positron_emission import put_pet_fields
from xnat_import_dicom.describing.tomography import put_ct_fields, put_opt_fields, put_xa_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xnat_import_core import Facts, StoredScan
    from xnat_import_dicom.describing.fields import Value

__all__ = ["SCAN_ROWS", "describe_scan", "sop_classes_of"]

SCAN_ROWS: Final = (
    Row("@UID", "SeriesInstanceUID"),
    Row("series_description", "SeriesDescription"),
    Row("scanner", "StationName"),
    Row("scanner/@manufacturer", "Manufacturer"),
    Row("scanner/@model", "ManufacturerModelName"),
    Row("scanner/@softwareVersion", "SoftwareVersions", ours=True),
    Row("operator", "OperatorsName", cut, ours=True),
    Row("requestedProcedureDescription", "RequestedProcedureDescription"),
    Row("protocolName", "ProtocolName"),
    Row("bodyPartExamined", "BodyPartExamined"),
)
"""Fields of every scan, whatever its type."""

_OF_TYPE: Final[Mapping[str, Callable[[Fields], None]]] = {
    "mr": put_mr_fields,
    "ct": put_ct_fields,
    "pet": put_pet_fields,
    "xa": put_xa_fields,
    "opt": put_opt_fields,
}


def describe_scan(scan: StoredScan, scan_id: str, *, xnat: bool) -> tuple[ScanDocument, list[str]]:
    """The document of one scan, and notes on what was left out."""
    kind = sop_classes.scan_type(sop_classes_of(scan.facts), xnat=xnat)
    fields = Fields(scan.facts, f"scan {scan_id}", xnat)
    fields.put_rows(SCAN_ROWS)
    _put_modality(fields)
    _put_start(fields)
    frames = _frames(scan.facts, xnat=xnat)
    fields.put("frames", frames if frames or xnat else None)
    if kind in _OF_TYPE:
        _OF_TYPE[kind](fields)
    catalog = _catalog(scan, frames, xnat=xnat)
    return ScanDocument(scan.key, scan_id, f"xnat:{kind}ScanData", fields.values, catalog), fields.notes


def sop_classes_of(facts: Facts) -> set[str]:
    """The SOP classes of a scan or session."""
    return {str(kind[0]) for kind in facts.values_of("Kind") if isinstance(kind, tuple)}


def _put_modality(fields: Fields) -> None:
    modalities = [str(value) for value in fields.facts.values_of("Modality")]
    if fields.xnat or len(modalities) < 2:  # noqa: PLR2004 - one value needs no rule
        fields.put_only("modality", "Modality")
    else:
        fields.put("modality", sop_classes.lead_modality(modalities, otherwise=modalities[0]))


def _put_start(fields: Fields) -> None:
    """The earliest; XNAT leaves it out if files differ."""
    if fields.xnat:
        fields.put_only("startTime", "SeriesTime", lambda value: time(value, pad=False))
        fields.put_only("start_date", "SeriesDate", date)
        return
    for path, fact, convert in (("startTime", "SeriesTime", time), ("start_date", "SeriesDate", date)):
        fields.put(path, min(map(str, fields.counts(path, fact, convert)), default=None))


def _frames(facts: Facts, *, xnat: bool) -> int:
    """Frames of primary files; a file that does not say has one."""
    return sum(
        int(value[1] or 0) * count
        for value, count in facts.get("Frames", {}).items()
        if isinstance(value, tuple) and sop_classes.is_primary(str(value[0]), xnat=xnat)
    )


def _catalog(scan: StoredScan, frames: int, *, xnat: bool) -> dict[str, Value]:
    """Geometry for the catalog of primary files; that of secondary ones has none."""
    fields = Fields(scan.facts, "catalog", xnat)
    fields.put("@type", "dcm")
    if all(resource.label != "DICOM" for resource in scan.resources):
        return fields.values
    fields.put_only("@UID", "SeriesInstanceUID")
    put_image_size(fields, "dimensions")
    fields.put("dimensions/@z", frames if frames and "dimensions/@x" in fields.values else None)
    put_voxel_size(fields, "voxelRes")
    put_orientation(fields, "orientation")
    return fields.values
