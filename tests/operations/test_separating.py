"""Chapter 4.6: PET with MR as one session, one PET session, or two."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select

from xnat_import_core import SessionConflictError, XnatImportError
from xnat_import_core.database.tables import experiment, session, subject
from xnat_import_core.documents import read_session_xml
from xnat_import_core.operations.describing import Describer
from xnat_import_core.operations.pet_mr import half_label, pet_label
from xnat_import_core.settings import Preferences


@pytest.fixture
def ready(site, pet_mr):
    row = site.send(*pet_mr, session="A_petmr_PETMR_1", subject="Sub", VISIT="v1")
    site.operations.build(row, site.owner)
    return site.again(row)


def kind(site, row):
    return read_session_xml(site.document(row)).type


def test_two_sessions_each_with_its_scans_and_its_own_timestamp(site, ready):
    files, receipts = site.files(ready), sorted(path.name for path in (site.folder(ready) / ".import").iterdir())
    folder = site.folder(ready)
    mr, pet = site.operations.separate(ready, site.owner)
    assert (mr.name, mr.folder, pet.name, pet.folder) == (*["A_petmr_MR_1"] * 2, *["A_petmr_PET_1"] * 2)
    assert (kind(site, mr), kind(site, pet)) == ("xnat:mrSessionData", "xnat:petSessionData")
    assert [scan.series_description for scan in site.service.prearchive.scans(mr)] == ["T1"]
    assert [scan.series_description for scan in site.service.prearchive.scans(pet)] == ["Head_MRAC", "Brain"]
    assert site.files(mr) | site.files(pet) == files
    assert len({ready.timestamp, mr.timestamp, pet.timestamp}) == 3
    for half in (mr, pet):
        site.check(half)
        columns = site.columns(half)
        assert (half.status, half.subject, half.visit, half.tag) == ("READY", "Sub", "v1", ready.tag)
        assert (columns.version, columns.built, columns.locked_by) == (ready.version, ready.version, None)
        assert sorted(path.name for path in (site.folder(half) / ".import").iterdir()) == receipts
    assert not folder.parent.exists()
    assert {row.id for row in site.service.prearchive.rows()} == {mr.id, pet.id}


def test_halves_can_be_built_moved_and_added_to(site, ready, pet_mr):
    site.put_project("P", separate_pet_mr="separate")
    mr, pet = site.operations.separate(ready, site.owner)
    documents = site.document(mr).read_bytes(), site.document(pet).read_bytes()
    for half in (mr, pet):
        site.operations.build(half, site.owner)
    assert (site.document(mr).read_bytes(), site.document(pet).read_bytes()) == documents
    joined = site.send(pet_mr[0], session=mr.name)
    assert (joined.id, joined.version) == (mr.id, mr.version), "the same object again"
    site.check(site.at(site.operations.move(pet, site.owner, "Q")))


def test_a_label_that_an_experiment_has_gets_a_number(site, ready):
    now = datetime.now(UTC)
    with site.service.database.write() as connection:
        connection.execute(
            insert(subject).values(id="S1", project="P", label="Sub", folded="sub", created_at=now, created_by="")
        )
        values = {
            "project": "P", "timestamp": "", "folder": "E1", "label": "A_petmr_MR_1", "tag": "1", "status": "ARCHIVED",
            "uploaded": now, "lastmod": now, "handler_key": "SI", "import_id": "",
        }  # fmt: skip
        (session_id,) = connection.execute(insert(session).values(**values)).inserted_primary_key
        connection.execute(
            insert(experiment).values(
                id="E1", project="P", subject="S1", label="A_petmr_MR_1", session_id=session_id, arc="arc001",
                type="", created_at=now, modified_at=now,
            )
        )  # fmt: skip
    mr, pet = site.operations.separate(ready, site.owner)
    assert (mr.name, pet.name) == ("A_petmr_MR_1_2", "A_petmr_PET_1")


def test_a_half_that_cannot_be_described_leaves_one_session(site, ready, monkeypatch):
    described = []

    def describe(self, contents, real=Describer.describe, **preferences):
        described.append(contents)
        if len(described) == 2:
            message = "Doe^Peter"
            raise ValueError(message)
        return real(self, contents, **preferences)

    monkeypatch.setattr(Describer, "describe", describe)
    with pytest.raises(XnatImportError) as caught:
        site.operations.separate(ready, site.owner)
    left = site.again(ready)
    assert (left.status, left.reason) == ("ERROR", caught.value.message)
    assert "Peter" not in left.reason
    site.check(left)
    with site.service.database.read() as connection:
        assert connection.execute(select(session.c.id)).scalars().all() == [ready.id]


def test_a_session_of_one_of_the_two_stays_one(site, study):
    row = site.send(*study["first"])
    site.operations.build(row, site.owner)
    (left,) = site.operations.separate(site.again(row), site.owner)
    assert left == site.again(row)
    assert site.deeds() == [("build", "done")]


def test_what_is_not_built_is_not_separated(site, pet_mr):
    row = site.send(*pet_mr)
    with pytest.raises(SessionConflictError, match="separate begins when it is READY"):
        site.operations.separate(row, site.owner)
    assert [each.id for each in site.service.prearchive.rows()] == [row.id]


@pytest.mark.parametrize(
    ("of_site", "of_project", "found"),
    [
        ("", "", ["xnat:petmrSessionData"]),
        ("petmr", "", ["xnat:petmrSessionData"]),
        ("pet", "", ["xnat:petSessionData"]),
        ("separate", "", ["xnat:mrSessionData", "xnat:petSessionData"]),
        ("separate", "petmr", ["xnat:petmrSessionData"]),
        ("", "separate", ["xnat:mrSessionData", "xnat:petSessionData"]),
        ("petmr", "pet", ["xnat:petSessionData"]),
    ],
)
def test_the_project_decides_else_the_site(make_site, pet_mr, of_site, of_project, found):
    site = make_site(preferences=Preferences(separate_pet_mr=of_site))
    site.put_project("P", separate_pet_mr=of_project)
    row = site.send(*pet_mr, session="X_PETMR")
    outcome = site.operations.commit(row, site.owner)
    ends = [site.at(each.uri) for each in (outcome, *outcome.others)]
    assert [kind(site, end) for end in ends] == found
    assert {end.status for end in ends} == {"READY"}
    assert not outcome.archived
    for end in ends:
        site.check(end)


def test_in_a_project_of_pet_the_label_says_so(site, pet_mr):
    site.put_project("P", separate_pet_mr="pet")
    row = site.send(*pet_mr, session="X_PETMR")
    site.operations.build(row, site.owner)
    assert (site.again(row).name, site.again(row).folder) == ("X_PET", "X_PETMR")
    site.check(site.again(row))


@pytest.mark.parametrize(
    ("label", "mr", "pet"),
    [
        ("S1_PETMR", "S1_MR", "S1_PET"),
        ("petmr_PetMr_x", "petmr_MR_x", "petmr_PET_x"),
        ("S1", "S1_MR", "S1_PET"),
        ("x" * 64, "x" * 56 + "_MR", "x" * 56 + "_PET"),
    ],
)
def test_labels(label, mr, pet):
    assert (half_label(label, "MR"), half_label(label, "PET")) == (mr, pet)
    assert pet_label(label) == (pet if "petmr" in label.lower() else label)
