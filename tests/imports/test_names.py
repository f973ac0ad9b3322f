"""The name of a file: the one that was sent, unless somebody else has it (ruling 8)."""

from __future__ import annotations

import pytest
from sqlalchemy import insert
from sqlalchemy.dialects import sqlite

from xnat_import_core import Fate, Service, Settings
from xnat_import_core.database.tables import file
from xnat_import_core.placing.filing import COLUMNS


def names(service, outcome):
    """The name of each stored member, in the order of the upload."""
    return [line.place.rpartition("/")[2] for line in service.receipt_lines(outcome.import_id)]


def content(service):
    """The bytes of each file of the scan, by name, as rows and folder agree."""
    row = service.prearchive.rows()[0]
    found = {
        each.name: service.prearchive.file(row, "700", "DICOM", each.name)
        for each in service.prearchive.files(row, "700", "DICOM")
    }
    folder = next(iter(found.values())).parent
    assert {path.name for path in folder.iterdir()} == {*found, "scan_700_catalog.xml"}
    return {name: path.read_bytes() for name, path in found.items()}


@pytest.mark.parametrize("handler", ["SI", "DICOM-zip"])
def test_of_members_with_one_name_the_first_keeps_it(service, pack, study, handler):
    data = [path.read_bytes() for path in study["series"]]
    sent = ["a/IM", "b/IM", "c/IM", "d/other", "e/IM", "f/scan_catalog.xml"]
    outcome = service.import_upload(pack.tree(dict(zip(sent, data, strict=True))), project="P", import_handler=handler)
    given = names(service, outcome)
    assert (given[0], given[3]) == ("IM", "other")
    assert len({*given}) == 6
    assert content(service) == dict(zip(given, data, strict=True))
    if handler == "SI":
        assert given == ["IM", "IM_1", "IM_2", "other", "IM_3", "scan_catalog.xml_1"]


def test_a_name_that_one_member_alone_wishes_for_is_its_own(service, pack, study):
    data = [path.read_bytes() for path in study["series"][:3]]
    upload = pack.tree(dict(zip(["a/IM", "b/IM", "c/IM_1"], data, strict=True)))
    outcome = service.import_upload(upload, project="P", import_handler="SI")
    assert names(service, outcome) == ["IM", "IM_2", "IM_1"]
    assert content(service) == dict(zip(["IM", "IM_2", "IM_1"], data, strict=True))


def test_two_files_may_exchange_their_names(store, pack, study):
    """A worker gives names in staging as members come; who keeps a name is decided when all are there."""
    data = [path.read_bytes() for path in study["series"][:2]]
    with Service(Settings(store=store)) as service:
        service.projects.create("P")
        upload = pack.tree({"a/IM": data[0], "a/0~IM": data[1], "b/IM": study["series"][2].read_bytes()})
        outcome = service.import_upload(upload, project="P", import_handler="SI")
        assert names(service, outcome) == ["IM", "0_IM", "IM_1"]
        assert content(service)["IM"] == data[0]


def test_a_stored_file_keeps_its_name_or_is_replaced(service, pack, study):
    first, second, third = (path.read_bytes() for path in study["series"][:3])
    service.import_upload(pack.tree({"IM": first}), project="P", import_handler="DICOM-zip")
    outcome = service.import_upload(pack.tree({"IM": second}), project="P", import_handler="DICOM-zip")
    (name,) = names(service, outcome)
    assert content(service) == {"IM": first, name: second}
    outcome = service.import_upload(pack.tree({"x/IM": third}), project="P", import_handler="SI", overwrite="delete")
    assert outcome.counts[Fate.STORED] == 1
    assert content(service) == {"IM": third, name: second}


def test_filing_fills_every_column_that_must_be_filled():
    statement = insert(file).compile(dialect=sqlite.dialect(), column_keys=COLUMNS)
    assert statement.positiontup == list(COLUMNS)
