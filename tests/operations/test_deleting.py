"""Statement 15, and the delete of one scan."""

from __future__ import annotations

import pytest

from xnat_import_core import NotFoundError, SessionConflictError, XnatImportError
from xnat_import_core.documents import read_session_xml
from xnat_import_core.errors import StorageError
from xnat_import_core.operations import deleting


@pytest.fixture
def ready(site, study):
    row = site.send(*study["first"], *study["second"], session="S1")
    site.operations.build(row, site.owner)
    return site.again(row)


def trashed(site):
    """Files in the trash, without the folder that names the deed."""
    trash = site.store.tree.trash
    return {"/".join(path.relative_to(trash).parts[1:]): path for path in trash.rglob("*") if path.is_file()}


def test_15_delete(site, ready):
    files, folder = site.files(ready), site.folder(ready)
    site.operations.delete(ready, site.owner)
    assert not folder.parent.exists()
    assert site.service.prearchive.rows() == []
    assert {f"S1/{path}" for path in files} | {"S1.xml"} <= trashed(site).keys()
    with pytest.raises(NotFoundError, match="Unknown prearchive session"):
        site.operations.delete(ready, site.owner)


def test_15_the_same_data_sent_again_make_a_new_session(site, ready, study):
    site.operations.delete(ready, site.owner)
    again = site.send(*study["first"], *study["second"], session="S1")
    assert (again.status, again.version) == ("RECEIVING", 1)
    site.check(again)


def test_a_scan(site, ready):
    site.operations.delete_scan(ready, "700", site.owner)
    left = site.again(ready)
    assert left.status == "READY"
    assert [scan.id for scan in read_session_xml(site.document(left)).scans] == ["2"]
    assert not (site.folder(left) / "SCANS/700").exists()
    names = {name for name in trashed(site) if name.startswith("SCANS/700/DICOM/")}
    assert len(names) == 5, "four files and the catalog"
    site.check(left)
    assert site.deeds()[-1] == ("delete-scan", "done")


def test_a_scan_that_was_deleted_comes_back_when_it_is_sent_again(site, ready, study):
    site.operations.delete_scan(ready, "700", site.owner)
    joined = site.send(*study["first"], session="S1")
    assert joined.uri == ready.uri
    site.operations.build(joined, site.owner)
    assert [scan.id for scan in site.service.prearchive.scans(joined)] == ["2", "700"]
    site.check(site.again(joined))


def test_the_last_scan_leaves_an_empty_session(site, ready):
    site.operations.delete_scan(ready, "700", site.owner)
    site.operations.delete_scan(ready, "2", site.owner)
    assert read_session_xml(site.document(ready)).scans == ()
    site.check(site.again(ready))


def test_an_unknown_scan_is_404_and_changes_nothing(site, ready):
    with pytest.raises(NotFoundError, match="Unable to find the specified scan"):
        site.operations.delete_scan(ready, "9", site.owner)
    assert site.again(ready) == ready


def test_a_scan_of_a_session_that_waits_leaves_it_waiting(site, study):
    row = site.send(*study["first"], *study["second"])
    site.operations.delete_scan(row, "2", site.owner)
    assert site.again(row).status == "RECEIVING"
    site.operations.build(row, site.owner)
    site.check(site.again(row))


def test_a_scan_cannot_be_deleted_while_somebody_works_on_the_session(site, ready):
    site.put(ready, locked_by="somebody", status="ARCHIVING", before="READY")
    with pytest.raises(SessionConflictError, match="it is _ARCHIVING"):
        site.operations.delete_scan(ready, "2", site.owner)
    assert len(site.service.prearchive.scans(ready)) == 2


def test_a_delete_that_fails_says_why_and_leaves_everything(site, ready, monkeypatch):
    def fails(*_):
        message = "The store's disk failed; nothing was stored."
        raise StorageError(message)

    monkeypatch.setattr(deleting, "delete_session", fails)
    with pytest.raises(XnatImportError):
        site.operations.delete(ready, site.owner)
    (entry,) = site.operations.logs(ready)
    assert entry.entry == "delete failed: The store's disk failed; nothing was stored."
    site.check(site.again(ready))
