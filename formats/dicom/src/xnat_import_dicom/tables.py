"""What is read of a header, as a table: DICOM keyword, tag, and where multi-frame objects keep it instead.

Keywords are DICOM's own (PS3.6), and are the names of facts as well.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

__all__ = ["COMMON", "NAMING", "OF_SCAN_TYPE", "PER_FRAME_GROUPS", "SHARED_GROUPS", "Source"]

SHARED_GROUPS: Final = 0x52009229
PER_FRAME_GROUPS: Final = 0x52009230

_MR_TIMING: Final = (0x00189112,)
_MR_MODIFIER: Final = (0x00189006,)
_MR_COIL: Final = (0x00189042,)
_MR_ECHO: Final = (0x00189114,)
_MR_FIELD_OF_VIEW: Final = (0x00189125,)
_MR_DIFFUSION: Final = (0x00189117,)
_MR_GRADIENT: Final = (0x00189117, 0x00189076)
_PIXEL_MEASURES: Final = (0x00289110,)
_PLANE: Final = (0x00209116,)
_TRANSFORMATION: Final = (0x00289145,)
_CT_DETAILS: Final = (0x00189325,)
_CT_ACQUISITION: Final = (0x00189304,)
_CT_GEOMETRY: Final = (0x00189312,)
_CT_EXPOSURE: Final = (0x00189321,)
_CT_RECONSTRUCTION: Final = (0x00189314,)
_CT_TABLE: Final = (0x00189308,)
_RADIOPHARMACEUTICAL: Final = 0x00540016
_RADIONUCLIDE_CODE: Final = 0x00540300


@frozen
class Source:
    """Where a value lies.

    Attributes:
        keyword: DICOM's keyword, and the fact's name.
        tag: The element at the top level.
        groups: Functional group that has it in multi-frame objects, from outside in; empty: none.
        single: Frames that differ give no value, instead of their distinct values joined by a backslash.
        item: Path to an element that is read in the first item of sequences only, instead of the top level.
    """

    keyword: str
    tag: int = 0
    groups: tuple[int, ...] = ()
    single: bool = False
    item: tuple[int, ...] = ()

    @property
    def paths(self) -> tuple[tuple[int, ...], ...]:
        """The nested elements to ask a reader for."""
        if self.item:
            return (self.item,)
        if not self.groups:
            return ()
        return tuple((frames, *self.groups, self.tag) for frames in (SHARED_GROUPS, PER_FRAME_GROUPS))


NAMING: Final = (
    Source("SOPClassUID", 0x00080016),
    Source("SOPInstanceUID", 0x00080018),
    Source("StudyInstanceUID", 0x0020000D),
    Source("InstanceNumber", 0x00200013),
    Source("NumberOfFrames", 0x00280008),
)
"""Read of every file, but kept with the file: they differ in each."""

COMMON: Final = (
    Source("ImageType", 0x00080008),
    Source("StudyDate", 0x00080020),
    Source("SeriesDate", 0x00080021),
    Source("StudyTime", 0x00080030),
    Source("SeriesTime", 0x00080031),
    Source("AccessionNumber", 0x00080050),
    Source("Modality", 0x00080060),
    Source("Manufacturer", 0x00080070),
    Source("InstitutionName", 0x00080080),
    Source("StationName", 0x00081010),
    Source("StudyDescription", 0x00081030),
    Source("SeriesDescription", 0x0008103E),
    Source("OperatorsName", 0x00081070),
    Source("ManufacturerModelName", 0x00081090),
    Source("PatientName", 0x00100010),
    Source("PatientID", 0x00100020),
    Source("PatientBirthDate", 0x00100030),
    Source("PatientWeight", 0x00101030),
    Source("AdditionalPatientHistory", 0x001021B0),
    Source("PatientComments", 0x00104000),
    Source("BodyPartExamined", 0x00180015),
    Source("SliceThickness", 0x00180050, _PIXEL_MEASURES),
    Source("SpacingBetweenSlices", 0x00180088, _PIXEL_MEASURES),
    Source("SoftwareVersions", 0x00181020),
    Source("ProtocolName", 0x00181030),
    Source("SeriesInstanceUID", 0x0020000E),
    Source("StudyID", 0x00200010),
    Source("SeriesNumber", 0x00200011),
    Source("ImageOrientationPatient", 0x00200037, _PLANE, single=True),
    Source("Rows", 0x00280010),
    Source("Columns", 0x00280011),
    Source("PixelSpacing", 0x00280030, _PIXEL_MEASURES, single=True),
    Source("RequestedProcedureDescription", 0x00321060),
    Source("StudyComments", 0x00324000),
)
"""Facts of every file."""

_MR: Final = (
    Source("ScanningSequence", 0x00180020),
    Source("SequenceVariant", 0x00180021),
    Source("ScanOptions", 0x00180022),
    Source("MRAcquisitionType", 0x00180023),
    Source("SequenceName", 0x00180024),
    Source("RepetitionTime", 0x00180080, _MR_TIMING),
    Source("EchoTime", 0x00180081),
    Source("InversionTime", 0x00180082, _MR_TIMING),
    Source("EchoNumbers", 0x00180086),
    Source("MagneticFieldStrength", 0x00180087),
    Source("PixelBandwidth", 0x00180095, _MR_MODIFIER),
    Source("ReceiveCoilName", 0x00181250, _MR_COIL),
    Source("AcquisitionMatrix", 0x00181310),
    Source("InPlanePhaseEncodingDirection", 0x00181312, _MR_FIELD_OF_VIEW),
    Source("FlipAngle", 0x00181314, _MR_TIMING),
    Source("PatientPosition", 0x00185100),
    Source("PulseSequenceName", 0x00189005),
    Source("AcquisitionDuration", 0x00189073),
    Source("DiffusionDirectionality", 0x00189075, _MR_DIFFUSION),
    Source("EffectiveEchoTime", 0x00189082, _MR_ECHO),
    Source("DiffusionBValue", 0x00189087, _MR_DIFFUSION),
    Source("DiffusionGradientOrientation", 0x00189089, _MR_GRADIENT),
    Source("DiffusionAnisotropyType", 0x00189147, _MR_DIFFUSION),
    Source("MRAcquisitionPhaseEncodingStepsOutOfPlane", 0x00189232, _MR_FIELD_OF_VIEW),
)

_CT: Final = (
    Source("ScanOptions", 0x00180022),
    Source("KVP", 0x00180060, _CT_DETAILS),
    Source("DataCollectionDiameter", 0x00180090, _CT_ACQUISITION),
    Source("DistanceSourceToDetector", 0x00181110, _CT_GEOMETRY),
    Source("DistanceSourceToPatient", 0x00181111),
    Source("GantryDetectorTilt", 0x00181120, _CT_ACQUISITION),
    Source("TableHeight", 0x00181130, _CT_ACQUISITION),
    Source("RotationDirection", 0x00181140, _CT_ACQUISITION),
    Source("ExposureTime", 0x00181150),
    Source("XRayTubeCurrent", 0x00181151),
    Source("Exposure", 0x00181152),
    Source("ExposureInuAs", 0x00181153),
    Source("FilterType", 0x00181160),
    Source("GeneratorPower", 0x00181170),
    Source("FocalSpots", 0x00181190),
    Source("ConvolutionKernel", 0x00181210, _CT_RECONSTRUCTION),
    Source("PatientPosition", 0x00185100),
    Source("ExposureTimeInuS", 0x00188150),
    Source("XRayTubeCurrentInuA", 0x00188151),
    Source("SingleCollimationWidth", 0x00189306),
    Source("TotalCollimationWidth", 0x00189307),
    Source("TableSpeed", 0x00189309),
    Source("TableFeedPerRotation", 0x00189310),
    Source("SpiralPitchFactor", 0x00189311),
    Source("ExposureModulationType", 0x00189323),
    Source("EstimatedDoseSaving", 0x00189324),
    Source("ExposureTimeInms", 0x00189328, _CT_EXPOSURE),
    Source("XRayTubeCurrentInmA", 0x00189330, _CT_EXPOSURE),
    Source("ExposureInmAs", 0x00189332, _CT_EXPOSURE),
    Source("CTDIvol", 0x00189345),
    Source("AcquisitionNumber", 0x00200012),
    Source("RescaleIntercept", 0x00281052, _TRANSFORMATION),
    Source("RescaleSlope", 0x00281053, _TRANSFORMATION),
    Source("DerivationDescription", 0x00082111),
)

_PET: Final = (
    Source("ConvolutionKernel", 0x00181210),
    Source("ActualFrameDuration", 0x00181242),
    Source("Units", 0x00541001),
    Source("AttenuationCorrectionMethod", 0x00541101),
    Source("DecayCorrection", 0x00541102),
    Source("ReconstructionMethod", 0x00541103),
    Source("ScatterCorrectionMethod", 0x00541105),
    Source("FrameReferenceTime", 0x00541300),
    Source("Radiopharmaceutical", item=(_RADIOPHARMACEUTICAL, 0x00180031)),
    Source("RadiopharmaceuticalStartTime", item=(_RADIOPHARMACEUTICAL, 0x00181072)),
    Source("RadionuclideTotalDose", item=(_RADIOPHARMACEUTICAL, 0x00181074)),
    Source("RadionuclideHalfLife", item=(_RADIOPHARMACEUTICAL, 0x00181075)),
    Source("RadiopharmaceuticalStartDateTime", item=(_RADIOPHARMACEUTICAL, 0x00181078)),
    Source("RadionuclideCodeMeaning", item=(_RADIOPHARMACEUTICAL, _RADIONUCLIDE_CODE, 0x00080104)),
)

_XA: Final = (Source("ScanOptions", 0x00180022), Source("DerivationDescription", 0x00082111))

OF_SCAN_TYPE: Final[dict[str, tuple[Source, ...]]] = {"mr": _MR, "ct": _CT, "pet": _PET, "xa": _XA}
"""Facts of files of one scan type only."""
