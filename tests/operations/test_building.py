"""Statements 2, 7, 8: what a build makes, and what it does not break."""

from __future__ import annotations

import threading
from types import ModuleType

import pytest
from xnat_import_dicom_zip import handler

from xnat_import_core import ExplicitPlugins, Extension, SessionConflictError, XnatImportError, hookimpl
from xnat_import_core.documents import read_session_xml
from xnat_import_core.operations import BuildRequest
from xnat_import_core.operations.changes import Change
from xnat_import_core.operations.describing import Describer


@pytest.fixture
def moody():
    """An extension that fails when a session is described, once it is told to."""
    plugin = ModuleType("moody")
    plugin.EXTENSION, plugin.fails = Extension("fails on demand"), False

    @hookimpl
    def describe(session):
        if plugin.fails:
            message = "Doe^Peter has no document"
            raise RuntimeError(message)

    plugin.describe = describe
    return plugin


def contents(site, row):
    """Every file of the session but receipts, and its document."""
    folder = site.folder(row)
    files = [path for path in folder.rglob("*") if path.is_file() and ".import" not in path.parts]
    return {path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in (*files, site.document(row))}


def test_2_after_build(site, study):
    row = site.send(*study["first"], *study["second"])
    assert row.status == "RECEIVING"
    assert site.operations.build(row, site.owner) == row.uri == f"/prearchive/projects/P/{row.timestamp}/{row.folder}"
    built = site.again(row)
    assert (built.status, built.version, built.built) == ("READY", 1, 1)
    assert site.document(row).name == f"{row.folder}.xml"
    for scan in ("2", "700"):
        assert (site.folder(row) / f"SCANS/{scan}/DICOM/scan_{scan}_catalog.xml").is_file()
    site.check(built)
    assert site.deeds() == [("build", "done")]


def test_2_a_build_of_what_is_built_changes_no_byte(site, study):
    row = site.send(*study["first"], *study["second"], session="S1", subject="Sub")
    before = contents(site, row)
    site.operations.build(row, site.owner)
    assert contents(site, row) == before


def test_2_a_build_mends_a_catalog_cut_short_and_a_document_edited_into_nonsense(site, study):
    row = site.send(*study["first"])
    before = contents(site, row)
    site.document(row).write_text("<nonsense")
    catalog = site.folder(row) / "SCANS/700/DICOM/scan_700_catalog.xml"
    catalog.write_bytes(catalog.read_bytes()[:100])
    site.operations.build(row, site.owner)
    assert contents(site, row) == before


def test_a_build_takes_visit_and_protocol_and_keeps_them(site, study):
    row = site.send(*study["first"], VISIT="v1")
    site.operations.build(row, site.owner, BuildRequest(protocol="p1"))
    site.operations.build(row, site.owner)
    fields = read_session_xml(site.document(row)).fields
    assert (fields["@visit"], fields["@protocol"]) == ("v1", "p1")
    assert (site.again(row).visit, site.again(row).protocol) == ("v1", "p1")


def test_7_data_for_a_ready_session(site, study):
    row = site.send(*study["first"])
    site.operations.build(row, site.owner)
    joined = site.send(*study["second"])
    assert (joined.uri, joined.status) == (row.uri, "RECEIVING")
    site.operations.build(joined, site.owner)
    assert site.again(row).status == "READY"
    assert {scan.id for scan in read_session_xml(site.document(row)).scans} == {"2", "700"}
    site.check(site.again(row))


def test_8_data_that_come_during_a_build_are_in_the_document_when_it_is_ready(site, study, monkeypatch):
    row = site.send(*study["first"])
    described = []

    def describe(self, contents, real=Describer.describe):
        described.append(len(contents.scans))
        if len(described) == 1:
            assert site.again(row).shown_status == "_BUILDING"
            site.send(*study["second"])
        return real(self, contents)

    monkeypatch.setattr(Describer, "describe", describe)
    site.operations.build(row, site.owner)
    assert described == [1, 2]
    built = site.again(row)
    assert (built.status, built.version, built.built) == ("READY", 2, 2)
    site.check(built)


def test_8_a_build_waits_for_data_that_are_still_arriving(site, study, monkeypatch):
    row = site.send(*study["first"])
    sending = threading.Thread(target=site.send, args=study["second"])
    described = threading.Event()

    def carry_out(self, *arguments, real=Change.carry_out):
        if not described.is_set():
            described.set()
            sending.start()
            while site.columns(row).locked_by == self.deed.id:
                sending.join(0.001)
        return real(self, *arguments)

    monkeypatch.setattr(Change, "carry_out", carry_out)
    site.operations.build(row, site.owner)
    sending.join()
    built = site.again(row)
    assert (built.status, built.built) == ("READY", 2)
    site.check(built)


def test_a_hook_that_fails_leaves_the_last_document_and_says_why(make_site, moody, study):
    site = make_site(plugins=ExplicitPlugins({"DICOM-zip": handler}, {"moody": moody}))
    row = site.send(*study["first"])
    before = contents(site, row)
    moody.fails = True
    with pytest.raises(XnatImportError) as caught:
        site.operations.build(row, site.owner)
    failed = site.again(row)
    assert (failed.status, failed.reason) == ("ERROR", caught.value.message)
    assert "moody" in failed.reason
    assert "Peter" not in failed.reason
    (entry,) = site.operations.logs(failed)
    assert entry.entry == f"build failed: {failed.reason}"
    assert {name: data for name, data in contents(site, row).items() if "/logs/" not in name} == before
    assert site.deeds() == [("build", "undone")]
    moody.fails = False
    site.operations.build(failed, site.owner)
    assert (site.again(row).status, site.again(row).reason) == ("READY", "")


def test_files_that_are_missing_are_told_not_catalogued(site, study):
    row = site.send(*study["first"])
    gone = site.folder(row) / "SCANS/700/DICOM" / study["first"][0].name
    gone.unlink()
    with pytest.raises(XnatImportError, match="1 files of the session are not on the disk"):
        site.operations.build(row, site.owner)
    assert site.again(row).status == "ERROR"


def test_a_session_whose_handler_is_gone_keeps_its_document(site, study):
    row = site.send(*study["first"])
    before = site.document(row).read_bytes()
    site.put(row, handler_key="gone")
    with pytest.raises(XnatImportError, match=r"handler gone .* is not installed"):
        site.operations.build(row, site.owner)
    assert site.again(row).status == "ERROR"
    assert site.document(row).read_bytes() == before


def test_13_a_build_of_a_locked_session_is_refused_at_once(site, study):
    row = site.send(*study["first"])
    site.put(row, locked_by="somebody", status="MOVING", before="READY")
    with pytest.raises(SessionConflictError, match="session document locked: it is _MOVING"):
        site.operations.build(row, site.owner)
    assert site.columns(row).locked_by == "somebody"
    assert not site.operations.logs(row)
