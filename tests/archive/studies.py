"""Small DICOM studies made of one real file: the same image under other UIDs, numbers and names."""

from __future__ import annotations

import io
import zipfile
import zlib
from functools import cache
from pathlib import Path

import pydicom

REAL = Path(__file__).resolve().parents[1] / "data/pydicom/test_files/MR_small.dcm"
CLASSES = {
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "secondary": "1.2.840.10008.5.1.4.1.1.7",
}


def uid(text: str) -> str:
    """A UID that stands for a text."""
    return f"1.2.826.0.1.3680043.8.498.{zlib.crc32(text.encode())}"


@cache
def _real() -> bytes:
    return REAL.read_bytes()


def frame(
    instance: str | int,
    *,
    series: str = "A",
    scan: int | str | None = 1,
    study: str = "study",
    version: int = 0,
    subject: str = "SUBJ",
    label: str = "SESS",
    modality: str = "MR",
    date: str = "20240131",
) -> bytes:
    """One instance: of a series by its name, under a scan number; ``version`` changes the bytes, not the UID."""
    header = pydicom.dcmread(io.BytesIO(_real()))
    header.StudyInstanceUID = uid(study)
    header.SeriesInstanceUID = uid(f"{study} {series}")
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = uid(f"{study} {series} {instance}")
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = CLASSES[modality]
    header.Modality = "MR" if modality == "secondary" else modality
    header.SeriesNumber = scan
    header.InstanceNumber = int(instance) if str(instance).isdigit() else None
    header.PatientName, header.PatientID, header.StudyDate = subject, label, date
    header.ImageComments = f"version {version}"
    made = io.BytesIO()
    header.save_as(made)
    return made.getvalue()


def frames(*instances: int, prefix: str = "", **facts: object) -> dict[str, bytes]:
    """Instances as the members of an upload, named by series and number."""
    series = facts.get("series", "A")
    return {f"{prefix}{series}{number:03d}.dcm": frame(number, **facts) for number in instances}


def zipped(members: dict[str, bytes]) -> bytes:
    """An upload."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()
