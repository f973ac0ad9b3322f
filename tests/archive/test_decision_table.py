"""The decision table of chapter 8.10, line by line, as the rulings read it.

``ok``: archived. A number: refused with that status; the session stays in the prearchive, CONFLICT (409) or ERROR, and
nothing in the archive is changed (statement 28). In every case the plan said so before.
"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, update

from xnat_import_core import Compat, InvalidRequestError, SessionConflictError, XnatImportError
from xnat_import_core.archive import Standing
from xnat_import_core.database.tables import session, workflow
from xnat_import_core.prearchive.logbook import read_logs

ok = "ok"

# fmt: off
TABLE = (
    # situation                                                    none  append  append+files  delete
    ("S0",  "no experiment, no folder",                            ok,   ok,     ok,           ok),
    ("S1",  "no experiment; folder exists, no path in common",     409,  ok,     ok,           ok),
    ("S2",  "no experiment; folder exists, a path in common",      409,  409,    ok,           ok),
    ("S3",  "experiment exists; only new scans, same study",       409,  ok,     ok,           ok),
    ("S4",  "same scan number and series UID, disjoint files",     409,  ok,     ok,           ok),
    ("S5",  "as S4, one equal SOP UID with other bytes",           409,  409,    ok,           ok),
    ("S5n", "as S4, one equal name of another instance",           409,  409,    409,          409),
    ("S5s", "as S4, identical files only (ruling 24)",             409,  409,    ok,           ok),
    ("S5a", "the same with identical_files=accept",                409,  ok,     ok,           ok),
    ("S6",  "same scan number, other series UID",                  409,  ok,     ok,           ok),
    ("S7",  "same series UID under another number",                409,  409,    409,          ok),
    ("S8",  "other StudyInstanceUID",                              409,  409,    409,          ok),
    ("S8m", "the same with sessionmerging_uid_mod",                409,  ok,     ok,           ok),
    ("S9",  "other modality type",                                 409,  409,    409,          409),
    ("S9a", "the same where the site allows it",                   409,  ok,     ok,           ok),
    ("S10", "other subject",                                       409,  409,    409,          409),
    ("S11", "other label (found by ID)",                           409,  409,    409,          409),
    ("S11p", "other project (found by ID)",                        409,  409,    409,          409),
    ("S12", "open workflow on the target",                         409,  409,    409,          ok),
    ("S13", "stray file in the upload",                            400,  400,    400,          ok),
    ("S13u", "unparsable file in the upload",                      400,  400,    400,          ok),
    ("S13d", "one instance in two versions in the upload",         400,  400,    400,          ok),
    ("S13c", "catalog missing",                                    400,  400,    400,          ok),
    ("S14", "the target is being changed (ruling 27)",             409,  409,    409,          409),
    ("S15", "no subject to be found",                              400,  400,    400,          400),
    ("S16", "the archived session is locked (11.3)",               409,  409,    409,          409),
)
# fmt: on

WAYS = ("none", "append", "append+files", "delete")
CASES = [pytest.param(situation, answers, id=situation) for situation, _, *answers in TABLE]


class Case:
    """One situation, arranged: the site, the session to archive, what else is asked, what comes of it."""

    def __init__(self, make_site: Any, frames: Any) -> None:
        self.make_site, self.frames = make_site, frames
        self.asked: dict[str, Any] = {}
        self.scans: dict[str, int] | None = None
        self.kind: str | None = None

    def arrange(self, situation: str) -> None:
        getattr(self, f"_{situation.lower()}")()

    def _start(self, **settings: Any) -> None:
        self.site = self.make_site(**settings)

    def _archived(self, **settings: Any) -> None:
        """Eleven files of series A are archived as scan 1."""
        self._start(**settings)
        self.there = self.site.store(self.frames(*range(1, 12)))

    def _s0(self) -> None:
        self._start()
        self.row = self.site.send(self.frames(1, 2))
        self.scans = {"1": 2}

    def _folder(self, name: str) -> None:
        self._s0()
        folder = self.site.tree.experiment_folder("P", "arc001", "SESS") / "SCANS/1/DICOM"
        folder.mkdir(parents=True)
        (folder / name).write_bytes(b"left over")

    def _s1(self) -> None:
        self._folder("other.dcm")
        self.kind = "folder"

    def _s2(self) -> None:
        self._folder("A001.dcm")
        self.kind = "file"

    def _s3(self) -> None:
        self._archived()
        self.row = self.site.send(self.frames(1, 2, series="B", scan=2) | self.frames(1, series="C", scan=3))
        self.scans, self.kind = {"1": 11, "2": 2, "3": 1}, "exists"

    def _s4(self) -> None:
        self._archived()
        self.row = self.site.send(self.frames(*range(12, 17)))
        self.scans, self.kind = {"1": 16}, "exists"

    def _s5(self) -> None:
        self._archived()
        self.row = self.site.send(self.frames(11, version=2) | self.frames(*range(12, 17)))
        self.scans, self.kind = {"1": 16}, "file"

    def _s5n(self) -> None:
        self._archived()
        self.row = self.site.send({"A001.dcm": self.frames(12)["A012.dcm"]})
        self.kind = "name"

    def _s5s(self) -> None:
        self._archived()
        self.row = self.site.send(self.frames(3, 4))
        self.scans, self.kind = {"1": 11}, "identical"

    def _s5a(self) -> None:
        self._archived(compat=Compat(identical_files="accept"))
        self.row = self.site.send(self.frames(3, 4))
        self.scans, self.kind = {"1": 11}, "exists"

    def _s6(self) -> None:
        self._archived()
        self.row = self.site.send(self.frames(1, 2, series="B"))
        self.scans, self.kind = {"1": 11, "1-MR1": 2}, "exists"

    def _s7(self) -> None:
        self._archived()
        self.row = self.site.send(self.frames(20, 21, scan=7))
        self.scans, self.kind = {"1": 13}, "scan_number"

    def _s8(self) -> None:
        self._archived()
        self.row = self.site.send(self.frames(1, study="another", scan=2))
        self.scans, self.kind = {"1": 11, "2": 1}, "study"

    def _s8m(self) -> None:
        self._s8()
        self.site, self.kind = self.site.with_rules(allow_other_study=True), "exists"

    def _s9(self) -> None:
        self._archived()
        self.row = self.site.send(self.frames(1, series="B", scan=2, modality="CT"))
        self.scans, self.kind = {"1": 11, "2": 1}, "modality"

    def _s9a(self) -> None:
        self._s9()
        self.site, self.kind = self.site.with_rules(prevent_cross_modality=False), "exists"

    def _s10(self) -> None:
        self._archived()
        self.row = self.site.send(self.frames(1, series="B", scan=2, subject="OTHER"))
        self.kind = "subject"

    def _s11(self) -> None:
        self._archived()
        self.row = self.site.send(self.frames(1, series="B", scan=2, label="NEW"))
        self.asked, self.kind = {"fields": {"xnat:mrSessionData/ID": self.there.id}}, "label"

    def _s11p(self) -> None:
        self._archived()
        self.row = self.site.send(self.frames(1, series="B", scan=2), project="Q")
        self.asked, self.kind = {"fields": {"xnat:mrSessionData/ID": self.there.id}}, "project"

    def _s12(self) -> None:
        self._s4()
        with self.site.service.database.write() as connection:
            values = {"experiment": self.there.id, "project": "P", "type": "", "user": "a", "name": "Segmentation"}
            open_one = {**values, "id": 99, "status": "Running", "launched_at": self.there.created_at}
            connection.execute(insert(workflow).values(**open_one))
        self.kind = "workflow"

    def _s13(self) -> None:
        self._s0()
        folder = self.site.tree.session_folder("P", self.row.timestamp, self.row.folder)
        (folder / "SCANS/1/DICOM/notes.txt").write_text("put there by hand")
        self.kind = "stray"

    def _s13u(self) -> None:
        self._s0()
        path = self.site.service.prearchive.file(self.row, "1", "DICOM", "A001.dcm")
        path.write_bytes(b"no DICOM any more")

    def _s13d(self) -> None:
        self._start()
        self.row = self.site.send(self.frames(1, 2) | {"again.dcm": self.frames(1, version=2)["A001.dcm"]})
        self.scans, self.kind = {"1": 3}, "duplicate"

    def _s13c(self) -> None:
        self._s0()
        self.site.service.prearchive.file(self.row, "1", "DICOM", "A001.dcm").with_name("scan_1_catalog.xml").unlink()
        self.kind = "no_catalog"

    def _s14(self) -> None:
        self._s4()
        with self.site.service.database.write() as connection:
            held = update(session).where(session.c.id == self.there.session_id)
            connection.execute(held.values(locked_by="somebody", before="ARCHIVED"))
        self.kind = "busy"

    def _s15(self) -> None:
        self._start()
        self.row = self.site.send(self.frames(1, subject=""))
        self.kind = "no_subject"

    def _s16(self) -> None:
        self._s4()
        self.site.archiver.set_standing(self.there.id, Standing.LOCKED, self.site.owner)
        self.kind = "locked"


@pytest.mark.parametrize(("situation", "answers"), CASES)
def test_table(make_site, frames, whole, situation, answers):
    case = Case(make_site, frames)
    case.arrange(situation)
    site, service = case.site, case.site.service
    before = whole.archive_bytes(service), whole.archive_rows(service)
    for way, expected in zip(WAYS, answers, strict=True):
        row = site.again(case.row)
        plan = site.plan(row, way, **case.asked)
        assert site.again(row) == row, way
        assert (whole.archive_bytes(service), whole.archive_rows(service)) == before, f"{way}: a plan changes nothing"
        if expected == ok:
            archived(case, way, plan, whole)
            before = whole.archive_bytes(service), whole.archive_rows(service)
        else:
            refused(case, way, expected, plan, whole)
            assert (whole.archive_bytes(service), whole.archive_rows(service)) == before, way


def archived(case, way, plan, whole):
    """It is done as planned; and taken back, so that the next way finds what this one found."""
    site, service = case.site, case.site.service
    there = whole.archive_bytes(service)
    assert plan.conflicts == (), way
    outcome = site.put(site.again(case.row), way, **case.asked)
    assert outcome.plan == plan, way
    found = site.archive.find(outcome.experiment)
    assert case.scans is None or site.scans(found) == case.scans, way
    assert service.prearchive.rows() == []
    whole.check_experiment(service, found)
    whole.check_at_rest(service)
    assert site.archiver.undo(outcome.deed, site.owner) == case.row.uri
    assert whole.archive_bytes(service) == there, way


def refused(case, way, expected, plan, whole):
    """Nothing is changed but the session's status, and it says why (statement 28)."""
    site = case.site
    with pytest.raises(XnatImportError) as caught:
        site.put(site.again(case.row), way, **case.asked)
    assert caught.value.status == expected, way
    assert isinstance(caught.value, SessionConflictError if expected == 409 else InvalidRequestError)
    if case.kind is not None:
        assert case.kind in {each.kind for each in plan.conflicts}, way
    if expected == 409:
        assert caught.value.conflicts == plan.conflicts
        assert caught.value.message.startswith(plan.conflicts[0].detail)
    row = site.again(case.row)
    assert (row.status, row.reason) == ("CONFLICT" if expected == 409 else "ERROR", caught.value.message)
    folder = site.tree.session_folder(row.project, row.timestamp, row.folder)
    assert read_logs(folder)[-1].entry == caught.value.message


def test_the_table_has_every_line_of_the_chapter():
    assert {f"S{number}" for number in range(16)} <= {situation for situation, *_ in TABLE}
