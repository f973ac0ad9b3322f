"""What archiving needs: experiments and their sessions, deeds that can be undone, workflows, the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SESSION = (
    sa.Column("heartbeat_at", sa.String(length=26), nullable=True),
    sa.Column("before", sa.String(length=24), nullable=False, server_default=""),
    sa.Column("version", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("built", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("wish", sa.String(length=5), nullable=False, server_default=""),
    sa.Column("policy_origin", sa.Text(), nullable=False, server_default=""),
    sa.Column("reason", sa.Text(), nullable=False, server_default=""),
    sa.Column("conflicts", sa.Text(), nullable=False, server_default="[]"),
)
_FILE = (
    sa.Column("md5", sa.String(length=32), nullable=False, server_default=""),
    sa.Column("event", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("modified_event", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("trashed_by", sa.String(length=32), nullable=True),
)
_PROJECT = (
    sa.Column("quarantine_code", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("separate_pet_mr", sa.String(length=8), nullable=False, server_default=""),
    sa.Column("current_arc", sa.String(length=64), nullable=False, server_default="arc001"),
)


def upgrade() -> None:
    """Add columns and tables. Nothing was ever written into subject and experiment: they are made anew."""
    for table, columns in (("session", _SESSION), ("file", _FILE), ("project", _PROJECT)):
        for column in columns:
            op.add_column(table, column)
    op.drop_table("experiment")
    op.drop_table("subject")
    _make_subjects_and_experiments()
    _make_deeds()
    _make_workflows()


def _make_subjects_and_experiments() -> None:
    op.create_table(
        "subject",
        sa.Column("id", sa.String(length=64), primary_key=True),
        sa.Column("project", sa.String(length=64), sa.ForeignKey("project.id"), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("folded", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(length=26), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.UniqueConstraint("project", "folded"),
    )
    op.create_table(
        "experiment",
        sa.Column("id", sa.String(length=64), primary_key=True),
        sa.Column("project", sa.String(length=64), sa.ForeignKey("project.id"), nullable=False),
        sa.Column("subject", sa.String(length=64), sa.ForeignKey("subject.id"), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.Integer(), sa.ForeignKey("session.id"), nullable=False),
        sa.Column("arc", sa.String(length=64), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.String(length=26), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.String(length=26), nullable=False),
        sa.Column("last_deed", sa.String(length=32), nullable=False),
        sa.UniqueConstraint("project", "label"),
    )
    op.create_index("experiment_session", "experiment", ["session_id"], unique=True)
    op.create_table(
        "counter",
        sa.Column("name", sa.String(length=32), primary_key=True),
        sa.Column("value", sa.Integer(), nullable=False),
    )


def _make_deeds() -> None:
    op.create_table(
        "deed",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=True),
        sa.Column("experiment", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.String(length=26), nullable=False),
        sa.Column("finished_at", sa.String(length=26), nullable=True),
        sa.Column("undo_until", sa.String(length=26), nullable=True),
        sa.Column("undone_by", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
    )
    op.create_index("deed_state", "deed", ["state"])
    op.create_index("deed_experiment", "deed", ["experiment"])
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("deed", sa.String(length=32), nullable=False, unique=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=26), nullable=False),
    )


def _make_workflows() -> None:
    op.create_table(
        "workflow",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("experiment", sa.String(length=64), nullable=False),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("justification", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("deed", sa.String(length=32), nullable=False),
        sa.Column("launched_at", sa.String(length=26), nullable=False),
        sa.Column("finished_at", sa.String(length=26), nullable=True),
    )
    op.create_index("workflow_experiment", "workflow", ["experiment"])
