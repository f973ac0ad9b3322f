"""Acceptance statements 30 to 33 of the session XML chapter, on the files that come with the repository."""

from __future__ import annotations

from xnat_import_core import clean_label


def first_label(candidates):
    return next((label for value in candidates if (label := clean_label(value))), "")


def test_30_names_in_other_scripts(bench, shipped):
    charsets = shipped / "pydicom" / "charset_files"
    japanese = bench.study(charsets / "chrH31.dcm")
    assert japanese.document.fields["dcmPatientName"] == "Yamada^Tarou=山田^太郎=やまだ^たろう"
    assert first_label(japanese.proposal.subject) == "Yamada_Tarou"
    assert first_label(bench.study(charsets / "chrGreek.dcm").proposal.subject) == "SCSGREEK"
    assert first_label(bench.study(charsets / "chrFren.dcm").proposal.subject) == "Buc_Jerome"


def test_31_ct_small(bench, shipped):
    (record,) = bench.extract(shipped / "pydicom" / "test_files" / "CT_small.dcm")
    assert record.fallback_name == "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322-1-1-1xxgppw.dcm"
    study = bench.study(shipped / "pydicom" / "test_files" / "CT_small.dcm")
    assert first_label(study.proposal.label) == "1CT1"
    assert study.document.fields["@session_type"] == "e+1"
    expected = {
        "parameters/kvp": 120.0,
        "parameters/exposureTime": 1601.0,
        "parameters/xrayTubeCurrent": 170.0,
        "parameters/exposure": 170.0,
        "parameters/focalSpots/focalSpot[1]": 0.7,
        "parameters/tableHeight": 133.699997,
        "parameters/convolutionKernel": "STANDARD",
        "parameters/rescale/intercept": -1024.0,
        "parameters/voxelRes/@x": 0.661468,
        "parameters/voxelRes/@y": 0.661468,
        "parameters/voxelRes/@z": 5.0,
    }
    assert {path: study.scans["1"].fields.get(path) for path in expected} == expected
    assert study.scans["1"].catalog == {
        "@type": "dcm",
        "@UID": "1.3.6.1.4.1.5962.1.3.1.1.20040119072730.12322",
        "dimensions/@x": 128,
        "dimensions/@y": 128,
        "dimensions/@z": 1,
        "voxelRes/@x": 0.661468,
        "voxelRes/@y": 0.661468,
        "voxelRes/@z": 5.0,
        "voxelRes/@units": "mm",
        "orientation": "Tra",
    }


def test_32_dose_and_report(bench, shipped):
    files = shipped / "pydicom" / "test_files"
    dose = bench.study(files / "rtdose.dcm")
    assert dose.document.type == "xnat:rtSessionData"
    assert [[r.label for r in scan.resources] for scan in dose.stored.scans] == [["DICOM"]]
    assert bench.study(files / "rtdose.dcm", xnatFields=True).document.type == "xnat:otherDicomSessionData"
    report = bench.study(files / "reportsi.dcm")
    assert report.document.type == "xnat:srSessionData"
    assert first_label(report.proposal.subject) == "Last_Name_First_Name"
    assert report.proposal.label == ()


def test_33_enhanced_mr(bench, shipped):
    study = bench.study(shipped / "nibabel" / "nicom" / "tests" / "data" / "philips_mprage.dcm.gz")
    assert study.document.type == "xnat:mrSessionData"
    assert first_label(study.proposal.label) == "R3_2_2_Enhanced_Dicom_Phantom"
    expected = {
        "frames": 176,
        "coil": "SENSE-Head-8",
        "parameters/orientation": "Sag",
        "parameters/voxelRes/@x": 1.0,
        "parameters/voxelRes/@y": 1.0,
        "parameters/voxelRes/@z": 1.0,
        "parameters/flip": 7.0,
    }
    assert {path: study.scans["301"].fields.get(path) for path in expected} == expected
