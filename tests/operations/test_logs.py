"""Statement 28, the logs: a file for each event in the session's folder."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from xnat_import_core import NotFoundError
from xnat_import_core.prearchive.logbook import find_entry, read_logs, write_log


@pytest.fixture
def session(tmp_path):
    (tmp_path / "S").mkdir()
    return tmp_path / "S"


def test_no_log_no_entries(session):
    assert read_logs(session) == ()


def test_events_of_one_moment_are_all_kept_in_order(session):
    before = datetime.now(UTC)
    for number in range(20):
        write_log(session, f"event {number}")
    entries = read_logs(session)
    assert [entry.entry for entry in entries] == [f"event {number}" for number in range(20)]
    assert len({entry.id for entry in entries}) == 20
    for entry in entries:
        assert (session / "logs" / f"{entry.id}.log").read_text() == entry.entry
        assert int(entry.id) == round(entry.date.timestamp() * 1000)
        assert 0 <= (entry.date - before).total_seconds() + 0.001 < 60


def test_other_files_are_no_events(session):
    write_log(session, "the one")
    for name in ("notes.txt", "x.log", "1.log.bak", "٣.log", f"{'9' * 40}.log"):
        (session / "logs" / name).write_text("no")
    assert [entry.entry for entry in read_logs(session)] == ["the one"]


def test_events_are_sorted_by_time_not_by_name(session):
    (session / "logs").mkdir()
    for moment in (999, 1000, 5):
        (session / "logs" / f"{moment}.log").write_text(str(moment))
    assert [entry.id for entry in read_logs(session)] == ["5", "999", "1000"]


def test_one_of_them(session):
    write_log(session, "first")
    write_log(session, "last")
    entries = read_logs(session)
    assert find_entry(entries, entries[0].id).entry == "first"
    assert find_entry(entries, "last").entry == "last"
    with pytest.raises(NotFoundError, match="Unable to find the log entry"):
        find_entry(entries, "5")
    with pytest.raises(NotFoundError):
        find_entry((), "last")
