"""Alembic's door: runs on the connection that ``Database.migrate`` hands over."""

# ruff: noqa: INP001 - Alembic finds its scripts by folder, not by import

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    render_as_batch=True,
)
context.run_migrations()
