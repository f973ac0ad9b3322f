"""The header of one made-up series: about 118 elements, nested sequences, private blocks, 2 KiB as Siemens' CSA."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING, Final

from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, MRImageStorage

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CT", "INSTANCE_MARKS", "MR", "Values", "series_header"]

Values = dict[str, object]

INSTANCE_MARKS: Final[Mapping[str, bytes]] = {
    "uid": b"9999999",  # before the shorter one
    "number": b"999999",
    "position": b"99999.99",
    "time": b"235959.999999",
}
"""What stands in a series' header where its instances differ; each is patched by as many bytes."""

_CSA_BYTES = 2048
_IMPLEMENTATION = "1.2.826.0.1.3680043.8.498.1"

_COMMON: Final[Values] = {
    "SpecificCharacterSet": "ISO_IR 100", "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"],
    "InstanceCreationDate": "20240305", "InstanceCreationTime": "091244.031000", "StudyDate": "20240305",
    "SeriesDate": "20240305", "AcquisitionDate": "20240305", "ContentDate": "20240305", "StudyTime": "091102.457000",
    "SeriesTime": "091244.031000", "AcquisitionTime": "091212.192500", "AccessionNumber": "ACC0012345",
    "Manufacturer": "Made Up Medical", "InstitutionName": "Example University Hospital",
    "InstitutionAddress": "Example Street 1, Example City", "ReferringPhysicianName": "Referrer^Rita",
    "StationName": "EXAMPLE1", "StudyDescription": "BENCH", "PerformingPhysicianName": "Performer^Paul",
    "OperatorsName": "Operator^Olga", "ManufacturerModelName": "Example 3T", "PatientSex": "O",
    "PatientBirthDate": "19700101", "PatientAge": "054Y", "PatientSize": "1.75", "PatientWeight": "75",
    "PatientComments": "made up", "BodyPartExamined": "HEAD", "SliceThickness": "1.5", "DeviceSerialNumber": "12345",
    "SoftwareVersions": "example release 7", "PatientPosition": "HFS", "StudyID": "1", "AcquisitionNumber": "1",
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"], "PositionReferenceIndicator": "",
    "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PixelSpacing": ["0.9375", "0.9375"],
    "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0, "WindowCenter": "600",
    "WindowWidth": "1400", "WindowCenterWidthExplanation": "Algo1", "RequestingPhysician": "Referrer^Rita",
    "RequestedProcedureDescription": "Head, without contrast", "PerformedProcedureStepStartDate": "20240305",
    "PerformedProcedureStepStartTime": "091102.600000", "PerformedProcedureStepID": "STEP0001",
    "PerformedProcedureStepDescription": "Head", "CommentsOnThePerformedProcedureStep": "none",
}  # fmt: skip

MR: Final[Values] = {
    "Modality": "MR", "SOPClassUID": MRImageStorage, "ScanningSequence": ["GR", "IR"],
    "SequenceVariant": ["SP", "MP"], "ScanOptions": ["IR", "PFP"], "MRAcquisitionType": "3D",
    "SequenceName": "*tfl3d1_16ns", "AngioFlag": "N", "RepetitionTime": "2300", "EchoTime": "2.98",
    "InversionTime": "900", "NumberOfAverages": "1", "ImagingFrequency": "123.252", "ImagedNucleus": "1H",
    "EchoNumbers": "1", "MagneticFieldStrength": "3", "NumberOfPhaseEncodingSteps": "239", "EchoTrainLength": "1",
    "PercentSampling": "100", "PercentPhaseFieldOfView": "93.75", "PixelBandwidth": "240",
    "TransmitCoilName": "Body", "ReceiveCoilName": "HeadNeck20", "AcquisitionMatrix": [0, 256, 240, 0],
    "InPlanePhaseEncodingDirection": "ROW", "FlipAngle": "9", "VariableFlipAngleFlag": "N", "SAR": "0.0399",
    "dBdt": "0", "SpacingBetweenSlices": "1.5", "SmallestImagePixelValue": 0, "LargestImagePixelValue": 4095,
}  # fmt: skip

CT: Final[Values] = {
    "Modality": "CT", "SOPClassUID": CTImageStorage, "ScanOptions": "HELICAL MODE", "KVP": "120",
    "DataCollectionDiameter": "500", "ReconstructionDiameter": "360", "DistanceSourceToDetector": "949.075",
    "DistanceSourceToPatient": "541", "GantryDetectorTilt": "0", "TableHeight": "142.5", "RotationDirection": "CW",
    "ExposureTime": "800", "XRayTubeCurrent": "240", "Exposure": "12", "FilterType": "BODY FILTER",
    "GeneratorPower": "28800", "FocalSpots": "1.2", "ConvolutionKernel": "STANDARD", "RevolutionTime": 0.8,
    "SingleCollimationWidth": 0.625, "TotalCollimationWidth": 40.0, "TableSpeed": 68.75,
    "TableFeedPerRotation": 55.0, "SpiralPitchFactor": 1.375, "ExposureModulationType": "NONE",
    "CTDIvol": 24.5, "RescaleIntercept": "-1024", "RescaleSlope": "1", "RescaleType": "HU",
    "SmallestImagePixelValue": 0, "LargestImagePixelValue": 4095,
}  # fmt: skip


def series_header(values: Values, pixel_bytes: int, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A file up to the first byte of its pixels.

    Args:
        values: By keyword: ``MR`` or ``CT``, UIDs and names of the series, its matrix. SOPInstanceUID, InstanceNumber,
            slice position and content time are marks.
        pixel_bytes: How many will follow.
        transfer_syntax: Explicit or implicit VR, little endian.
    """
    dataset = _filled({**_COMMON, **values})
    uid = f"{dataset.SeriesInstanceUID}.{INSTANCE_MARKS['uid'].decode()}"
    position = INSTANCE_MARKS["position"].decode()
    dataset.SOPInstanceUID = uid
    dataset.InstanceNumber = INSTANCE_MARKS["number"].decode()
    dataset.ContentTime = INSTANCE_MARKS["time"].decode()
    dataset.SliceLocation = position
    dataset.ImagePositionPatient = ["-120.5", "-98.25", position]
    _add_sequences(dataset)
    _add_private_blocks(dataset)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = UID(uid)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = UID(_IMPLEMENTATION)
    meta.ImplementationVersionName = "MADE_UP_1"
    file = io.BytesIO()
    FileDataset(file, dataset, file_meta=meta, preamble=bytes(128)).save_as(file, enforce_file_format=True)
    vr = b"OW\0\0" if transfer_syntax == ExplicitVRLittleEndian else b""
    return file.getvalue() + b"\xe0\x7f\x10\x00" + vr + pixel_bytes.to_bytes(4, "little")


def _filled(values: Values) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _code(value: str, meaning: str) -> Dataset:
    return _filled({"CodeValue": value, "CodingSchemeDesignator": "99EXAMPLE", "CodeMeaning": meaning})


def _add_sequences(dataset: Dataset) -> None:
    dataset.ReferencedImageSequence = [
        _filled({"ReferencedSOPClassUID": dataset.SOPClassUID, "ReferencedSOPInstanceUID": f"{_IMPLEMENTATION}.{n}"})
        for n in range(1, 4)
    ]
    dataset.ProcedureCodeSequence = [_code("HEAD1", "Head, without contrast")]
    protocol = _filled({"ScheduledProcedureStepDescription": "Head", "ScheduledProcedureStepID": "SPS1"})
    protocol.ScheduledProtocolCodeSequence = [_code("PROT1", "Head routine")]
    dataset.RequestAttributesSequence = [protocol]


def _add_private_blocks(dataset: Dataset) -> None:
    noise = random.Random(1)  # noqa: S311 - the same header each time, no secret
    timing = dataset.private_block(0x0019, "MADE UP HEADER", create=True)
    for element, text in enumerate(("1.0", "IMAGE NUM 4", "Normal", "-20;-24;-33", "512"), 8):
        timing.add_new(element, "LO", text)
    csa = dataset.private_block(0x0029, "MADE UP CSA HEADER", create=True)
    csa.add_new(0x08, "CS", "IMAGE NUM 4")
    csa.add_new(0x09, "LO", "20240305")
    csa.add_new(0x10, "OB", b"SV10" + noise.randbytes(_CSA_BYTES // 2) + bytes(_CSA_BYTES // 2 - 4))
