"""The server's own tables: they lie in the core's database, with a version of their own."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, MetaData, String, Table, Text

from xnat_import_core.database.tables import UtcTime

__all__ = ["login", "metadata", "role", "user"]

metadata = MetaData()

user = Table(
    "server_user",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("hash", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("admin", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

role = Table(
    "server_role",
    metadata,
    Column("user", String(64), ForeignKey("server_user.name", ondelete="CASCADE"), primary_key=True),
    Column("project", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
)

login = Table(
    "server_login",
    metadata,
    Column("key", String(64), primary_key=True),  # SHA-256 of the cookie: a stolen table opens no session
    Column("user", String(64), nullable=False),  # perhaps of a source without a table here
    Column("csrf_token", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Index("server_login_user", "user", "created_at"),
)
