"""Listing: what a row says, and pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from xnat_import_core.database.tables import session
from xnat_import_core.prearchive.machine import Operation


def many(room, count):
    """Sessions of two projects, the last one the newest; every tenth is archived."""
    now = datetime.now(UTC)
    rows = [
        {
            "project": f"P{n % 2}", "timestamp": f"20260131_{n:09d}", "folder": f"S{n}", "label": f"S{n}",
            "tag": f"1.2.{n % 100}", "status": "ARCHIVED" if n % 10 == 9 else "READY",
            "uploaded": now + timedelta(seconds=n), "lastmod": now, "handler_key": "SI", "import_id": "",
        }
        for n in range(count)
    ]  # fmt: skip
    with room.database.write() as connection:
        connection.execute(insert(session), rows)


def test_pages_put_together_are_the_whole_list(room):
    many(room, 50)
    whole = room.service.prearchive.rows()
    assert [row.name for row in whole] == [f"S{n}" for n in reversed(range(50)) if n % 10 != 9]
    pages = [room.service.prearchive.rows(limit=7, offset=offset) for offset in range(0, 49, 7)]
    assert [len(page) for page in pages] == [7] * 6 + [3]
    assert [row for page in pages for row in page] == whole
    assert room.service.prearchive.rows(limit=0) == []
    assert room.service.prearchive.rows(offset=44) == whole[44:]
    here = room.service.prearchive.rows(["P1"], limit=3, offset=1)
    assert [row.name for row in here] == ["S45", "S43", "S41"]
    assert [row.name for row in room.service.prearchive.rows(tag="1.2.3", limit=5)] == ["S3"]


def test_an_archived_session_is_no_prearchive_session(room):
    room.session(status="ARCHIVED", timestamp="", folder="X_E00001")
    assert room.service.prearchive.rows() == []


def test_a_row_shows_who_works_on_it_and_why_it_failed(room):
    row = room.session(status="ERROR", reason="the disk failed")
    assert [(r.status, r.shown_status, r.reason) for r in room.service.prearchive.rows()] == [
        ("ERROR", "ERROR", "the disk failed")
    ]
    room.begun(row, Operation.MOVE)
    assert [(r.status, r.shown_status) for r in room.service.prearchive.rows()] == [("MOVING", "_MOVING")]


@pytest.mark.parametrize(
    ("status", "built", "is_shown"),
    [
        ("RECEIVING", 1, False),
        ("RECEIVING_INTERRUPT", 1, False),
        ("BUILDING", 1, False),
        ("BUILDING", 2, True),
        ("READY", 2, True),
        ("CONFLICT", 2, True),
    ],
)
def test_a_document_is_shown_once_it_shows_the_data(room, shipped, status, built, is_shown):
    room.service.import_upload(shipped / "pydicom/test_files/MR_small.dcm", project="P", import_handler="SI")
    with room.database.write() as connection:
        connection.execute(update(session).values(status=status, version=2, built=built))
    (row,) = room.service.prearchive.rows()
    assert (room.service.prearchive.document(row) is not None) == is_shown
