"""A reader that remembers the file before gives what a fresh one gives, whatever came before."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from xnat_import_dicom.facts import FactsOfFiles, facts_of, wanted_by
from xnat_import_dicom.reading import Header, HeaderError, HeaderReader, Wanted, read_header

SHIPPED = Path(__file__).parents[3] / "tests" / "data"
LIMIT = 4 * 1024 * 1024
WANTED = wanted_by(frozenset({"dicom:00100040"}), frozenset())

VALUES = st.fixed_dictionaries(
    {"SOPInstanceUID": st.sampled_from(["1.2.3", "1.2.4", "1.22.4"]), "Modality": st.sampled_from(["MR", "PT"])},
    optional={
        "InstanceNumber": st.integers(0, 12),
        "PatientName": st.sampled_from(["Doe^Jane", "Döe^Jane", ""]),
        "SeriesDescription": st.sampled_from(["t1", "t2 "]),
        "Rows": st.sampled_from([64, 128]),
        "PatientSex": st.sampled_from(["F", "M"]),
        "NumberOfFrames": st.sampled_from([1, 20]),
    },
)


def written(values: dict[str, object], character_set: str, code: str, *, implicit: bool, broken_text: bool) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    dataset.file_meta.MediaStorageSOPInstanceUID = values["SOPInstanceUID"]
    dataset.SpecificCharacterSet = character_set
    item = Dataset()
    item.CodeValue = code
    dataset.RequestedProcedureCodeSequence = Sequence([item])
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    if broken_text:
        dataset.PatientComments = "broken"
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue().replace(b"broken", b"br\xffken")


FILES = st.builds(
    written, VALUES, st.sampled_from(["ISO_IR 100", "ISO_IR 192"]), st.sampled_from(["A", "B"]),
    implicit=st.booleans(), broken_text=st.booleans(),
)  # fmt: skip


def fresh(data: bytes, wanted: Wanted = WANTED) -> Header | str:
    try:
        return read_header(io.BytesIO(data), wanted, max_header_bytes=LIMIT)
    except HeaderError as error:
        return error.reason


def said(header: Header) -> Header:
    return evolve(header, changed=None)


@given(st.lists(FILES, min_size=2, max_size=8))
@settings(max_examples=60, deadline=None)
def test_headers_and_facts_do_not_depend_on_the_files_before(files):
    reader, facts = HeaderReader(WANTED, max_header_bytes=LIMIT), FactsOfFiles(frozenset({"dicom:00100040"}))
    for data in files:
        expected, header = fresh(data), reader.read(io.BytesIO(data))
        assert isinstance(expected, Header)
        assert said(header) == said(expected)
        sop_class = header.value(0x00080016)
        assert facts.of(header, sop_class) == facts_of(expected, sop_class, frozenset({"dicom:00100040"}))


@pytest.mark.parametrize("backwards", [False, True])
def test_real_files_one_after_another(backwards):
    reader = HeaderReader(WANTED, max_header_bytes=LIMIT)
    read = 0
    for path in sorted(SHIPPED.rglob("*.dcm"), reverse=backwards):
        for _ in range(2):
            try:
                header: Header | str = reader.read(io.BytesIO(path.read_bytes()))
            except HeaderError as error:
                header = error.reason
            expected = fresh(path.read_bytes())
            assert (said(header) if isinstance(header, Header) else header) == (
                said(expected) if isinstance(expected, Header) else expected
            )
            read += 1
    assert read > 20


def test_files_that_say_the_same_share_their_facts():
    same = {"SOPInstanceUID": "1.2.3", "Modality": "MR", "InstanceNumber": 1}
    files = [
        written(same | {"SOPInstanceUID": f"1.2.{n}", "InstanceNumber": n}, "ISO_IR 100", "A",
                implicit=False, broken_text=False)
        for n in range(3)
    ]  # fmt: skip
    reader, facts = HeaderReader(WANTED, max_header_bytes=LIMIT), FactsOfFiles(frozenset())
    found = [facts.of(reader.read(io.BytesIO(data)), "1.2.840.10008.5.1.4.1.1.4") for data in files]
    assert found[0] is found[1] is found[2]
