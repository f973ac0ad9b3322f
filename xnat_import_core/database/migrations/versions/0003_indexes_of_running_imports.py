"""Indexes of the rows that a running import works on: they stay small, whatever the store holds."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them, in place of the index of every file by its import."""
    op.drop_index("file_import", table_name="file")
    for name, table, column, sqlite, postgresql in (
        ("file_pending", "file", "import_id", "pending IS 1", "pending IS true"),
        ("file_replaced", "file", "replaced_by", "replaced_by IS NOT NULL", "replaced_by IS NOT NULL"),
        ("session_locked", "session", "locked_by", "locked_by IS NOT NULL", "locked_by IS NOT NULL"),
    ):
        op.create_index(name, table, [column], sqlite_where=sa.text(sqlite), postgresql_where=sa.text(postgresql))


def downgrade() -> None:
    """Back to the index of every file."""
    for name, table in (("session_locked", "session"), ("file_replaced", "file"), ("file_pending", "file")):
        op.drop_index(name, table_name=table)
    op.create_index("file_import", "file", ["import_id"])
