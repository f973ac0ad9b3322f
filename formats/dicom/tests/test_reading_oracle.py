"""The header reader says what pydicom says, on every real file there is."""

from __future__ import annotations

import gzip
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName
from xnat_import_dicom.reading import HeaderError, Wanted, read_header
from xnat_import_dicom.reading.dictionary import _VR_OF_TAG

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

REPOSITORY = Path(__file__).parents[3]
SHIPPED = REPOSITORY / "tests" / "data"
SHARED = REPOSITORY.parent / "shared" / "data"

PATHS = frozenset(
    {
        (0x52009229, 0x00289110, 0x00280030),
        (0x52009229, 0x00289110, 0x00180050),
        (0x52009230, 0x00209113, 0x00200032),
        (0x52009230, 0x00189112, 0x00180080),
        (0x00540016, 0x00180031),
        (0x00540016, 0x00181074),
        (0x00540016, 0x00540300, 0x00080104),
        (0x00321064, 0x00080104),
        (0x00400275, 0x00400007),
        (0x00081140, 0x00081155),
        (0x00081115, 0x0020000E),
        (0x30060020, 0x30060026),
        (0x00041220, 0x00041430),
        (0x0040A730, 0x0040A730, 0x0040A123),
        (0x00101002, 0x00100020),
        (0x00400555, 0x00100010),
    }
)
TAGS = frozenset(tag for tag in _VR_OF_TAG if 0x00080000 <= tag < 0x7FE00000)
WANTED = Wanted(TAGS, PATHS)
LIMIT = 64 * 1024 * 1024

# A first byte that is damaged, a header that is cut short, and what never was DICOM.
NO_DICOM = {
    "no_meta.dcm",
    "SHA256SUMS",
    "README",
    "crayons.icc",
    "rtplan.dump",
    "rtstruct.dump",
    "rtplan_truncated.dcm",
}


OTHER_FORMATS = {".zip", ".tgz", ".tar", ".xar", ".json", ".tsv", ".md", ".txt", ".py", ".v", ".xml"}


def dicom_files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in OTHER_FORMATS and not path.name.endswith(".tar.gz")
    )


def contents(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def expected_text(element: DataElement) -> str:
    values = element.value
    if element.VR in {"SQ", "OB", "OW", "OF", "OD", "OL", "OV"} or values is None or isinstance(values, bytes):
        return ""
    texts = [str(value) for value in values] if isinstance(values, (MultiValue, list)) else [str(values)]
    if element.VR in {"LT", "ST", "UT", "LO", "SH", "PN", "UC"}:
        return "\\".join(text.rstrip(" \0") for text in texts)
    return "\\".join(text.strip(" \0") for text in texts)


def expected_nested(items: list[Dataset], path: tuple[int, ...]) -> list[str]:
    texts = []
    for item in items:
        if path[0] not in item:
            continue
        element = item[path[0]]
        texts += expected_nested(list(element.value), path[1:]) if len(path) > 1 else [expected_text(element)]
    return list(dict.fromkeys(text for text in texts if text))


def without_empty_groups(tag: int, text: str) -> str:
    # pydicom drops the empty groups at the end of a name, which is ours to keep
    return text.rstrip("=") if _VR_OF_TAG.get(tag) == b"PN" else text


def pydicom_reads(data: bytes) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(data), force=True, stop_before_pixels=True)
        for tag in TAGS | {path[0] for path in PATHS}:
            dataset.get(tag)
        return dataset


def assert_same(data: bytes, wanted: Wanted = WANTED) -> None:
    header = read_header(io.BytesIO(data), wanted, max_header_bytes=LIMIT)
    dataset = pydicom_reads(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {tag: expected_text(dataset[tag]) for tag in wanted.tags if tag in dataset}
        nested = {path: expected_nested([dataset], path) for path in wanted.paths}
    found = {tag: without_empty_groups(tag, header.value(tag)) for tag in wanted.tags}
    assert {tag: text for tag, text in found.items() if text} == {tag: text for tag, text in expected.items() if text}
    assert {path: list(header.nested(path)) for path in wanted.paths} == nested


@pytest.mark.parametrize("path", dicom_files(SHIPPED), ids=lambda path: path.name)
def test_a_shipped_file_reads_as_pydicom_reads_it(path):
    if path.name in NO_DICOM:
        with pytest.raises(HeaderError):
            read_header(io.BytesIO(contents(path)), WANTED, max_header_bytes=LIMIT)
    else:
        assert_same(contents(path))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared test data are not beside this checkout")
@pytest.mark.parametrize("folder", sorted(SHARED.iterdir()) if SHARED.is_dir() else [], ids=lambda path: path.name)
def test_every_shared_file_reads_as_pydicom_reads_it(folder):
    for path in dicom_files(folder) if folder.is_dir() else []:
        if path.name not in NO_DICOM and path.parts[-2] not in {"archives", "xar", "licences"}:
            assert_same(contents(path))


def test_the_table_of_vrs_agrees_with_the_dictionary_of_pydicom():
    assert {tag: vr.decode() for tag, vr in _VR_OF_TAG.items()} == {tag: dictionary_VR(tag) for tag in _VR_OF_TAG}


def test_person_names_keep_their_groups():
    data = (SHIPPED / "pydicom/charset_files/chrH31.dcm").read_bytes()
    header = read_header(io.BytesIO(data), WANTED, max_header_bytes=LIMIT)
    assert header.value(0x00100010) == "Yamada^Tarou=山田^太郎=やまだ^たろう"
    assert PersonName(header.value(0x00100010)).ideographic == "山田^太郎"
