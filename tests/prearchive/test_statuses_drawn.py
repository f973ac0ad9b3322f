"""The documentation draws the machine that the code has."""

from __future__ import annotations

from pathlib import Path

from xnat_import_core.prearchive.drawing import drawing, table
from xnat_import_core.prearchive.statuses import RULES, Status

PAGE = Path(__file__).resolve().parents[2] / "docs" / "statuses.md"


def test_the_page_shows_the_drawing_and_the_table_of_the_code():
    page = PAGE.read_text("utf-8")
    assert f"```mermaid\n{drawing()}\n```" in page
    assert f"\n{table()}\n" in page


def test_every_status_that_can_be_seen_and_every_operation_is_in_it():
    assert not [
        status for status in Status if status not in (Status.STAGING, Status.PLACING) and status not in drawing()
    ]
    assert not [operation for operation in RULES if operation not in drawing() or f"`{operation}`" not in table()]
