"""Ruling 35: whether a session is archived without being asked again; and that the row says who decided."""

from __future__ import annotations

import pytest

from xnat_import_core import Service, Settings, UnreadableUploadError
from xnat_import_core.prearchive.policy import archives

FILE = "pydicom/test_files/MR_small.dcm"


@pytest.fixture
def upload(shipped):
    return shipped / FILE


def arrived(service, upload, code, **parameters):
    """The row of a session that arrives in a project of this code; ``None``: without a project."""
    if code is not None:
        service.projects.create("C")
        service.projects.set_code("C", code)
        parameters["project"] = "C"
    service.import_upload(upload, import_handler="DICOM-zip", **parameters)
    return service.prearchive.rows()[0]


@pytest.mark.parametrize(
    ("code", "autoarchive", "decided"),
    [
        (0, "Manual", False),
        (4, "AutoArchive", True),
        (5, "AutoArchiveOverwrite", True),
        (11, "", True),
        (None, "Manual", False),
    ],
)
def test_the_projects_code_decides_where_nobody_else_says_anything(service, upload, code, autoarchive, decided):
    row = arrived(service, upload, code)
    assert (row.autoarchive, row.wish) == (autoarchive, "")
    assert row.policy_origin == ("no project" if code is None else f"prearchive_code {code} of the project")
    assert archives(None, row, code)[0] is decided


def test_what_was_decided_at_arrival_holds_when_the_project_changes_its_mind(service, upload):
    row = arrived(service, upload, 4)
    assert archives(None, row, 0) == (True, "prearchive_code 4 of the project")


@pytest.mark.parametrize(("asked", "code", "decided"), [(True, 0, True), (False, 4, False), (True, None, False)])
def test_a_commit_that_says_so_is_asked_first(service, upload, asked, code, decided):
    assert archives(asked, arrived(service, upload, code), code)[0] is decided


class Row:
    """What the policy reads of a row."""

    def __init__(self, autoarchive, wish):
        self.autoarchive, self.wish, self.policy_origin = autoarchive, wish, "AA of the request"


@pytest.mark.parametrize(
    ("autoarchive", "wish", "code", "decided"),
    [
        ("AutoArchive", "true", 0, True),
        ("Manual", "false", 4, False),
        ("AutoArchive", "", 0, True),
        ("Manual", "", 4, False),
        (None, "true", 11, True),
        (None, "", 11, True),
        ("AutoArchive", "true", None, False),
    ],
)
def test_the_row_comes_before_the_code(autoarchive, wish, code, decided):
    assert archives(None, Row(autoarchive, wish), code)[0] is decided


@pytest.mark.parametrize(
    ("code", "wish", "autoarchive"),
    [
        (0, "true", "AutoArchive"),
        (5, "true", "AutoArchiveOverwrite"),
        (11, "true", ""),
        (4, "false", "Manual"),
        (None, "true", "Manual"),
    ],
)
def test_the_wish_of_the_request_is_kept_on_the_row(service, upload, code, wish, autoarchive):
    row = arrived(service, upload, code, AA=wish)
    assert (row.wish, row.autoarchive) == (wish, autoarchive)
    assert row.policy_origin == ("no project" if code is None else "AA of the request")


def test_a_later_upload_changes_the_wish_when_it_is_in_and_not_when_it_fails(service, upload, tmp_path):
    assert arrived(service, upload, 0).wish == ""
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\3\4 no archive")
    with pytest.raises(UnreadableUploadError):
        service.import_upload(broken, project="C", import_handler="DICOM-zip", AA="true")
    assert service.prearchive.rows()[0].wish == ""
    service.import_upload(upload, project="C", import_handler="DICOM-zip", AA="true")
    (row,) = service.prearchive.rows()
    assert (row.wish, row.autoarchive, row.policy_origin) == ("true", "AutoArchive", "AA of the request")
    service.import_upload(upload, project="C", import_handler="DICOM-zip")
    assert service.prearchive.rows()[0].wish == "true"


def test_the_policy_survives_a_restart(tmp_path, upload):
    for _ in range(2):
        with Service(Settings(store=tmp_path / "store")) as service:
            if not service.prearchive.rows():
                arrived(service, upload, 5)
            (row,) = service.prearchive.rows()
            assert row.autoarchive == "AutoArchiveOverwrite"
