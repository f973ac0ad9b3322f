"""A database that was made at once is the database that the migrations make of an empty one."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from xnat_import_core.database import Database

PACKAGES = ["xnat_import_core.database", "xnat_import_server"]


@pytest.fixture
def databases(tmp_path):
    """Two empty ones."""
    made = [Database(f"sqlite:///{tmp_path / name}", busy_timeout=30) for name in ("at-once.db", "by-migrations.db")]
    yield made
    for database in made:
        database.close()


def shape(database):
    """What a database enforces, without the order of columns and the names of constraints."""
    with database.read() as connection:
        seen = inspect(connection)
        return {
            table: {
                "columns": {c["name"]: (str(c["type"]), c["nullable"]) for c in seen.get_columns(table)},
                "key": seen.get_pk_constraint(table)["constrained_columns"],
                "foreign": sorted(
                    (*f["constrained_columns"], f["referred_table"], *f["referred_columns"], str(f["options"]))
                    for f in seen.get_foreign_keys(table)
                ),
                "unique": sorted(tuple(u["column_names"]) for u in seen.get_unique_constraints(table)),
                "indexes": sorted((i["name"], *i["column_names"], i["unique"]) for i in seen.get_indexes(table)),
            }
            for table in seen.get_table_names()
        }


@pytest.mark.parametrize("package", PACKAGES)
def test_both_ways_make_the_same_tables(databases, package):
    at_once, by_migrations = databases
    at_once.migrate(package, "version")
    by_migrations._upgrade(Path(str(files(package) / "migrations")), "version")
    assert shape(at_once) == shape(by_migrations)
    with by_migrations.read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "version", "compare_type": True})
        assert compare_metadata(context, import_module(f"{package}.tables").metadata) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_database_that_is_up_to_date_is_left_alone_by_either_way(databases, package):
    for database in databases:
        database.migrate(package, "version")
    at_once, by_migrations = databases
    before = shape(at_once)
    at_once.migrate(package, "version")
    by_migrations._upgrade(Path(str(files(package) / "migrations")), "version")
    assert shape(at_once) == shape(by_migrations) == before
