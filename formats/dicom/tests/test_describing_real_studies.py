"""Acceptance statements 18 to 29 and 36 of the session XML chapter, on the larger real data."""

from __future__ import annotations

import zipfile

import pytest

from xnat_import_core import Ignored, clean_label


def of_scans(study, field):
    return {scan.id: scan.fields.get(field) for scan in study.document.scans}


def resources(study):
    ids = {scan.key: scan.id for scan in study.document.scans}
    return {ids[scan.key]: {r.label: r.file_count for r in scan.resources} for scan in study.stored.scans}


def first_label(candidates):
    return next((label for value in candidates if (label := clean_label(value))), "")


def test_18_xnat_sample(bench, shared_data):
    records = bench.extract(shared_data / "NrgXnat_xnat_dicomtools" / "dicom")
    distinct = list({record.identity: record for record in records}.values())
    study = bench.study_of(distinct, {}, key=distinct[0].session)
    document = study.document
    assert document.type == "xnat:mrSessionData"
    assert first_label(study.proposal.label) == "Sample_ID"
    assert first_label(study.proposal.subject) == "Sample_Patient"
    expected = {
        "@UID": "1.3.12.2.1107.5.2.32.35177.30000006121218324675000000034",
        "date": "2006-12-14",
        "time": "09:12:06",
        "dcmPatientWeight": 68.038864155,
        "dcmPatientBirthDate": "1975-12-31",
        "scanner": "MEDPC",
        "scanner/@manufacturer": "SIEMENS",
        "scanner/@model": "TrioTim",
        "fieldStrength": "3.0",
    }
    assert {path: document.fields.get(path) for path in expected} == expected
    assert of_scans(study, "frames") == {"4": 5, "5": 2, "6": 2}
    assert [scan.id for scan in document.scans] == ["4", "5", "6"]


def test_19_xnat_sample_scan_4(bench, shared_data):
    scans = bench.study(shared_data / "NrgXnat_xnat_dicomtools" / "dicom").scans
    expected = {
        "parameters/tr": 2400.0,
        "parameters/te": 3.08,
        "parameters/ti": 1000.0,
        "parameters/flip": 8.0,
        "parameters/pixelBandwidth": 220.0,
        "parameters/sequence": "*tfl3d1_ns",
        "parameters/scanSequence": "GR\\IR",
        "parameters/seqVariant": "SP\\MP\\OSP",
        "parameters/scanOptions": "IR",
        "parameters/orientation": "Sag",
        "parameters/voxelRes/@x": 1.0,
        "parameters/voxelRes/@y": 1.0,
        "parameters/voxelRes/@z": 1.0,
        "parameters/fov/@x": 256,
        "parameters/fov/@y": 256,
        "startTime": "09:37:11",
    }
    assert {path: scans["4"].fields.get(path) for path in expected} == expected
    assert scans["6"].fields["parameters/te"] == 455.0
    assert not {"parameters/ti", "parameters/scanOptions"} & set(scans["6"].fields)


def test_20_legacy_converted_enhanced_pet(bench, shared_data):
    path = shared_data / "NrgXnat_xnat_dicomtools" / "longValues" / "testtoenhanceddynamicpet.dcm"
    study = bench.study(path)
    assert study.document.type == "xnat:petSessionData"
    assert first_label(study.proposal.label) == first_label(study.proposal.subject) == "Jacobs_14-008-M2_M28"
    assert (study.scans["1"].type, study.scans["1"].fields["frames"]) == ("xnat:petScanData", 4134)
    assert resources(study) == {"1": {"DICOM": 1}}
    assert "scanner/@manufacturer" not in study.document.fields


def test_20_as_xnat_does(bench, shared_data):
    path = shared_data / "NrgXnat_xnat_dicomtools" / "longValues" / "testtoenhanceddynamicpet.dcm"
    study = bench.study(path, xnatFields=True)
    assert (study.scans["1"].type, study.scans["1"].fields["frames"]) == ("xnat:otherDicomScanData", 0)
    assert resources(study) == {"1": {"secondary": 1}}


def test_21_siemens_xa30(bench, shared_data):
    study = bench.study(shared_data / "neurolabusc_dcm_qa_xa30")
    document = study.document
    assert document.type == "xnat:mrSessionData"
    assert first_label(study.proposal.label) == "12343_hucheng"
    assert first_label(study.proposal.subject) == "XAtest_sub-July11"
    assert document.fields["time"] == "12:04:27"
    assert [scan.id for scan in document.scans] == ["8", "9", "14", "27", "28", "99"]
    assert [scan.type for scan in document.scans] == ["xnat:mrScanData"] * 5 + ["xnat:srScanData"]
    # Scan 14 is one file of 39 frames by its own header; the chapter prints 1 there, against its rule 5.9.
    assert list(of_scans(study, "frames").values()) == [66, 33, 39, 12, 12, 7]
    assert document.fields["@modality"] == "MR"
    assert document.fields["dcmPatientWeight"] == 72.57472


def test_22_siemens_xa30_scans(bench, shared_data):
    study = bench.study(shared_data / "neurolabusc_dcm_qa_xa30")
    assert resources(study)["99"] == {"DICOM": 7}
    assert study.scans["99"].fields["startTime"] == "12:05:04"
    expected = {
        "coil": "HeadNeck_64",
        "parameters/tr": 600.0,
        "parameters/flip": 90.0,
        "parameters/pixelBandwidth": 260.0,
        "parameters/voxelRes/@x": 3.375,
        "parameters/voxelRes/@y": 3.375,
        "parameters/voxelRes/@z": 3.4,
        "parameters/voxelRes/@units": "mm",
    }
    assert {path: study.scans["8"].fields.get(path) for path in expected} == expected


def test_23_two_studies_of_one_patient(bench, shared_data):
    studies = bench.studies(shared_data / "neurolabusc_dcm_qa_nih")
    assert len(studies) == 2
    for study in studies.values():
        assert first_label(study.proposal.label) == "DEV"
        assert first_label(study.proposal.subject) == "Test_Regression"
    ge = next(study for uid, study in studies.items() if uid.endswith("12156645"))
    siemens = next(study for uid, study in studies.items() if not uid.endswith("12156645"))
    assert of_scans(ge, "frames") == {"4": 150, "5": 49}
    assert set(of_scans(ge, "coil").values()) == {"32Ch Head"}
    assert of_scans(siemens, "frames") == {"3": 2, "4": 2, "5": 2, "6": 2}
    assert siemens.document.fields["@session_type"] == "FMRIF^QA"
    assert siemens.document.fields['fields/field[@name="studyComments"]'] == "None"
    assert set(of_scans(siemens, "parameters/fov/@x").values()) == {216}


def test_24_united_imaging_without_dates(bench, shared_data):
    study = bench.study(shared_data / "neurolabusc_dcm_qa_uih")
    scan = study.scans["9"]
    assert scan.fields["frames"] == 17
    assert (scan.fields["parameters/fov/@x"], scan.fields["parameters/fov/@y"]) == (320, 256)
    assert not {"date", "dcmPatientBirthDate"} & set(study.document.fields)
    assert study.document.fields["time"] == "13:44:31"
    assert "start_date" not in scan.fields
    assert (study.proposal.subject, study.proposal.label) == ((), ())


def test_25_pet_without_series_number(bench, shared_data):
    study = bench.study(shared_data / "gschramm_pynemaiqpet" / "pet_recon_1")
    assert study.document.type == "xnat:petSessionData"
    assert first_label(study.proposal.label) == "08150815"
    assert first_label(study.proposal.subject) == "Test_Patient"
    assert study.proposal.project == ("test study", "08150815")
    assert of_scans(study, "frames") == {"1_2_826_0_1_3680043_9_7147_3192945267794217117424841043720499074": 89}
    assert not {"scanner", "date"} & set(study.document.fields)


def test_26_radiotherapy(bench, shared_data):
    folder = shared_data / "dicompyler_dicompyler-core" / "example_data"
    study = bench.study(folder)
    assert study.document.type == "xnat:ctSessionData"
    assert first_label(study.proposal.subject) == "boost_breast"
    types = {scan.id: scan.type for scan in study.document.scans}
    assert types == {"2": "xnat:ctScanData", "3": "xnat:rtImageScanData", "4": "xnat:rtImageScanData"}
    assert [list(labels) for _, labels in sorted(resources(study).items())] == [["DICOM"], ["secondary"], ["secondary"]]
    fields = study.scans["2"].fields
    assert (fields["parameters/kvp"], fields["parameters/exposure"]) == (130.0, 14639.0)
    assert fields["parameters/rotationDirection"] == "CC"
    assert study.document.fields["@modality"] == "CT"
    assert "frames" not in study.scans["3"].fields
    assert bench.study(folder / "rtplan.dcm").document.type == "xnat:rtSessionData"
    assert bench.study(folder / "rtplan.dcm", xnatFields=True).document.type == "xnat:otherDicomSessionData"


def test_27_segmentations(bench, shared_data):
    study = bench.study(shared_data / "QIICR_dcmqi" / "segmentations" / "23x38x3")
    assert study.document.type == "xnat:ctSessionData"
    assert resources(study) == {"300": {"secondary": 1}, "123456-CT1": {"DICOM": 3}, "123456-CT2": {"DICOM": 1}}
    assert study.scans["300"].type == "xnat:segScanData"
    fields = study.scans["123456-CT1"].fields
    assert (fields["parameters/fov/@x"], fields["parameters/fov/@y"]) == (23, 38)
    assert study.document.fields["scanner/@manufacturer"] == "GE Medical Systems"


def test_28_report_segmentation_and_value_map(bench, shared_data):
    study = bench.study(shared_data / "QIICR_dcmqi" / "sr-example")
    assert study.document.type == "xnat:srSessionData"
    types = {scan.id: scan.type for scan in study.document.scans}
    assert types == {"1": "xnat:otherDicomScanData", "16": "xnat:segScanData", "17": "xnat:srScanData"}
    assert all(list(labels) == ["secondary"] for labels in resources(study).values())


def test_29_one_series_uid_in_a_ct_and_a_report(bench, shared_data):
    studies = bench.studies(shared_data / "ImagingDataCommons_highdicom")
    study = studies["1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"]
    assert study.document.type == "xnat:ctSessionData"
    assert [scan.id for scan in study.document.scans] == ["1-CT1", "1-SR1", "2"]
    assert resources(study)["1-CT1"] == {"DICOM": 1, "secondary": 1}
    assert list(resources(study)["1-SR1"]) == ["secondary"]


def test_32_waveform(bench, shared_data):
    study = bench.study(shared_data / "pydicom" / "test_files" / "waveform_ecg.dcm")
    assert study.document.type == "xnat:ecgSessionData"
    assert resources(study) == {"1_3_6_1_4_1_20029_40_20130125105919_5407_1": {"DICOM": 1}}


def test_36_a_dicomdir_is_in_no_session(bench, shared_data, tmp_path):
    with zipfile.ZipFile(shared_data / "archives" / "dicomdir-fileset.zip") as archive:
        archive.extractall(tmp_path)
    records = bench.extract(tmp_path)
    assert [record.reason for record in records if isinstance(record, Ignored)] == [
        "DICOMDIR: a list of files, no data"
    ]
    studies = bench.studies(tmp_path)
    kinds = sorted(study.document.type for study in studies.values())
    assert kinds == ["xnat:crSessionData"] + ["xnat:ctSessionData"] * 2 + ["xnat:mrSessionData"] * 3
    assert sum(study.incoming.file_count for study in studies.values()) == 31


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (
            "neurolabusc_dcm_qa_philips/Magdeburg_2014/fmri/201_EPI_asc_CLEAR_0001_01.dcm",
            "1.3.46.670589.11.38317.5.0.8636.2014021409005697000-201-1-xmxgoi.dcm",
        ),
        (
            "dicompyler_dicompyler-core/example_data/rtplan.dcm",
            "2.16.840.1.113662.2.12.0.3057.1241703565.35-4-no-value-for-InstanceNumber-rrrtxs.dcm",
        ),
    ],
)
def test_37_template_names(bench, shared_data, file, name):
    (record,) = bench.extract(shared_data / file)
    assert record.fallback_name == name
