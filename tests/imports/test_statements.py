"""Acceptance statements of the import chapter, section 12, by their numbers (those of HTTP are the server's tests)."""

from __future__ import annotations

import stat
import tarfile
import zipfile

import pytest

from xnat_import_core import Fate, InvalidRequestError, UnreadableUploadError, XnatImportError

both = pytest.mark.parametrize("handler", ["SI", "DICOM-zip"])


def fates(service, import_id):
    return {line.name: line.fate for line in service.receipt_lines(import_id)}


def test_22_two_series_of_one_study_in_two_requests_are_one_session(service, pack, room, study):
    first = service.import_upload(pack.zip(*study["series"]), dest="/prearchive/projects/P", import_handler="DICOM-zip")
    second = service.import_upload(
        pack.zip(*study["second"]), dest="/prearchive/projects/P", import_handler="DICOM-zip"
    )
    assert [s.uri for s in first.sessions] == [s.uri for s in second.sessions]
    row = service.prearchive.rows()[0]
    assert row.status == "READY"
    assert {scan.id for scan in service.prearchive.scans(row)} == {"700", "2"}
    for path in (*study["series"], *study["second"]):
        scan = "700" if path in study["series"] else "2"
        assert service.prearchive.file(row, scan, "DICOM", path.name).read_bytes() == path.read_bytes()
    assert len(room.files()) == len(study["series"]) + len(study["second"])


def test_24_two_studies_to_one_named_session_si_accepts(service, pack, study):
    dest = "/prearchive/projects/P/20240305_091244031/BOTH"
    service.import_upload(pack.zip(*study["series"]), dest=dest, import_handler="SI")
    second = service.import_upload(pack.zip(*study["other"]), dest=dest, import_handler="SI")
    row = service.prearchive.find("P", "20240305_091244031", "BOTH")
    assert [s.uri for s in second.sessions] == [row.uri]
    assert len(service.prearchive.scans(row)) == 2
    again = service.import_upload(pack.zip(*study["other"]), project="P", import_handler="SI")
    assert again.sessions[0].uri == row.uri
    assert again.counts[Fate.STORED] == 0


def test_24_two_studies_to_one_named_session_dicom_zip_refuses_the_second(service, pack, room, study):
    dest = "/prearchive/projects/P/20240305_091244031/BOTH"
    service.import_upload(pack.zip(*study["series"]), dest=dest, import_handler="DICOM-zip")
    before = room.all_bytes()
    with pytest.raises(InvalidRequestError, match="another study"):
        service.import_upload(pack.zip(*study["other"]), dest=dest, import_handler="DICOM-zip")
    assert room.all_bytes() == before


def test_24_two_studies_in_one_upload_to_one_named_session(service, pack, room, study):
    upload = pack.zip(*study["series"], *study["other"])
    dest = "/prearchive/projects/P/20240305_091244031/BOTH"
    with pytest.raises(InvalidRequestError, match="2 studies"):
        service.import_upload(upload, dest=dest, import_handler="DICOM-zip")
    assert room.nothing_left()
    assert len(service.import_upload(upload, dest=dest, import_handler="SI").sessions) == 1


@both
def test_25_a_zip_of_two_studies_is_two_sessions(service, pack, study, handler):
    upload = pack.zip(*study["series"], *study["other"])
    outcome = service.import_upload(upload, dest="/prearchive/projects/P", import_handler=handler)
    assert len({s.uri for s in outcome.sessions}) == 2
    assert len({s.timestamp for s in outcome.sessions}) == 2
    assert {row.status for row in service.prearchive.rows()} == {"READY"}


def test_26_a_member_that_is_no_dicom_is_refused_by_dicom_zip(service, pack, room, study):
    upload = pack.zip(*study["series"], **{"non_dicom.dcm": b"not DICOM at all\n" * 50})
    with pytest.raises(UnreadableUploadError, match=r"unable to read DICOM object non_dicom\.dcm") as caught:
        service.import_upload(upload, project="P", import_handler="DICOM-zip")
    assert room.nothing_left()
    assert caught.value.members == ("non_dicom.dcm",)
    assert len(fates(service, caught.value.import_id)) == 7
    assert set(fates(service, caught.value.import_id).values()) == {Fate.REJECTED}


@pytest.mark.parametrize(
    "parameters",
    [
        {"import_handler": "DICOM-zip", "Ignore_Unparsable": "true"},
        {"import_handler": "DICOM-zip", "action": "commit"},
        {"import_handler": "SI"},
    ],
)
def test_26_a_member_that_is_no_dicom_is_dropped_and_told(service, pack, study, room, parameters):
    upload = pack.zip(*study["series"], **{"non_dicom.dcm": b"not DICOM at all\n" * 50})
    outcome = service.import_upload(upload, project="P", **parameters)
    assert len(room.files()) == 6
    line = next(line for line in service.receipt_lines(outcome.import_id) if line.name == "non_dicom.dcm")
    assert (line.fate, line.place) == (Fate.REJECTED, "")
    assert "unable to read DICOM object" in line.reason


@both
def test_27_an_empty_zip_and_random_bytes_are_refused(service, pack, room, handler):
    for data in (pack.zip_bytes({}), bytes(range(256)) * 40):
        with pytest.raises(XnatImportError) as caught:
            service.import_upload(pack.write(data, "a.zip"), project="P", import_handler=handler)
        assert caught.value.status == 400
    assert room.nothing_left()


@both
def test_27_the_container_is_known_by_its_content(service, pack, room, study, handler):
    content = pack.members(*study["series"])
    uploads = {"a.bin": pack.zip_bytes(content), "A.ZIP": pack.zip_bytes(content), "a.zip": pack.tgz_bytes(content)}
    for name, data in uploads.items():
        service.import_upload(pack.write(data, name), project="P", import_handler=handler)
        assert len(room.files()) == 6


@both
def test_28_a_zip_in_a_tar_gz_in_a_zip_is_imported(service, pack, room, study, handler):
    inner = pack.zip_bytes(pack.members(*study["series"]))
    upload = pack.tree({"middle.tgz": pack.tgz_bytes({"inner.zip": inner})})
    outcome = service.import_upload(upload, project="P", import_handler=handler)
    assert outcome.members == len(room.files()) == 6


def test_29_entries_without_suffix_are_renamed_by_the_template(service, pack, room, study):
    service.import_upload(pack.zip(*study["series"]), project="P", import_handler="DICOM-zip", rename="true")
    names = [name.rpartition("/")[2] for name in room.files()]
    tag = service.prearchive.rows()[0].tag
    assert all(name.startswith(f"{tag}-700-") and name.endswith(".dcm") for name in names)
    assert len(set(names)) == 6


@both
def test_29_without_rename_they_keep_their_own_names(service, pack, room, study, handler):
    service.import_upload(pack.zip(*study["series"]), project="P", import_handler=handler)
    assert [name.rpartition("/")[2] for name in room.files()] == sorted(path.name for path in study["series"])


@both
def test_29_two_objects_of_one_base_name_are_both_kept(service, pack, room, study, handler):
    one, other = (path.read_bytes() for path in study["series"][:2])
    service.import_upload(pack.tree({"a/IM1": one, "b/IM1": other}), project="P", import_handler=handler)
    assert len(room.files()) == 2
    row = service.prearchive.rows()[0]
    kept = {
        service.prearchive.file(row, "700", "DICOM", file.name).read_bytes()
        for file in service.prearchive.files(row, "700", "DICOM")
    }
    assert kept == {one, other}
    assert room.files()[0].endswith("/IM1") or room.files()[1].endswith("/IM1")


@both
def test_30_the_same_zip_twice_changes_nothing(service, pack, room, study, handler, store):
    upload = pack.zip(*study["series"])
    first = service.import_upload(upload, project="P", import_handler=handler)
    before = {
        path: (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in (store / "prearchive").rglob("*.*")
        if path.is_file()
    }
    second = service.import_upload(upload, project="P", import_handler=handler)
    assert second.sessions[0].uri == first.sessions[0].uri
    assert second.counts[Fate.SAME] == 6
    after = {
        path: (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in (store / "prearchive").rglob("*.*")
        if path.is_file()
    }
    assert after == before
    assert len(room.files()) == 6


@both
def test_39_names_that_climb_never_leave_the_session(service, pack, room, study, store, handler):
    one, other, third = (path.read_bytes() for path in study["series"][:3])
    upload = pack.tree({"../../x.dcm": one, "/etc/y.dcm": other, "C:\\windows\\z.dcm": third})
    service.import_upload(upload, project="P", import_handler=handler)
    assert sorted(name.rpartition("/")[2] for name in room.files()) == ["x.dcm", "y.dcm", "z.dcm"]
    assert not list(store.parent.glob("*.dcm"))


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_39_a_link_is_never_followed(service, pack, room, study, tmp_path, form):
    secret = tmp_path / "secret"
    secret.write_bytes(study["series"][1].read_bytes())
    path = pack.folder / f"links.{form}"
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("good", study["series"][0].read_bytes())
            info = zipfile.ZipInfo("link")
            info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, str(secret))
    else:
        with tarfile.open(path, "w") as archive:
            archive.add(study["series"][0], "good")
            info = tarfile.TarInfo("link")
            info.type, info.linkname = tarfile.SYMTYPE, str(secret)
            archive.addfile(info)
    outcome = service.import_upload(path, project="P", import_handler="SI")
    assert fates(service, outcome.import_id) == {"good": Fate.STORED, "link": Fate.REJECTED}
    assert len(room.files()) == 1


@pytest.mark.parametrize("label", ["../x", "a/b", "a\\b", "..", ".", "a\x00b", "x" * 65])
def test_39_a_label_that_is_a_path_is_refused(service, pack, room, study, label):
    for parameter in ("EXPT_LABEL", "session", "subject", "SUBJECT_ID"):
        with pytest.raises(InvalidRequestError, match=parameter):
            service.import_upload(pack.zip(*study["series"]), project="P", import_handler="SI", **{parameter: label})
    assert room.nothing_left()
