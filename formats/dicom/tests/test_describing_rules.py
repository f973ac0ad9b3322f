"""What many files' headers make of a session and its scans (statements 9 to 16 of the session XML chapter)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xnat_import_dicom import sop_classes
from xnat_import_dicom.conversions import date, date_time, integer, number, time
from xnat_import_dicom.describing.geometry import plane_of
from xnat_import_dicom.facts import facts_of
from xnat_import_dicom.reading import Header
from xnat_import_dicom.tables import COMMON, OF_SCAN_TYPE

from xnat_import_core import ImportedFile, Scan, clean_label

STORAGE = "1.2.840.10008.5.1.4.1.1."


@pytest.fixture
def of_classes(bench, made):
    def make(*rows, **preferences):
        """A study with one series for each (class, modality, description)."""
        instances = [
            made(
                SOPClassUID=STORAGE + kind,
                SOPInstanceUID=f"1.9.{place}",
                SeriesInstanceUID=f"1.8.{place}",
                SeriesNumber=place,
                Modality=modality,
                SeriesDescription=description,
            )
            for place, (kind, modality, description) in enumerate(rows, start=1)
        ]
        return bench.study(*instances, **preferences)

    return make


@pytest.mark.parametrize(
    ("preference", "description", "kind"),
    [
        ("", "Head_T1", "petmr"),
        ("pet", "Head_T1", "pet"),
        ("separate", "Head_MRAC_PET", "pet"),
        ("separate", "Head_T1", "petmr"),
    ],
)
def test_9_pet_with_mr(of_classes, preference, description, kind):
    study = of_classes(("128", "PT", "Brain"), ("4", "MR", description), sitewidePetMr=preference)
    assert study.document.type == f"xnat:{kind}SessionData"


def test_10_several_echoes(bench, made):
    echoes = [
        made(EchoTime=4.92, EchoNumbers=1, SOPInstanceUID="1.1"),
        made(EchoTime=7.38, EchoNumbers=2, SOPInstanceUID="1.2"),
    ]
    (scan,) = bench.study(*echoes).document.scans
    assert "parameters/te" not in scan.fields
    assert scan.fields['parameters/addParam[@name="MultiEcho_TE1"]'] == 4.92
    assert scan.fields['parameters/addParam[@name="MultiEcho_TE2"]'] == 7.38


@pytest.mark.parametrize(("sent", "tesla"), [(15000, "1.5"), (2.89, "3.0"), (3, "3.0"), (0.35, "0.35"), (7, "7.0")])
def test_11_field_strength(bench, made, sent, tesla):
    study = bench.study(made(MagneticFieldStrength=sent))
    assert study.document.fields["fieldStrength"] == study.document.scans[0].fields["fieldStrength"] == tesla


def test_11_field_strength_as_xnat_rounds(bench, made):
    assert bench.study(made(MagneticFieldStrength=0.35), xnatFields=True).document.fields["fieldStrength"] == "0.5"


@pytest.mark.parametrize(
    ("cosines", "plane"),
    [
        ("1\\0\\0\\0\\1\\0", "Tra"),
        ("1\\0\\0\\0\\0\\-1", "Cor"),
        ("0\\1\\0\\0\\0\\-1", "Sag"),
        ("1\\0\\0\\1\\0\\0", None),
        ("2\\0\\0\\0\\1\\0", None),
        ("1\\0\\0", None),
        ("", None),
    ],
)
def test_12_planes(cosines, plane):
    assert plane_of(cosines) == plane


def test_12_a_localizer_has_no_plane(bench, made):
    slices = [
        made(SOPInstanceUID="1.1", ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        made(SOPInstanceUID="1.2", ImageOrientationPatient=[0, 1, 0, 0, 0, -1]),
    ]
    document = bench.study(*slices).document
    assert "parameters/orientation" not in document.scans[0].fields
    assert any("parameters/orientation left out" in note for note in document.notes)


def test_13_scan_ids(bench, made):
    assert list(bench.study(made(SeriesNumber="+5")).scans) == ["_5"]
    both = [
        made(SeriesInstanceUID="1.2.3", SeriesNumber=7),
        made(SeriesInstanceUID="1.2.4", SeriesNumber=7, Modality="SEG", SOPClassUID=STORAGE + "66.4"),
    ]
    assert list(bench.study(*both).scans) == ["7-MR1", "7-OT1"]


def test_13_an_id_once_given_stays(bench, made):
    both = [
        made(SeriesInstanceUID="1.2.3", SeriesNumber=1),
        made(SeriesInstanceUID="1.2.4", SeriesNumber=1),
    ]
    records = bench.extract(*both)
    study = bench.study_of(records, {}, key="1.2", ids={"1.2.4": "1"})
    assert {scan.key: scan.id for scan in study.document.scans} == {"1.2.4": "1", "1.2.3": "1-MR1"}


def test_13_one_series_with_two_numbers_is_one_scan(bench, made):
    both = [made(SeriesNumber=10), made(SeriesNumber=9, SOPInstanceUID="1.1")]
    document = bench.study(*both).document
    assert [scan.id for scan in document.scans] == ["9"]
    assert any("several series numbers" in note for note in document.notes)


@pytest.mark.parametrize("day", ["20010231", "***", "20010101-20010202", "2001"])
def test_14_what_is_no_date_is_left_out_and_noted(day):
    assert date(day) is None


def test_14_a_bad_date_is_noted_by_name_and_not_by_value(bench, made):
    document = bench.study(made(StudyDate="20010231")).document
    assert "date" not in document.fields
    assert [note for note in document.notes if "date" in note] == ["session: date has bad value (StudyDate, 1 file)"]


@pytest.mark.parametrize(
    ("sent", "clock"),
    [
        ("1044", "10:44:00"),
        ("09", "09:00:00"),
        ("091206.5", "09:12:06"),
        ("09:12:06", "09:12:06"),
        ("235960", "23:59:59"),
        ("2500", None),
        ("x", None),
    ],
)
def test_14_times(sent, clock):
    assert time(sent) == clock


def test_14_a_short_time_as_xnat_has_it(bench, made):
    assert bench.study(made(StudyTime="1044")).document.fields["time"] == "10:44:00"
    assert "time" not in bench.study(made(StudyTime="1044"), xnatFields=True).document.fields


@pytest.mark.parametrize(
    ("sent", "moment"),
    [("20101118175655.12-0600", "2010-11-18T17:56:55.000"), ("20101118", "2010-11-18T00:00:00.000"), ("2010", None)],
)
def test_moments(sent, moment):
    assert date_time(sent) == moment


@pytest.mark.parametrize(
    ("sent", "value"), [(" 3.50 ", 3.5), ("1,0", None), ("", None), ("1_0", None), ("Infinity", "INF"), ("1e3", 1000.0)]
)
def test_numbers(sent, value):
    assert number(sent) == value


@pytest.mark.parametrize(("sent", "value"), [("+5", 5), ("1A", None), ("2.0", 2), ("2.5", None), ("9" * 400, None)])
def test_whole_numbers(sent, value):
    assert integer(sent) == value


def test_15_odd_characters_stay_for_the_writer(bench, made):
    assert bench.study(made(PatientName="A<B")).document.fields["dcmPatientName"] == "A<B"


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([("4", "MR", ""), ("88.11", "SR", "")], "mr"),
        ([("77.1.6", "SM", ""), ("88.22", "SR", "")], "sm"),
        ([("77.1.4", "XC", ""), ("88.11", "SR", "")], "xc"),
        ([("128", "PT", ""), ("2", "CT", "")], "pet"),
        ([("2", "CT", ""), ("7", "PT", "")], "ct"),
        ([("481.5", "RTPLAN", "")], "rt"),
        ([("11.1", "PR", "")], "otherDicom"),
        ([("66.4", "SEG", "")], "otherDicom"),
        ([("88.59", "KO", ""), ("88.33", "SR", "")], "sr"),
        ([("77.1.5.1", "OP", "")], "op"),
        ([("128.1", "PT", ""), ("2", "CT", "")], "pet"),
    ],
)
def test_session_types(of_classes, rows, kind):
    assert of_classes(*rows).document.type == f"xnat:{kind}SessionData"


def test_session_types_as_xnat_has_them():
    slide = [STORAGE + "77.1.6", STORAGE + "88.22"]
    assert sop_classes.session_type(slide, ["SM", "SR"], xnat=True) == "sr"
    assert sop_classes.session_type([STORAGE + "481.5"], ["RTPLAN"], xnat=True) == "otherDicom"


def test_modulated_tube_current_is_the_median_with_its_range(bench, made):
    slices = [
        made(SOPClassUID=STORAGE + "2", Modality="CT", SOPInstanceUID=f"1.{n}", XRayTubeCurrent=current)
        for n, current in enumerate([100, 200, 400])
    ]
    (scan,) = bench.study(*slices).document.scans
    assert scan.fields["parameters/xrayTubeCurrent"] == 200.0
    assert scan.fields['parameters/addParam[@name="xrayTubeCurrent_min"]'] == 100.0
    assert scan.fields['parameters/addParam[@name="xrayTubeCurrent_max"]'] == 400.0
    (scan,) = bench.study(*slices, xnatFields=True).document.scans
    assert "parameters/xrayTubeCurrent" not in scan.fields


def test_b_values_are_listed_once_ascending(bench, made):
    slices = [made(SOPInstanceUID=f"1.{n}", DiffusionBValue=b) for n, b in enumerate([1000.0, 0.0, 500.0, 1000.0])]
    (scan,) = bench.study(*slices).document.scans
    assert [float(b) for b in scan.fields["parameters/diffusion/bValues"].split("\\")] == [0, 500, 1000]
    assert float(scan.fields["parameters/diffusion/bMax"]) == 1000


def test_x_is_the_column_spacing(bench, made):
    image = made(PixelSpacing=[2, 3], SliceThickness=4)
    (scan,) = bench.study(image).document.scans
    assert [scan.fields[f"parameters/voxelRes/@{axis}"] for axis in "xyz"] == [3.0, 2.0, 4.0]
    (scan,) = bench.study(image, xnatFields=True).document.scans
    assert [scan.fields[f"parameters/voxelRes/@{axis}"] for axis in "xyz"] == [2.0, 3.0, 4.0]


def test_a_segmentation_made_elsewhere_does_not_hide_the_scanner(bench, made):
    study = bench.study(
        made(Manufacturer="ACME"),
        made(SOPInstanceUID="1.1", SeriesInstanceUID="1.7", SOPClassUID=STORAGE + "66.4", Manufacturer="Other"),
    )
    assert study.document.fields["scanner/@manufacturer"] == "ACME"


def test_everything_is_dicom_where_the_site_wants_it(bench, made):
    segmentation = made(SOPClassUID=STORAGE + "66.4", Modality="SEG")
    assert [r.resource for r in bench.extract(segmentation)] == ["secondary"]
    assert [r.resource for r in bench.extract(segmentation, separateSecondaryDicomOnArchive=False)] == ["DICOM"]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_16_neither_order_nor_batches_matter(bench, shipped, data):
    folder = shipped / "pydicom" / "test_files" / "dicomdirtests"
    records = [record for record in bench.extract(folder) if isinstance(record, ImportedFile)]
    key = max(sorted({r.session for r in records}), key=[r.session for r in records].count)
    whole = bench.study_of(records, {}, key=key)
    mixed = data.draw(st.permutations(records))
    cuts = data.draw(st.sets(st.integers(0, whole.incoming.file_count)))
    again = bench.study_of(mixed, {}, key=key, cuts=cuts)
    assert again.document == whole.document
    assert again.proposal == whole.proposal


texts = st.one_of(
    st.text(max_size=40), st.sampled_from(["1\\2", "1\\0\\0\\0\\1\\0", "-1", "0", "1e400", "9" * 5000, "20010101"])
)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), kind=st.sampled_from(["4", "2", "128", "12.1", "77.1.5.4", "7"]), xnat=st.booleans())
def test_no_text_in_a_header_makes_describing_fail(bench, data, kind, xnat):
    sources = (*COMMON, *OF_SCAN_TYPE["mr"], *OF_SCAN_TYPE["ct"], *OF_SCAN_TYPE["pet"])
    tags = {source.tag: data.draw(texts) for source in data.draw(st.lists(st.sampled_from(sources), max_size=12))}
    path = (0x00540016, 0x00181072)
    header = Header("", values=tags, nested={path: (data.draw(texts),)}) if kind == "128" else Header("", values=tags)
    facts = facts_of(header, STORAGE + kind)
    record = ImportedFile(0, "1.2", Scan("1.2.3"), "DICOM", "a.dcm", facts=facts)
    study = bench.study_of([record], {"xnatFields": xnat}, key="1.2")
    for described in (study.document, *study.document.scans):
        for value in described.fields.values():
            assert isinstance(value, (str, int)) or math.isfinite(value)
    assert all(clean_label(label) for label in (*study.proposal.subject, *study.proposal.label))
