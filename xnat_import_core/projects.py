"""Projects: what a destination may name. IDs and aliases; the prearchive code."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from attrs import frozen
from sqlalchemy import Row, func, insert, select, update

from xnat_import_core.database.tables import project, project_alias
from xnat_import_core.errors import InvalidRequestError, NotFoundError
from xnat_import_core.storage.names import project_id

if TYPE_CHECKING:
    from typing import Any

    from xnat_import_core.database import Database

__all__ = ["PREARCHIVE_CODES", "Project", "Projects"]

PREARCHIVE_CODES: Final = (0, 4, 5, 11)
"""0: sessions wait for a person; 4: archived by themselves; 5: and replace; 11: new ones only (ruling 31)."""


@frozen
class Project:
    """A project."""

    id: str
    name: str
    code: int
    created_at: datetime


class Projects:
    """The projects of one store."""

    def __init__(self, database: Database, new_project_code: int = 0) -> None:
        self._database = database
        self._code = new_project_code

    def create(self, id: str, *, name: str = "", user: str = "", aliases: tuple[str, ...] = ()) -> bool:  # noqa: A002 - XNAT's word
        """Make a project, or give it another name. True if it is new.

        Raises:
            InvalidRequestError: The ID is not one.
        """
        project_id(id)
        with self._database.write() as connection:
            known = connection.execute(select(project.c.id).where(project.c.id == id)).first()
            if known is None:
                connection.execute(
                    insert(project).values(
                        id=id, name=name or id, code=self._code, created_at=datetime.now(UTC), created_by=user
                    )
                )
            elif name:
                connection.execute(update(project).where(project.c.id == id).values(name=name))
            for alias in aliases:
                connection.execute(insert(project_alias).values(alias=alias, project=id))
        return known is None

    def find(self, id_or_alias: str) -> Project | None:
        """By ID, then by alias; ``None`` if there is none."""
        aliased = select(project_alias.c.project).where(project_alias.c.alias == id_or_alias).scalar_subquery()
        found = select(project).where((project.c.id == id_or_alias) | (project.c.id == aliased))
        with self._database.read() as connection:
            row = connection.execute(found.order_by(project.c.id != id_or_alias)).first()
        return None if row is None else _project(row)

    def all(self) -> list[Project]:
        """All projects, by ID."""
        with self._database.read() as connection:
            rows = connection.execute(select(project).order_by(func.lower(project.c.id))).all()
        return [_project(row) for row in rows]

    def set_code(self, id: str, code: int) -> None:  # noqa: A002 - XNAT's word
        """Set the prearchive code.

        Raises:
            InvalidRequestError: Not one of ``PREARCHIVE_CODES``.
            NotFoundError: No such project.
        """
        if code not in PREARCHIVE_CODES:
            message = f"prearchive_code is one of {', '.join(map(str, PREARCHIVE_CODES))}, not {code}."
            raise InvalidRequestError(message)
        with self._database.write() as connection:
            if not connection.execute(update(project).where(project.c.id == id).values(code=code)).rowcount:
                message = f"Unable to identify project: {id}"
                raise NotFoundError(message)


def _project(row: Row[Any]) -> Project:
    return Project(row.id, row.name, row.code, row.created_at)
