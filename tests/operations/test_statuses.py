"""Statements 12 and 13: status by hand, and what everybody is told who meets a locked session."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from xnat_import_core import InvalidRequestError, NotFoundError, SessionConflictError
from xnat_import_core.operations import CommitRequest

OPERATIONS = {
    "build": lambda site, row: site.operations.build(row, site.owner),
    "commit": lambda site, row: site.operations.commit(row, site.owner, CommitRequest(auto_archive=True)),
    "move": lambda site, row: site.operations.move(row, site.owner, "Q"),
    "delete": lambda site, row: site.operations.delete(row, site.owner),
    "delete-scan": lambda site, row: site.operations.delete_scan(row, "700", site.owner),
    "reset-status": lambda site, row: site.operations.reset_status(row, site.owner),
    "set-status": lambda site, row: site.operations.set_status(row, site.owner, "READY"),
}
SINCE = datetime(2026, 1, 31, 14, 25, 1, tzinfo=UTC)


@pytest.fixture
def ready(site, study):
    row = site.send(*study["first"], session="S1")
    site.operations.build(row, site.owner)
    return site.again(row)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    ("status", "shown", "operation"),
    [
        ("MOVING", "_MOVING", "move"),
        ("ARCHIVING", "_ARCHIVING", "archive"),
        ("QUEUED_DELETING", "QUEUED_DELETING", "delete"),
    ],
)
def test_13_a_locked_session_is_409_and_nothing_changes(site, ready, name, status, shown, operation):
    lock = {"locked_by": "x", "locked_at": SINCE, "heartbeat_at": datetime.now(UTC), "before": "READY"}
    site.put(ready, status=status, **lock)
    before, deeds = site.columns(ready), site.deeds()
    words = f"session document locked: it is {shown} since 2026-01-31 14:25:01 UTC ({operation})"
    with pytest.raises(SessionConflictError, match=re.escape(words)):
        OPERATIONS[name](site, ready)
    assert site.columns(ready) == before
    assert [state for _, state in site.deeds()[len(deeds) :]] in ([], ["undone"])
    assert not site.operations.logs(ready)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_session_that_is_gone_is_404(site, ready, name):
    site.operations.delete(ready, site.owner)
    with pytest.raises(NotFoundError):
        OPERATIONS[name](site, ready)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_number_that_another_session_has_now_is_not_the_session(site, ready, study, name):
    site.operations.delete(ready, site.owner)
    after = site.send(*study["first"], session="S2")
    with pytest.raises(NotFoundError):
        OPERATIONS[name](site, evolve(ready, id=after.id))
    assert site.again(after) == after


class TestResetStatus:
    def test_12_answers_the_address(self, site, ready):
        assert site.operations.reset_status(ready, site.owner) == ready.uri
        assert site.again(ready).status == "READY"

    @pytest.mark.parametrize("status", ["CONFLICT", "ERROR"])
    def test_a_session_with_a_current_document_is_ready(self, site, ready, status):
        site.put(ready, status=status, reason="no", conflicts='[{"kind": "exists"}]')
        site.operations.reset_status(ready, site.owner)
        again = site.again(ready)
        assert (again.status, again.reason, site.columns(again).conflicts) == ("READY", "", "[]")

    def test_data_that_no_document_shows_wait_to_be_built(self, site, ready):
        site.put(ready, status="ERROR", version=2)
        site.operations.reset_status(ready, site.owner)
        assert site.again(ready).status == "RECEIVING"

    def test_without_a_document_it_waits_to_be_built(self, site, ready):
        site.document(ready).unlink()
        site.operations.reset_status(ready, site.owner)
        assert site.again(ready).status == "RECEIVING"

    def test_a_document_that_cannot_be_read_is_an_error(self, site, ready):
        site.document(ready).write_text("<nonsense")
        site.operations.reset_status(ready, site.owner)
        again = site.again(ready)
        assert again.status == "ERROR"
        assert "no well-formed XML" in again.reason

    def test_columns_come_from_the_document_and_flags_stay(self, site, ready):
        site.put(
            ready, scan_date="", label="old", subject="old", prevent_anon=True, autoarchive="AutoArchive", source="s"
        )
        site.operations.reset_status(ready, site.owner)
        again = site.again(ready)
        assert (again.name, again.subject, again.scan_date) == ("S1", ready.subject, ready.scan_date)
        assert (again.prevent_anon, again.autoarchive, again.source) == (True, "AutoArchive", "s")

    def test_a_label_that_is_no_label_is_not_taken(self, site, ready):
        document = site.document(ready)
        document.write_bytes(document.read_bytes().replace(b'label="S1"', b'label="../S1"'))
        site.operations.reset_status(ready, site.owner)
        assert site.again(ready).name == "S1"

    def test_a_lock_whose_owner_is_dead_is_given_back(self, site, ready):
        long_ago = datetime.now(UTC) - timedelta(minutes=2)
        site.put(ready, status="MOVING", locked_by="x", locked_at=long_ago, heartbeat_at=long_ago, before="READY")
        site.operations.reset_status(ready, site.owner)
        assert (site.again(ready).status, site.columns(ready).locked_by) == ("READY", None)


class TestSetStatus:
    @pytest.mark.parametrize("status", ["RECEIVING", "READY", "CONFLICT", "ERROR"])
    def test_sets_it(self, site, ready, status):
        site.operations.set_status(ready, site.owner, status)
        again = site.again(ready)
        assert (again.status, site.columns(again).locked_by) == (status, None)
        assert again.reason == ("set by admin" if status in {"CONFLICT", "ERROR"} else "")

    @pytest.mark.parametrize("status", ["_RECEIVING", "NONE", "", "ARCHIVING", "QUEUED_MOVING", "ARCHIVED", "STAGING"])
    def test_12_what_only_an_operation_sets_is_400(self, site, ready, status):
        with pytest.raises(InvalidRequestError, match="status is one of RECEIVING"):
            site.operations.set_status(ready, site.owner, status)
        assert site.again(ready) == ready
