from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xnat_import_core.documents import SessionFacts, read_session_xml, scan_types, session_types, session_xml
from xnat_import_core.documents.schema.values import clean_text
from xnat_import_core.errors import LimitExceededError, NotFoundError, UnreadableUploadError, XnatImportError
from xnat_import_core.models import ScanDocument, SessionDocument

FACTS = SessionFacts("P", "L", "S")
HEAD = b'<xnat:MRSession xmlns:xnat="http://nrg.wustl.edu/xnat" '
CORE = {"@ID": "", "@project": "P", "@label": "L", "subject_ID": "S"}
printable = st.text(min_size=1, max_size=40).filter(lambda text: clean_text(text) == text and text.strip())
numbers = st.floats(allow_nan=False, allow_infinity=False).map(repr)


@pytest.fixture
def reread(tmp_path):
    def read(xml):
        path = tmp_path / "session.xml"
        path.write_bytes(xml)
        return read_session_xml(path)

    return read


@pytest.mark.parametrize("name", ["mr", "pet", "petmr", "ct", "eeg", "xa", "opt"])
def test_all_fields_come_back(name, reread, sample_fields):
    session, scan = f"xnat:{name}SessionData", f"xnat:{name.replace('petmr', 'mr')}ScanData"
    fields, scan_fields = sample_fields(session_types()[session]), sample_fields(scan_types()[scan])
    first, _ = session_xml(SessionDocument(session, fields, (ScanDocument("k", "4", scan, scan_fields),)), FACTS, {})
    parsed = reread(first)
    again = SessionDocument(session, parsed.fields, (ScanDocument("k", "4", scan, parsed.scans[0].fields),))
    assert session_xml(again, FACTS, {})[0] == first
    assert len(parsed.fields) == len(fields) + len(CORE)
    assert (parsed.scans[0].id, parsed.scans[0].type, parsed.scans[0].uid) == ("4", scan, scan_fields["@UID"])
    assert (parsed.project, parsed.label, parsed.subject, parsed.uid) == ("P", "L", "S", fields["@UID"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {"quality": printable, "@type": printable, "@UID": printable},
        optional={
            "series_description": printable,
            "scanner/@model": printable,
            "frames": st.integers(-(2**31), 2**31).map(str),
            "startTime": st.times().map(lambda time: time.isoformat("seconds")),
            "start_date": st.dates().map(str),
            "parameters/tr": numbers,
            'parameters/addParam[@name="a b/c]"]': printable,
            "parameters/diffusion/bValues": printable,
        },
    )
)
def test_valid_values_come_back_as_they_were(reread, fields):
    document = SessionDocument("xnat:mrSessionData", {}, (ScanDocument("k", "4", "xnat:mrScanData", fields),))
    xml, notes = session_xml(document, FACTS, {})
    assert notes == ()
    parsed = reread(xml)
    assert parsed.fields == CORE
    assert parsed.scans[0].fields == {"@ID": "4", **fields}
    assert parsed.scans[0].series_description == fields.get("series_description", "")


def test_elements_that_we_do_not_know_are_read_too(reread):
    parsed = reread(HEAD + b'ID="E1"><xnat:a b="1"/><xnat:c>x<!-- y -->z</xnat:c><xnat:c>w</xnat:c></xnat:MRSession>')
    assert parsed.fields == {"@ID": "E1", "a/@b": "1", "c[1]": "xz", "c[2]": "w"}


def test_two_fields_of_one_name_are_both_kept(reread):
    field = b'<xnat:field name="n">%d</xnat:field>'
    parsed = reread(HEAD + b"><xnat:fields>" + field % 1 + field % 2 + b"</xnat:fields></xnat:MRSession>")
    assert parsed.fields == {'fields/field[@name="n"]': "1", "fields/field[2]": "2", "fields/field[2]/@name": "n"}


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"no xml",
        HEAD + b"><xnat:date>",
        b"<MRSession/>",
        b'<xnat:Project xmlns:xnat="http://nrg.wustl.edu/xnat"/>',
        b"<!DOCTYPE a>" + HEAD + b"/>",
        b'<!DOCTYPE a [<!ENTITY e "x">]>' + HEAD + b">&e;</xnat:MRSession>",
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + HEAD + b">&e;</xnat:MRSession>",
        HEAD + b">" + b"<a>" * 5000,
    ],
)
def test_what_is_no_session_document_is_refused(reread, xml):
    with pytest.raises(UnreadableUploadError):
        reread(xml)


def test_a_document_larger_than_allowed_is_refused_unread(tmp_path):
    with (tmp_path / "s.xml").open("wb") as stream:
        stream.truncate((16 << 20) + 1)
    with pytest.raises(LimitExceededError):
        read_session_xml(tmp_path / "s.xml")


def test_a_missing_document_and_a_folder_are_named_without_their_place(tmp_path):
    with pytest.raises(NotFoundError, match=r"^There is no s\.xml"):
        read_session_xml(tmp_path / "s.xml")
    with pytest.raises(XnatImportError) as failure:
        read_session_xml(tmp_path)
    assert str(tmp_path.parent) not in failure.value.message


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(0, 300))
def test_broken_bytes_never_end_in_another_error(reread, junk, position):
    fields = {"date": "2020-01-01", "scanner/@model": "x"}
    xml, _ = session_xml(SessionDocument("xnat:mrSessionData", fields), FACTS, {})
    try:
        reread(xml[:position] + junk + xml[position:])
    except XnatImportError as error:
        assert error.message  # noqa: PT017 - reading may also succeed
