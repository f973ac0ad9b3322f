"""IDs and order of scans (spec ruling 6, session XML chapter, section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xnat_import_core import clean_label
from xnat_import_dicom.conversions import integer
from xnat_import_dicom.sop_classes import lead_modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xnat_import_core import StoredScan

__all__ = ["in_order", "scan_ids", "series_number"]


def series_number(scan: StoredScan) -> str:
    """The series number as text, the smallest if files disagree, ``""`` without one."""
    numbers = [str(value).strip() for value in scan.facts.values_of("SeriesNumber")]
    return min((number for number in numbers if number), key=_number_key, default="")


def scan_ids(scans: Sequence[StoredScan]) -> Mapping[str, str]:
    """IDs by scan key.

    An ID that was given stays. Others are the series number, else the key (Series UID), as a label. Several scans
    without an ID that share a number all become ``N-MODk``, k counted for each modality in the order of keys; so does
    a newcomer whose number is taken.
    """
    ids = {scan.key: scan.id for scan in scans if scan.id is not None}
    taken = set(ids.values())
    groups: dict[str, list[StoredScan]] = {}
    for scan in sorted(scans, key=lambda scan: scan.key):
        if scan.id is None:
            groups.setdefault(_wished(scan), []).append(scan)
    # Plain IDs first: a suffixed one must not take the number of another series.
    for wished, group in groups.items():
        if len(group) == 1 and wished not in taken:
            ids[group[0].key] = wished
    taken |= set(ids.values())
    for wished, group in groups.items():
        for scan in group:
            if scan.key not in ids:
                ids[scan.key] = _suffixed(wished, scan, taken)
                taken.add(ids[scan.key])
    return ids


def in_order(scans: Sequence[StoredScan], ids: Mapping[str, str]) -> list[StoredScan]:
    """Scans by number where it is a whole one, then by text; of one number by ID."""
    return sorted(scans, key=lambda scan: (*_number_key(series_number(scan) or ids[scan.key]), ids[scan.key]))


def _wished(scan: StoredScan) -> str:
    return clean_label(series_number(scan)) or clean_label(scan.key) or "NA"


def _suffixed(wished: str, scan: StoredScan, taken: set[str]) -> str:
    modality = lead_modality((str(value) for value in scan.facts.values_of("Modality")), otherwise="OT")
    place = 1
    while f"{wished}-{modality}{place}" in taken:
        place += 1
    return f"{wished}-{modality}{place}"


def _number_key(number: str) -> tuple[bool, int, str]:
    value = integer(number)
    return (value is None, value or 0, number)
