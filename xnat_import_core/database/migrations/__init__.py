"""Alembic scripts of the core's tables."""
