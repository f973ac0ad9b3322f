"""What the header reader gives for every encoding, whoever wrote it, and for input that is damaged."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from xnat_import_dicom.reading import Header, HeaderError, Wanted, read_header

FILES = Path(__file__).parents[3] / "tests" / "data" / "pydicom" / "test_files"
LIMIT = 4 * 1024 * 1024
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
MEANING = (0x00540016, 0x00540300, 0x00080104)
WANTED = Wanted(
    frozenset({
        0x00080018, 0x00080060, 0x00081030, 0x00100010, 0x00100020, 0x00104000, 0x0020000D,
        0x00280010, 0x00280030, 0x00089459, 0x00189089, 0x00280009, 0x00540081, 0x00020010, 0x00020002,
    }),
    frozenset({MEANING, (0x00540016, 0x00181074)}),
)  # fmt: skip


def read(data: bytes, *, limit: int = LIMIT, wanted: Wanted = WANTED) -> Header:
    return read_header(io.BytesIO(data), wanted, max_header_bytes=limit)


def attempt(data: bytes) -> Header | str:
    try:
        return read(data)
    except HeaderError as error:
        return error.reason


def sample(character_set: str | list[str] = "ISO_IR 192", **values: object) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = character_set
    dataset.SOPInstanceUID = "1.2.3"
    dataset.Modality = "PT"
    dataset.PatientName = "Doe^Jane"
    dataset.Rows = 258
    dataset.PixelSpacing = [0.5, 1.25]
    dataset.FrameIncrementPointer = 0x00181063
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def written(dataset: Dataset, syntax: str = ExplicitVRLittleEndian, *, undefined: bool = False) -> bytes:
    for element in dataset.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = undefined
            for item in element.value:
                item.is_undefined_length_sequence_item = undefined
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.128"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = syntax
    dataset.file_meta = meta
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def with_meanings(*meanings: str) -> Sequence:
    items = []
    for meaning in meanings:
        code, item = Dataset(), Dataset()
        code.CodeMeaning = meaning
        item.RadionuclideTotalDose = 1.5
        item.RadionuclideCodeSequence = Sequence([code])
        items.append(item)
    return Sequence(items)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
def test_every_transfer_syntax_gives_the_same_texts(syntax, undefined):
    dataset = sample(RadiopharmaceuticalInformationSequence=with_meanings("^18^Fluorine", "Größe", "^18^Fluorine"))
    header = read(written(dataset, syntax, undefined=undefined))
    assert header.transfer_syntax == syntax == header.value(0x00020010)
    assert header.value(0x00020002) == "1.2.840.10008.5.1.4.1.1.128"
    assert header.value(0x00280010) == "258"
    assert header.value(0x00280030) == "0.5\\1.25"
    assert header.value(0x00280009) == "(0018,1063)"
    assert header.value(0x00100010) == "Doe^Jane"
    assert header.nested(MEANING) == ("^18^Fluorine", "Größe")
    assert header.value(0x00104000) == ""
    assert header.warnings == ()


@pytest.mark.parametrize("syntax", SYNTAXES[:3], ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("meta", [True, False], ids=["meta", "no meta"])
def test_preamble_and_meta_group_may_be_missing(syntax, meta):
    data = written(sample(), syntax)
    start = 132 if meta else 132 + 12 + int.from_bytes(data[140:144], "little")
    header = read(data[start:])
    assert header.value(0x00100010) == "Doe^Jane"
    assert header.transfer_syntax == (syntax if meta else "")


@pytest.mark.parametrize("claimed", SYNTAXES[:2], ids=lambda syntax: syntax.name)
def test_a_transfer_syntax_that_lies_is_seen_through(claimed):
    other = SYNTAXES[1 - SYNTAXES.index(claimed)]
    honest, meta = written(sample(), other), written(sample(), claimed)
    begins = [132 + 12 + int.from_bytes(data[140:144], "little") for data in (honest, meta)]
    header = read(meta[: begins[1]] + honest[begins[0] :])
    assert (header.transfer_syntax, header.value(0x00280010)) == (claimed, "258")


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\\^="), max_size=20)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(SYNTAXES), st.booleans(), texts, st.lists(texts, max_size=4), st.integers(0, 65535))
def test_what_was_written_is_read(syntax, undefined, name, meanings, rows):
    dataset = sample(PatientName=name, StudyDescription=name, Rows=rows)
    dataset.RadiopharmaceuticalInformationSequence = with_meanings(*meanings)
    header = read(written(dataset, syntax, undefined=undefined))
    assert header.value(0x00100010) == name.rstrip(" ")
    assert header.value(0x00081030) == name.rstrip(" ")
    assert header.value(0x00280010) == str(rows)
    assert list(header.nested(MEANING)) == [text for text in dict.fromkeys(m.rstrip(" ") for m in meanings) if text]


REAL = [(FILES / name).read_bytes()[:3000] for name in ("MR_small.dcm", "MR_small_bigendian.dcm", "nested_priv_SQ.dcm")]
places = st.lists(st.tuples(st.integers(128, 2999), st.integers(0, 255)), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(REAL), places)
def test_changed_bytes_give_a_header_or_a_reason_and_never_anything_else(data, changes):
    damaged = bytearray(data)
    for place, byte in changes:
        damaged[place % len(data)] = byte
    outcome = attempt(bytes(damaged))
    assert isinstance(outcome, Header) or outcome


def test_a_header_may_be_as_large_as_the_bound():
    data = explicit(0x00080060, "CS", b"MR")
    assert read(data, limit=len(data)).value(0x00080060) == "MR"
    with pytest.raises(HeaderError, match="larger"):
        read(data + explicit(0x00100020, "LO", b"4711"), limit=len(data))


def explicit(tag: int, vr: str, value: bytes) -> bytes:
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr.encode()
    if vr in {"UN", "SQ", "OB"}:
        return head + b"\0\0" + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value


def test_broken_text_is_replaced_with_a_warning_that_keeps_the_value_to_itself():
    data = explicit(0x00080005, "CS", b"ISO_IR 192") + explicit(0x00100010, "PN", b"M\xfcller")
    header = read(data + explicit(0x00100020, "LO", b"4711"))
    assert header.value(0x00100010) == "M\ufffdller"
    assert header.value(0x00100020) == "4711"
    assert len(header.warnings) == 1
    assert "(0010,0010)" in header.warnings[0]
    assert "ller" not in header.warnings[0]


@pytest.mark.parametrize("character_set", [b"", b"KLINGON ", b"ISO_IR 100"])
def test_an_unknown_or_absent_character_set_is_latin_1(character_set):
    data = explicit(0x00080005, "CS", character_set) + explicit(0x00100010, "PN", b"M\xfcller")
    assert read(data).value(0x00100010) == "Müller"


def test_an_item_may_have_a_character_set_of_its_own():
    own = explicit(0x00080005, "CS", b"ISO_IR 144") + explicit(0x00080104, "LO", b"\xbb\xee")
    inherited = explicit(0x00080104, "LO", b"\xc3\xa9 ")
    items = b"".join(b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item for item in (own, inherited))
    wanted = Wanted(frozenset(), frozenset({(0x00081032, 0x00080104)}))
    data = explicit(0x00080005, "CS", b"ISO_IR 192") + explicit(0x00081032, "SQ", items)
    assert read(data, wanted=wanted).nested((0x00081032, 0x00080104)) == ("Лю", "é")


@pytest.mark.parametrize("vr", ["UN", "??", "us", "ZZ"])
def test_a_known_element_without_a_usable_vr_is_read_by_the_dictionary(vr):
    data = explicit(0x00080060, "CS", b"MR") + explicit(0x00280010, vr, b"\x02\x01")
    assert read(data).value(0x00280010) == "258"


def test_numbers_of_a_wrong_length_are_no_value_and_a_warning():
    header = read(explicit(0x00080060, "CS", b"MR") + explicit(0x00280010, "US", b"\x02\x01\x00"))
    assert header.value(0x00280010) == ""
    assert "(0028,0010)" in header.warnings[0]


@pytest.mark.parametrize("name", ["MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "image_dfl.dcm"])
def test_a_file_cut_anywhere_gives_a_header_or_says_why_not(name):
    data = (FILES / name).read_bytes()
    whole = read(data)
    for length in range(0, min(len(data), 4096), 47):
        outcome = attempt(data[:length])
        if isinstance(outcome, Header):
            assert all(outcome.value(tag) in {"", whole.value(tag)} for tag in WANTED.tags)
        else:
            assert outcome


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 5000, b"Dear colleague, " * 400, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 30, b"PK\x03\x04\x14\0" * 99,
     b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM" + b"\xffgarbage" * 99],
    ids=["empty", "zeros", "text", "png", "zip", "magic only", "garbage behind the magic"],
)  # fmt: skip
def test_what_is_not_dicom_is_said_to_be_not_dicom(data):
    with pytest.raises(HeaderError, match=r"not DICOM|damaged"):
        read(data)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
def test_sequences_four_hundred_deep_do_no_harm(syntax, undefined):
    order = "big" if syntax == ExplicitVRBigEndian else "little"
    implicit = syntax == ImplicitVRLittleEndian

    def tag(group: int, element: int) -> bytes:
        return group.to_bytes(2, order) + element.to_bytes(2, order)

    nest = b""
    for _ in range(400):
        size = (0xFFFFFFFF if undefined else len(nest)).to_bytes(4, order)
        nest = tag(0xFFFE, 0xE000) + size + nest + (tag(0xFFFE, 0xE00D) + b"\0" * 4 if undefined else b"")
        size = (0xFFFFFFFF if undefined else len(nest)).to_bytes(4, order)
        nest = tag(0x0008, 0x1140) + (b"" if implicit else b"SQ\0\0") + size + nest
        nest += tag(0xFFFE, 0xE0DD) + b"\0" * 4 if undefined else b""
    data = written(sample(), syntax)
    begin = 132 + 12 + int.from_bytes(data[140:144], "little")
    plain = (
        tag(0x0008, 0x0060) + ((2).to_bytes(4, order) if implicit else b"CS" + (2).to_bytes(2, order)) + b"MR" + nest
    )
    packed = zlib.compress(plain, wbits=-15) if syntax == DeflatedExplicitVRLittleEndian else plain
    if syntax == ExplicitVRBigEndian and undefined:
        with pytest.raises(HeaderError, match="nested too deeply"):
            read(data[:begin] + packed)
    else:
        assert read(data[:begin] + packed).value(0x00080060) == "MR"


@pytest.mark.parametrize("vr", ["OB", "UN", "SQ"])
def test_an_element_that_claims_four_gigabytes_is_refused(vr):
    claim = b"\x09\x00\x01\x10" + vr.encode() + b"\0\0" + b"\xfe\xff\xff\xff"
    with pytest.raises(HeaderError, match="larger than 4194304 bytes"):
        read(explicit(0x00080060, "CS", b"MR") + claim + b"\0" * 100)


def deflated(plain: bytes) -> bytes:
    data = written(sample(), DeflatedExplicitVRLittleEndian)
    return data[: 132 + 12 + int.from_bytes(data[140:144], "little")] + plain


@pytest.mark.parametrize("start", [b"", explicit(0x00080060, "CS", b"MR") + b"\x09\x00\x01\x10OB\0\0\0\0\0\x40"])
def test_a_deflated_bomb_is_refused_within_the_bound(start):
    packer = zlib.compressobj(9, wbits=-15)
    bomb = packer.compress(start) + b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    with pytest.raises(HeaderError, match=r"larger than 1048576 bytes|not DICOM|damaged"):
        read(deflated(bomb), limit=1 << 20)


def test_deflated_data_may_end_early_behind_the_header():
    plain = explicit(0x00080060, "CS", b"MR") + b"\xe0\x7f\x10\x00OW\0\0\0\0\x10\0" + bytes(range(256)) * 4096
    packed = zlib.compress(plain, wbits=-15)
    assert read(deflated(packed[: len(packed) // 2])).value(0x00080060) == "MR"
    with pytest.raises(HeaderError, match="cut short"):
        read(deflated(zlib.compress(explicit(0x00080060, "CS", b"MR"), wbits=-15)[:-3]))


def test_a_large_private_element_is_passed_over_unread():
    data = explicit(0x00080060, "CS", b"MR") + explicit(0x00091001, "OB", bytes(300_000))
    assert read(data + explicit(0x00100020, "LO", b"4711")).value(0x00100020) == "4711"
    with pytest.raises(HeaderError, match="larger than 100000 bytes"):
        read(data, limit=100_000)


def test_the_pixels_are_not_read():
    class Watched(io.BytesIO):
        furthest = 0

        def read(self, size=-1, /):
            data = super().read(size)
            self.furthest = max(self.furthest, self.tell())
            return data

    header = explicit(0x00080060, "CS", b"MR")
    stream = Watched(header + b"\xe0\x7f\x10\x00OW\0\0\0\0\x10\0" + bytes(0x100000))
    assert read_header(stream, WANTED, max_header_bytes=LIMIT).value(0x00080060) == "MR"
    assert stream.furthest <= 16 * 1024


def test_reading_a_plain_file_does_not_import_pydicom():
    program = (
        "import sys; from xnat_import_dicom.reading import Wanted, read_header\n"
        "wanted = Wanted(frozenset({0x00100020}), frozenset({(0x00081140, 0x00081155)}))\n"
        "with open(sys.argv[1], 'rb') as stream: read_header(stream, wanted, max_header_bytes=10**6)\n"
        "sys.exit('pydicom' in sys.modules)"
    )
    for name in ("MR_small.dcm", "MR_small_implicit.dcm", "image_dfl.dcm"):
        assert subprocess.run([sys.executable, "-c", program, FILES / name], check=False).returncode == 0
