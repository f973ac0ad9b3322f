"""Every path that a document can have is one of XNAT's schema, for that very type; what facts are."""

from __future__ import annotations

import re

import pytest
from lxml import etree
from pydicom.datadict import tag_for_keyword
from xnat_import_dicom import sop_classes
from xnat_import_dicom.describing.magnetic_resonance import MR_ROWS
from xnat_import_dicom.describing.positron_emission import PET_ROWS, TRACER_ROWS
from xnat_import_dicom.describing.scans import SCAN_ROWS
from xnat_import_dicom.describing.sessions import SESSION_ROWS
from xnat_import_dicom.describing.tomography import CT_ROWS, XA_ROWS
from xnat_import_dicom.tables import COMMON, NAMING, OF_SCAN_TYPE, Source

from xnat_import_core import ImportedFile

XS = "{http://www.w3.org/2001/XMLSchema}"


class Schema:
    """Just enough of a schema reader to follow a path of elements and attributes."""

    def __init__(self, path):
        self.types = {node.get("name"): node for node in etree.parse(path).getroot().iter(f"{XS}complexType")}

    def has_type(self, name):
        return name.removeprefix("xnat:") in self.types

    def has(self, type_name, path):
        steps = re.sub(r"\[[^]]*\]", "", path).split("/")
        nodes = [self.types[type_name.removeprefix("xnat:")]]
        for step in steps:
            tag, name = (f"{XS}attribute", step[1:]) if step.startswith("@") else (f"{XS}element", step)
            found = [child for node in nodes for child in self._inside(node, tag) if child.get("name") == name]
            if not found:
                return False
            nodes = [self._type_of(found[0])]
        return True

    def _type_of(self, element):
        return self.types.get((element.get("type") or "").removeprefix("xnat:"), element)

    def _inside(self, node, wanted):
        for child in node:
            if child.tag == wanted:
                yield child
            elif child.tag in {f"{XS}extension", f"{XS}restriction"}:
                base = self.types.get(child.get("base", "").removeprefix("xnat:"))
                if base is not None:
                    yield from self._inside(base, wanted)
                yield from self._inside(child, wanted)
            elif child.tag not in {f"{XS}element", f"{XS}attribute"}:
                yield from self._inside(child, wanted)


@pytest.fixture(scope="module")
def schema(shared_schemas):
    return Schema(shared_schemas / "xnat" / "xnat.xsd")


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("imageScanData", SCAN_ROWS),
        ("mrScanData", MR_ROWS),
        ("ctScanData", CT_ROWS),
        ("xaScanData", XA_ROWS),
        ("petScanData", PET_ROWS),
        ("imageSessionData", SESSION_ROWS),
        ("petSessionData", TRACER_ROWS),
        ("petmrSessionData", TRACER_ROWS),
    ],
)
def test_tables_name_paths_of_the_schema(schema, kind, rows):
    assert [row.path for row in rows if not schema.has(kind, row.path)] == []


def test_paths_of_real_documents_are_in_the_schema(bench, schema, shared_data):
    unknown = set()
    for study in bench.studies(shared_data).values():
        document = study.document
        for described in (document, *document.scans):
            assert schema.has_type(described.type)
            unknown |= {(described.type, path) for path in described.fields if not schema.has(described.type, path)}
    assert unknown == set()


def test_types_of_all_known_classes_are_in_the_schema(schema):
    for kind in (*sop_classes._BETTER, "unknown"):
        sop_class = sop_classes._STORAGE + kind
        assert schema.has_type(f"{sop_classes.scan_type([sop_class])}ScanData")
        assert schema.has_type(f"{sop_classes.session_type([sop_class], [])}SessionData")
    for modality in (*sop_classes._MODALITIES, *sop_classes._BETTER_SESSION_OF_MODALITY):
        assert schema.has_type(f"{sop_classes.session_type([], [modality])}SessionData")


def test_facts_are_small_values_and_none_differs_in_each_file(bench, shipped):
    records = bench.extract(shipped / "pydicom" / "test_files" / "dicomdirtests")
    for record in records:
        if isinstance(record, ImportedFile):
            assert all(isinstance(value, (str, int, float, tuple)) for value in record.facts.values())
            assert not {"SOPInstanceUID", "InstanceNumber"} & set(record.facts)
            hash(tuple(record.facts.values()))


def test_keywords_and_tags_are_those_of_the_standard():
    sources: list[Source] = [*NAMING, *COMMON, *(source for rows in OF_SCAN_TYPE.values() for source in rows)]
    assert [s.keyword for s in sources if s.tag and tag_for_keyword(s.keyword) != s.tag] == []


def test_text_that_could_not_be_decoded_is_noted_without_its_value(bench, made, tmp_path):
    (member,) = bench.members(made(SpecificCharacterSet="ISO_IR 192", PatientName="Buc", PatientID="77"))
    (tmp_path / "broken.dcm").write_bytes(member.data.replace(b"Buc", b"B\xffc"))
    document = bench.study(tmp_path).document
    (note,) = document.notes
    assert document.fields["dcmPatientName"] == "B\ufffdc"
    assert note.startswith("1 file(s) with text that could not be decoded")
    assert "B\ufffdc" not in note
