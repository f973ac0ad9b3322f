"""What a service does unasked: idle sessions are built, and archived where the project says so."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from xnat_import_core import Service, Settings
from xnat_import_core.operations import Rebuilder
from xnat_import_core.upkeep import Rounds


@pytest.fixture
def service(tmp_path):
    with Service(Settings(store=tmp_path / "store", rebuilder_minutes=0, rebuilder_seconds=0.05)) as service:
        service.projects.create("P")
        yield service


@pytest.fixture
def slice_(shipped):
    return next(path for path in sorted(shipped.rglob("csa_slice_norm.dcm")))


def waiting(service):
    return [row.status for row in service.prearchive.rows()]


@pytest.mark.parametrize(("code", "statuses"), [(0, ["READY"]), (4, [])])
def test_an_idle_session_is_built_and_archived_if_the_project_says_so(service, slice_, code, statuses):
    service.projects.set_code("P", code)
    service.import_upload(slice_, project="P", import_handler="DICOM-zip")
    assert waiting(service) == ["RECEIVING"]
    with service.upkeep():
        give_up = time.monotonic() + 60
        while waiting(service) != statuses and time.monotonic() < give_up:
            time.sleep(0.02)
    assert waiting(service) == statuses
    assert len(service.archive.experiments()) == (code == 4)


def test_a_session_that_still_receives_is_left_alone(service, slice_):
    service.import_upload(slice_, project="P", import_handler="DICOM-zip")
    rebuilder = Rebuilder(service._store, service.operations, service.prearchive, service.owner, 5)
    rounds, now = Rounds(service._store, rebuilder), datetime.now(UTC)
    assert rounds.make(now + timedelta(minutes=4)) == 0
    assert waiting(service) == ["RECEIVING"]
    assert rounds.make(now + timedelta(minutes=6)) == 1
    assert waiting(service) == ["READY"]
