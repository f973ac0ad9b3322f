"""Template names and their hash (section 10 of the session XML chapter)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xnat_import_dicom.naming import DEFAULT_TEMPLATE, hash_of, template_name, template_tags

from xnat_import_core import ImportRequest

VALUES = {
    0x00080016: "1.2.840.10008.5.1.4.1.1.4",
    0x00080018: "1.2.840.113654.2.45.2.110214",
    0x0020000D: "1.2.276.0.7230010.3.1.2.0.31909.1624637609.925",
    0x00200011: "5",
    0x00200013: "1",
}


def value(tag):
    return VALUES.get(tag, "")


def test_hash_of_the_worked_example():
    assert hash_of((VALUES[0x00080016], VALUES[0x00080018])) == "2yjp88"


@given(st.lists(st.text()))
def test_a_hash_is_short_and_base_36(values):
    digits = hash_of(tuple(values))
    assert 0 <= int(digits, 36) < 2**32
    assert digits == digits.lower()


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (DEFAULT_TEMPLATE, "1.2.276.0.7230010.3.1.2.0.31909.1624637609.925-5-1-2yjp88.dcm"),
        ("${SeriesNumber}/${AcquisitionNumber}", "5/no-value-for-AcquisitionNumber.dcm"),
        ("..x-${InstanceNumber}.ima", "x-1.ima"),
        ("${NoSuchKeyword}", "no-value-for-NoSuchKeyword.dcm"),
        ("${StationAETitle}", "no-value-for-StationAETitle.dcm"),
    ],
)
def test_names_from_templates(template, name):
    assert template_name(template, value) == name


def test_a_template_says_what_it_reads():
    assert template_tags(DEFAULT_TEMPLATE) == frozenset(VALUES)


def test_the_sent_name_is_kept_unless_it_is_missing_or_unwanted(bench, made):
    instance = made(SeriesNumber=5, InstanceNumber=1)
    (kept,) = bench.extract(instance)
    (renamed,) = bench.extract(instance, request=ImportRequest(rename=True))
    assert kept.name == "made.dcm"
    assert renamed.name == kept.fallback_name
    assert kept.fallback_name.startswith("1.2-5-1-")
    (suffixed,) = bench.extract(instance, clash=False)
    assert suffixed.fallback_name is None
    (own,) = bench.extract(instance, dicomFileNameTemplate="${Modality}-${InstanceNumber}")
    assert own.fallback_name == "MR-1.dcm"


def test_identity_is_the_instance_unless_the_site_turned_uids_off(bench, made):
    (record,) = bench.extract(made())
    assert record.identity == "1.2.840.10008.5.1.4.1.1.4 1.2.3.4"
    (record,) = bench.extract(made(), useSopInstanceUidToUniquelyIdentifyDicom=False)
    assert record.identity is None
