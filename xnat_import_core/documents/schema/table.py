"""Order and value types of what a session document and a catalog may hold, by XNAT's types, in outline notation.

What only an archive adds (sharing, regions, reconstructions, assessors) is not in it.
"""

from __future__ import annotations

__all__ = ["CATALOGS", "SCANS", "SESSIONS"]

_SHARED = """
[addParams]
addParam*:text @name

[validationData]
@status
method:text
date:date
notes:text/500
validated_by:text

[fieldOfView]
fov @x:integer @y:integer

[voxels]
voxelRes @units @x:float @y:float @z:float

[checked]
dcmValidation:text @status:boolean

[contrast]
contrastBolus
  agent:text
  route:text
  volume:size
  totalDose:size
  flowRate:size
  flowDuration:size
  activeIngredient:text
  concentration:size
"""

SESSIONS = (
    _SHARED
    + """
[imageSessionData]
@ID^ @project^ @label^ @visit^ @protocol^ @session_type @modality @study_id @UID @visit_id @version:integer @original
date:date
time:time
duration:duration
delay:integer @ref_expt_id
note:text/2500
investigator @ID
  title:text/64
  firstname!:text/25
  lastname!:text/25
  institution:text/255
  department:text/128
  email:text/64
  phone:text/25
validation
  &validationData
resources^
fields
  field*:text @name
acquisition_site:text
custom_fields:text
subject_ID^:text
age:float
scanner:text @manufacturer @model
operator:text/255
prearchivePath^:text/255
scans^
dcmAccessionNumber:text
dcmPatientId:text
dcmPatientName:text
dcmPatientBirthDate:date
dcmPatientWeight:float

[coilAndField]
coil:text/255
fieldStrength:text/255
marker:text/255

[petFields]
stabilization:text/255
studyType:text
patientID:text
patientName:text
tracer @name @startTime:dateTime
  dose:float @units
  specificActivity:float
  totalMass:float @units
  intermediate:float @units
  isotope:text @half-life:float
  transmissions:integer
  transmissions_starttime:dateTime
start_time:dateTime
start_time_scan:dateTime
start_time_injection:dateTime
blood_glucose:float
blood_glucose_units:text
blood_glucose_time:dateTime

[mrSessionData] < imageSessionData
&coilAndField
stabilization:text/255

[petSessionData] < imageSessionData
&petFields

[petmrSessionData] < imageSessionData
&coilAndField
&petFields

[eegSessionData] < imageSessionData
dataFormatVersion:text
numberOfChannels:integer
samplingRate:float @units
samplingInterval:float @units

[ctSessionData crSessionData dxSessionData mgSessionData ioSessionData usSessionData hdSessionData] < imageSessionData

[epsSessionData xaSessionData rfSessionData xa3DSessionData nmSessionData rgSessionData] < imageSessionData

[esSessionData esvSessionData gmSessionData gmvSessionData smSessionData xcSessionData] < imageSessionData

[xcvSessionData opSessionData optSessionData rtSessionData megSessionData otherDicomSessionData] < imageSessionData

[ecgSessionData srSessionData dx3DCraniofacialSessionData] < imageSessionData
"""
)

SCANS = (
    _SHARED
    + """
[imageScanData]
@ID^ @type @UID @project^
image_session_ID^:text
note:text/2500
quality:text
condition:text
series_description:text
series_class:text
documentation:text/1000
scanner:text @manufacturer @model @softwareVersion
modality:text
frames:integer
operator:text/255
file*^
validation
  &validationData
startTime:time
start_date:date
requestedProcedureDescription:text
protocolName:text
bodyPartExamined:text
custom_fields:text

[mrScanData] < imageScanData
coil:text/255
fieldStrength:text/255
marker:text/255
stabilization:text/255
fileNameUUID:text
parameters
  &voxels
  orientation:text/5
  subjectPosition:text
  &fieldOfView
  matrix @x:integer @y:integer
  partitions:integer
  tr:float
  te:float
  deltaTE:float
  ti:float
  flip:float
  sequence:text/255
  origin:text/255
  imageType:text
  scanSequence:text
  seqVariant:text
  scanOptions:text
  acqType:text
  readoutSampleSpacing:text
  coil:text/255
  coilElements:text
  dtiAcqCount:integer
  pixelBandwidth:float
  echoSpacing:float
  phaseEncodingDirection:text
  acqTime:text
  diffusion
    bValues:text
    bMax:text
    directionality:text
    orientations:text
    anisotropyType:text
    refocusFlipAngle:text
  &addParams
  inPlanePhaseEncoding
    direction:text
    rotation:text
    polaritySwap:text
    directionPositive:text
  pmc:text
&checked

[petScanData] < imageScanData
parameters
  orientation:integer
  &addParams
  originalFileName:text
  systemType:integer
  fileType:integer
  transaxialFOV:float
  acqType:integer
  facility:text
  numPlanes:integer
  frames @numFrames:int
    frame* @number!:int @starttime!:float @length!:float @units!:sec|min
  numGates:integer
  planeSeparation:float
  binSize:float
  dataType:integer
  dimensions @x:integer @y:integer @z:integer @num:integer
  offset @x:float @y:float @z:float
  reconZoom:float
  pixelSize @x:float @y:float @z:float
  filterCode:integer
  resolution @x:float @y:float @z:float
  numRElements:float
  numAngles:float
  ZRotationAngle:float
  processingCode:integer
  gateDuration:integer
  rWaveOffset:integer
  numAcceptedBeats:integer
  filter @cutoff:float
  annotation:text
  MT_1_1:float
  MT_1_2:float
  MT_1_3:float
  MT_1_4:float
  MT_2_1:float
  MT_2_2:float
  MT_2_3:float
  MT_2_4:float
  MT_3_1:float
  MT_3_2:float
  MT_3_3:float
  MT_3_4:float
  RFilter @cutoff:float @resolution:float @code:integer @order:integer
  ZFilter @cutoff:float @resolution:float @code:integer @order:integer
  scatterType:integer
  reconType:integer
  reconViews:integer
  bedPosition:float
  ecatCalibrationFactor:float
ecatValidation:text @status:boolean

[ctScanData] < imageScanData
parameters
  &voxels
  orientation:text
  subjectPosition:text
  &fieldOfView
  rescale
    intercept:float
    slope:float
  kvp:float
  acquisitionNumber:integer
  imageType:text
  options:text/2500
  collectionDiameter:size
  distanceSourceToDetector:size
  distanceSourceToPatient:size
  gantryTilt:float
  tableHeight:float
  rotationDirection:CW|CC
  exposureTime:size
  xrayTubeCurrent:float
  exposure:float
  filter:text
  generatorPower:size
  focalSpots
    focalSpot*:size
  convolutionKernel:text
  collimationWidth
    single:size
    total:size
  tableSpeed:float
  tableFeedPerRotation:float
  pitchFactor:float
  estimatedDoseSaving:float @modulation
  ctDIvol:float
  derivation:text
  &contrast
  &addParams
&checked

[xaScanData] < imageScanData
parameters
  pixelRes @units @x:integer @y:integer
  orientation:text
  &fieldOfView
  imageType:text
  options:text
  derivation:text
  &contrast
  &addParams

[optScanData] < imageScanData
parameters
  &voxels
  &fieldOfView
  laterality:text
  illumination_wavelength:text
  illumination_power:text
  imageType:text
  &addParams
&checked

[eegScanData] < imageScanData
parameters
  numberOfDataRecords:integer
  dataRecord @units @duration:float
  &addParams
channels
  channel* @name
    resolution:float
    lowCutOff:text
    highCutOff:text
    notch:text
softwareFiltersImpedances @mean:float
  impedance* @name @value

[plainScanData] < imageScanData
parameters
  &addParams

[crScanData dxScanData mgScanData ioScanData usScanData ecgScanData hdScanData epsScanData rfScanData] < plainScanData

[xa3DScanData dx3DCraniofacialScanData nmScanData srScanData rgScanData esScanData esvScanData] < plainScanData

[gmScanData gmvScanData smScanData xcScanData xcvScanData opScanData rtImageScanData scScanData] < plainScanData

[segScanData mrsScanData voiceAudioScanData megScanData otherDicomScanData] < plainScanData
"""
)

CATALOGS = """
[catalog]
@ID @name @description
metaFields
  metaField*:text @name
tags
  tag*:text
sets^
entries^

[dcmCatalog] < catalog
@UID
dimensions @x:integer @y:integer @z:integer @volumes:integer
voxelRes @x:float @y:float @z:float @units
orientation:text
"""
