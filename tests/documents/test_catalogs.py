from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from xnat_import_core.documents import Catalog, CatalogEntry, catalog_name, read_catalog, write_catalog
from xnat_import_core.documents.names import CATALOG, XSI
from xnat_import_core.documents.schema import catalog_type
from xnat_import_core.documents.schema.values import clean_text
from xnat_import_core.errors import UnreadableUploadError

EXAMPLE = (Path(__file__).parent / "data" / "scan_6_catalog.xml").read_bytes()
ENTRIES = (CatalogEntry("a-6-130.dcm", "1.3.12.1", 130, 524810), CatalogEntry("a-6-140.dcm", "1.3.12.2", 140, 7))
FIELDS = {
    "orientation": "Sag",
    "voxelRes/@units": "mm",
    "voxelRes/@x": 1,
    "voxelRes/@y": 1,
    "voxelRes/@z": 1,
    "dimensions/@z": 2,
    "dimensions/@x": 256,
    "dimensions/@y": 256,
    "@UID": "1.3.12",
    "@type": "dcm",
}
texts = st.text(min_size=1, max_size=30).filter(lambda text: clean_text(text) == text)


def written(entries, fields=None, *, dicom=True):
    stream = io.BytesIO()
    notes = write_catalog(stream, entries, dicom=dicom, fields=fields or {})
    return stream.getvalue(), notes


@pytest.fixture
def reread(tmp_path):
    def read(xml):
        path = tmp_path / "scan_4_catalog.xml"
        path.write_bytes(xml)
        return read_catalog(path)

    return read


def test_a_dicom_catalog_is_these_bytes(check_valid):
    assert written(ENTRIES, FIELDS) == (EXAMPLE, ())
    check_valid(EXAMPLE, "catalog")


def test_a_dicom_catalog_comes_back(reread):
    catalog = reread(EXAMPLE)
    assert (catalog.dicom, catalog.entries) == (True, ENTRIES)
    assert written(ENTRIES, catalog.fields)[0] == EXAMPLE


@pytest.mark.parametrize("dicom", [True, False])
def test_a_catalog_with_all_its_fields_is_valid(dicom, sample_fields, check_valid, reread):
    fields = sample_fields(catalog_type(dicom=dicom))
    entries = (*ENTRIES, CatalogEntry("b.v", format="ECAT", content="RAW", digest="ab" * 16))
    xml, notes = written(entries, fields, dicom=dicom)
    assert notes == ()
    assert reread(xml).entries == entries
    assert written(entries, reread(xml).fields, dicom=dicom)[0] == xml
    check_valid(xml, "catalog")


def test_a_secondary_catalog_has_uris_and_uids_only(check_valid, reread):
    entries = (CatalogEntry("s.dcm", "1.2.3", size=9),)
    xml, _ = written(entries)
    assert b"instanceNumber" not in xml
    assert reread(xml) == Catalog(dicom=True, entries=entries)
    check_valid(xml, "catalog")


def test_an_empty_catalog_is_valid(check_valid, reread):
    assert reread(written(())[0]) == Catalog(dicom=True)
    check_valid(written(())[0], "catalog")


def test_a_plain_catalog_has_plain_entries():
    assert b"dcmEntry" not in written((CatalogEntry("a.v"),), dicom=False)[0]


def test_fields_that_do_not_fit_are_left_out_and_noted(check_valid):
    xml, notes = written(ENTRIES, {"dimensions/@x": "1.5", "entries": "x", "orientation": "Tra"})
    assert notes == ("dimensions/@x: left out: it is no integer", "entries: left out: the core sets it")
    _, plain_notes = written((), {"dimensions/@x": 1, "@UID": "1.2"}, dicom=False)
    assert len(plain_notes) == 2
    check_valid(xml, "catalog")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("4", "DICOM", "DICOM"), "scan_4_catalog.xml"),
        (("4", "ECAT", "ECAT"), "scan_4_catalog.xml"),
        (("4", "secondary", "DICOM"), "scan_4_secondary_catalog.xml"),
        (("7-MR1", "NIFTI"), "scan_7-MR1_NIFTI_catalog.xml"),
        ((None, "notes"), "notes_catalog.xml"),
    ],
)
def test_names(arguments, name):
    assert catalog_name(*arguments) == name


def test_fifty_thousand_entries_take_no_more_memory_than_a_few():
    class Counter(io.RawIOBase):
        size = 0

        def writable(self):
            return True

        def write(self, data):
            self.size += len(data)
            return len(data)

    counter = Counter()
    entries = (CatalogEntry(f"{number}.dcm", f"1.2.{number}", number, number) for number in range(50_000))
    tracemalloc.start()
    try:
        write_catalog(counter, entries, dicom=True, fields={})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counter.size > 5_000_000
    assert peak < 2_000_000


def test_xnats_own_catalogs_are_read_with_nested_sets(reread):
    catalog = reread(
        b"""<cat:Catalog xmlns:cat="http://nrg.wustl.edu/catalog" ID="c">
        <cat:metaFields><cat:metaField name="PROJECT">DEMO</cat:metaField></cat:metaFields>
        <cat:sets><cat:entrySet><cat:entries><cat:entry URI="in/a" digest="9e"/></cat:entries></cat:entrySet></cat:sets>
        <cat:entries><cat:entry URI="b" name="b" ID="b"><cat:metaFields><cat:metaField name="SIZE">x</cat:metaField>
        </cat:metaFields></cat:entry></cat:entries></cat:Catalog>"""
    )
    assert [entry.uri for entry in catalog.entries] == ["in/a", "b"]
    assert catalog.fields == {"@ID": "c", 'metaFields/metaField[@name="PROJECT"]': "DEMO"}


@pytest.mark.parametrize("xml", [b"", EXAMPLE[:-30], b"<Catalog/>", b"<!DOCTYPE a>" + EXAMPLE.split(b"\n", 1)[1]])
def test_what_is_no_catalog_is_refused(reread, xml):
    with pytest.raises(UnreadableUploadError):
        reread(xml)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.builds(CatalogEntry, texts, texts, st.integers(-5, 2**31), st.integers(0, 2**60), texts, texts)))
def test_entries_come_back_as_they_were(reread, entries):
    assert reread(written(entries)[0]).entries == tuple(entries)


@settings(max_examples=50, deadline=None)
@given(st.text(), st.text())
def test_no_text_breaks_a_catalog(uri, text):
    xml, _ = written((CatalogEntry(uri, text, format=text),), {"@UID": text, "orientation": text, "@name": text})
    assert len(etree.fromstring(xml)) >= 1


TEXTS = st.text() | st.text("a.-_ '=;&<>\"\t\n\x7f", max_size=6)
"""Any, and such as are nearly plain."""


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.builds(CatalogEntry, TEXTS, TEXTS, st.none() | st.integers(), st.integers(), TEXTS, TEXTS), max_size=6),
    st.booleans(),
)
def test_entries_are_the_bytes_that_lxml_writes(entries, dicom):
    root = "DCMCatalog" if dicom else "Catalog"
    stream = io.BytesIO()
    with etree.xmlfile(stream, encoding="UTF-8") as xml:
        xml.write_declaration()
        with xml.element(f"{{{CATALOG}}}{root}", nsmap={"cat": CATALOG, "xsi": XSI}):
            xml.write("\n  ")
            with xml.element(f"{{{CATALOG}}}entries"):
                for entry in entries:
                    xml.write("\n    ")
                    write_by_lxml(xml, entry, dicom=dicom)
                xml.write("\n  ")
            xml.write("\n")
    assert written(entries, dicom=dicom)[0] == stream.getvalue() + b"\n"


def write_by_lxml(xml, entry, *, dicom):
    known = {
        f"{{{XSI}}}type": "cat:dcmEntry" if dicom or entry.uid or entry.instance_number is not None else "",
        "URI": entry.uri,
        "UID": entry.uid,
        "instanceNumber": "" if entry.instance_number is None else str(entry.instance_number),
        "format": entry.format,
        "content": entry.content,
    }
    attributes = {name: clean_text(text) for name, text in known.items() if text or name == "URI"}
    with (
        xml.element(f"{{{CATALOG}}}entry", attributes),
        xml.element(f"{{{CATALOG}}}metaFields"),
        xml.element(f"{{{CATALOG}}}metaField", name="SIZE"),
    ):
        xml.write(str(entry.size))
