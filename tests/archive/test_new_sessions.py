"""Archiving a session as a new experiment (chapters 7 and 8; statement 18)."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("word", ["none", "append", "append+files", "delete"])
def test_18_a_new_session_is_archived_whatever_overwrite_says(site, frames, word):
    row = site.send(frames(1, 2, 3) | frames(1, 2, series="B", scan=2))
    outcome = site.put(row, word)
    assert outcome.uri == "/archive/projects/P/subjects/SUBJ/experiments/SESS"
    found = site.archive.find("SESS", "P")
    assert site.scans(found) == {"1": 3, "2": 2}
    records = [(record.name, record.status) for record in site.archive.workflows(found)]
    assert records == [("Transferred", "Complete"), ("xnat_tools/AutoRun.xml", "Complete")]
    assert site.service.prearchive.rows() == []
    site.check()


def test_a_real_study_is_archived(site, shipped):
    folder = shipped / "pydicom/test_files/dicomdirtests/98892003"
    row = site.send({path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    found = site.archive.find(site.put(row).experiment)
    assert sum(site.scans(found).values()) == 11
    assert site.archive.document(found).is_file()
    site.check()
