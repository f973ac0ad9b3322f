"""The tables of the core (architecture, design ruling 19). A front end's own tables are its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect

__all__ = [
    "UtcTime",
    "counter",
    "deed",
    "experiment",
    "file",
    "import_",
    "metadata",
    "operation",
    "outbox",
    "project",
    "project_alias",
    "scan",
    "session",
    "study",
    "subject",
    "workflow",
]

metadata = MetaData()


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept as UTC text with milliseconds: the same in every database, and it sorts."""

    impl = String(26)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To text."""
        return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From text."""
        return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


def _where(condition: str = "", **by_dialect: str) -> dict[str, Any]:
    """An index of the few rows that an import is working on: a finish must not look at the whole store."""
    conditions = by_dialect or dict.fromkeys(("sqlite", "postgresql"), condition)
    return {f"{dialect}_where": text(each) for dialect, each in conditions.items()}


project = Table(
    "project",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False, default=""),
    Column("code", Integer, nullable=False, default=0),
    Column("quarantine_code", Integer, nullable=False, default=0),
    Column("separate_pet_mr", String(8), nullable=False, default=""),
    Column("current_arc", String(64), nullable=False, default="arc001"),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False, default=""),
)

project_alias = Table(
    "project_alias",
    metadata,
    Column("alias", String(255), primary_key=True),
    Column("project", ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
)

subject = Table(
    "subject",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project", ForeignKey("project.id"), nullable=False),
    Column("label", String(64), nullable=False),
    Column("folded", String(64), nullable=False),  # the label in lower case: one subject, whatever its case (ruling 10)
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False, default=""),
    UniqueConstraint("project", "folded"),
)

experiment = Table(
    "experiment",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project", ForeignKey("project.id"), nullable=False),
    Column("subject", ForeignKey("subject.id"), nullable=False),
    Column("label", String(64), nullable=False),
    Column("session_id", ForeignKey("session.id"), nullable=False),  # holds its scans and files
    Column("arc", String(64), nullable=False),
    Column("type", Text, nullable=False),
    Column("status", String(16), nullable=False, default="active"),  # active, quarantine, locked
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False, default=""),
    Column("modified_at", UtcTime, nullable=False),
    Column("last_deed", String(32), nullable=False, default=""),  # an undo is refused when something came later
    UniqueConstraint("project", "label"),
    Index("experiment_session", "session_id", unique=True),
)

counter = Table(
    "counter",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Integer, nullable=False),
)

deed = Table(
    "deed",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),  # archive, merge, move, delete, undo ...
    Column("state", String(16), nullable=False),  # begun, forward, done, undone, failed
    Column("user", Text, nullable=False, default=""),
    Column("project", String(64), nullable=False, default=""),
    Column("session_id", Integer),
    Column("experiment", String(64), nullable=False, default=""),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("undo_until", UtcTime),
    Column("undone_by", String(32), nullable=False, default=""),
    Column("detail", Text, nullable=False, default="{}"),
    Index("deed_state", "state"),
    Index("deed_experiment", "experiment"),
)

workflow = Table(
    "workflow",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("experiment", String(64), nullable=False),
    Column("project", String(64), nullable=False),
    Column("type", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("name", Text, nullable=False),  # Transferred, Merged, Merged UIDs, xnat_tools/AutoRun.xml
    Column("status", String(16), nullable=False),
    Column("justification", Text, nullable=False, default=""),
    Column("comment", Text, nullable=False, default=""),
    Column("deed", String(32), nullable=False, default=""),
    Column("launched_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Index("workflow_experiment", "experiment"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("deed", String(32), nullable=False, unique=True),
    Column("payload", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

import_ = Table(
    "import",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("handler_key", Text, nullable=False, default=""),
    Column("user", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("planned", Boolean, nullable=False, default=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("message", Text, nullable=False, default=""),
    Column("outcome", Text, nullable=False, default="{}"),
)

session = Table(
    "session",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project", String(64), nullable=False, default=""),  # empty: Unassigned, so that one constraint covers all
    Column("timestamp", String(18), nullable=False),
    Column("folder", String(64), nullable=False),
    Column("label", String(64), nullable=False),
    Column("subject", String(64), nullable=False, default=""),
    Column("tag", Text, nullable=False),
    Column("status", String(24), nullable=False),
    Column("type", Text, nullable=False, default=""),
    Column("uploaded", UtcTime, nullable=False),
    Column("lastmod", UtcTime, nullable=False),
    Column("scan_date", String(10), nullable=False, default=""),
    Column("scan_time", String(8), nullable=False, default=""),
    Column("autoarchive", String(24)),
    Column("prevent_anon", Boolean, nullable=False, default=False),
    Column("prevent_auto_commit", Boolean, nullable=False, default=False),
    Column("source", Text, nullable=False, default=""),
    Column("visit", Text, nullable=False, default=""),
    Column("protocol", Text, nullable=False, default=""),
    Column("timezone", Text, nullable=False, default=""),
    Column("user", Text, nullable=False, default=""),
    Column("handler_key", Text, nullable=False),
    Column("nameless", Boolean, nullable=False, default=False),
    Column("import_id", String(32), nullable=False),
    Column("locked_by", String(32)),
    Column("locked_at", UtcTime),
    Column("heartbeat_at", UtcTime),
    Column("before", String(24), nullable=False, default=""),  # the status that a dead lock goes back to
    Column("version", Integer, nullable=False, default=0),  # of the data: each arrival counts
    Column("built", Integer, nullable=False, default=0),  # the version that the document shows
    Column("wish", String(5), nullable=False, default=""),  # AA as sent: true, false, or not said
    Column("policy_origin", Text, nullable=False, default=""),  # who decided autoarchive
    Column("reason", Text, nullable=False, default=""),  # why CONFLICT or ERROR
    Column("conflicts", Text, nullable=False, default="[]"),
    UniqueConstraint("project", "timestamp", "folder"),
    Index("session_key", "tag", "project", "label"),
    Index("session_import", "import_id"),
    Index("session_locked", "locked_by", **_where("locked_by IS NOT NULL")),
)

study = Table(
    "study",
    metadata,
    Column("session_id", ForeignKey("session.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("position", Integer, nullable=False),
)

scan = Table(
    "scan",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session_id", ForeignKey("session.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("label", String(64), nullable=False),
    Column("type", Text, nullable=False),
    Column("series_description", Text, nullable=False, default=""),
    Column("position", Integer, nullable=False),
    Column("fold", Text, nullable=False),
    UniqueConstraint("session_id", "key"),
    UniqueConstraint("session_id", "label"),
)

file = Table(
    "file",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session_id", ForeignKey("session.id", ondelete="CASCADE"), nullable=False),
    Column("place", Text, nullable=False),  # "scan:KEY", "session:", "assessor:ID", "reconstruction:ID"
    Column("resource", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("format", Text, nullable=False, default=""),
    Column("content", Text, nullable=False, default=""),
    Column("identity", Text),
    Column("tag", Text, nullable=False),
    Column("uid", Text, nullable=False, default=""),
    Column("instance_number", Integer),
    Column("size", Integer().with_variant(BigInteger(), "postgresql"), nullable=False),  # SQLite's has 64 bits anyway
    Column("received_sha256", String(64), nullable=False),
    Column("stored_sha256", String(64), nullable=False),
    Column("md5", String(32), nullable=False, default=""),  # of what is archived (ruling 9)
    Column("event", Integer, nullable=False, default=0),  # the workflow that archived it
    Column("modified_event", Integer, nullable=False, default=0),  # the one that replaced it
    Column("import_id", String(32), nullable=False),
    Column("member", Integer, nullable=False),
    Column("member_name", Text, nullable=False, default=""),
    Column("hint", LargeBinary),
    Column("pending", Boolean, nullable=False, default=False),  # hidden by itself: its session is not
    Column("replaced_by", String(32)),  # goes to the trash when this import commits
    Column("trashed_by", String(32)),  # lies in the trash of this deed; pending, so that nobody sees it
    Index("file_place", "session_id", "place", "resource", "name"),
    Index("file_identity", "session_id", "identity"),
    Index("file_pending", "import_id", **_where(sqlite="pending IS 1", postgresql="pending IS true")),
    Index("file_replaced", "replaced_by", **_where("replaced_by IS NOT NULL")),
)

operation = Table(
    "operation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("import_id", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("session_id", ForeignKey("session.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("detail", Text, nullable=False, default="{}"),
    Index("operation_import", "import_id"),
)
