"""``Store``: what belongs to one store, held together: settings, tree, database, projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from xnat_import_core.database import Database
    from xnat_import_core.projects import Projects
    from xnat_import_core.settings import Settings
    from xnat_import_core.storage.tree import Tree

__all__ = ["Store"]


@frozen
class Store:
    """One store. Everything that works on it gets this."""

    settings: Settings
    tree: Tree
    database: Database
    projects: Projects
