"""The database: tables, transactions, migrations. SQLite in the store by default, another one by URL."""

from xnat_import_core.database.engine import Database

__all__ = ["Database"]
