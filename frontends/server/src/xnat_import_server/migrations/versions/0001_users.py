"""Users, their roles in projects, their logins."""

# ruff: noqa: INP001 - Alembic finds its scripts by folder, not by import

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "server_user",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.String(26), nullable=False),
    )
    op.create_table(
        "server_role",
        sa.Column("user", sa.String(64), sa.ForeignKey("server_user.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("project", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
    )
    op.create_table(
        "server_login",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("user", sa.String(64), nullable=False),
        sa.Column("csrf_token", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(26), nullable=False),
        sa.Column("last_seen", sa.String(26), nullable=False),
    )
    op.create_index("server_login_user", "server_login", ["user", "created_at"])


def downgrade() -> None:
    """Drop them again."""
    for name in ("server_login", "server_role", "server_user"):
        op.drop_table(name)
