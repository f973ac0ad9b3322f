from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select

from xnat_import_core import Service, Settings
from xnat_import_core.database.tables import session
from xnat_import_core.prearchive.deeds import Deed, start_deed
from xnat_import_core.prearchive.machine import Operation, PrearchiveHold, begin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Row


class Room:
    """The prearchive of a running service, with sessions made by hand and deeds that begin, and die."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.database = service.database
        self.tree = service._store.tree
        self.made = 0

    def session(self, **values: Any) -> int:
        """A row; without values READY, of project P."""
        self.made += 1
        now = datetime.now(UTC)
        columns = {
            "project": "P", "timestamp": f"20260131_1425{self.made:05d}", "folder": "S", "label": "S", "tag": "1.2.3",
            "status": "READY", "uploaded": now, "lastmod": now, "handler_key": "SI", "import_id": "",
        }  # fmt: skip
        with self.database.write() as connection:
            return connection.execute(insert(session).values(**columns | values)).inserted_primary_key[0]

    def row(self, session_id: int) -> Row[Any]:
        with self.database.read() as connection:
            return connection.execute(select(session).where(session.c.id == session_id)).one()

    def deed(self, kind: str = "test") -> Deed:
        return start_deed(self.database, self.tree, kind)

    def begun(self, session_id: int, operation: Operation) -> tuple[Deed, PrearchiveHold]:
        """A deed of a living process that holds a session."""
        deed = self.deed(operation.value)
        with self.database.write() as connection:
            return deed, begin(connection, session_id, operation, deed.id)

    @staticmethod
    def kill(deed: Deed) -> None:
        """What its process held is let go by the kernel; nothing else happens."""
        deed.staging.release()


@pytest.fixture
def service(tmp_path) -> Iterator[Service]:
    with Service(Settings(store=tmp_path / "store", busy_timeout=5)) as service:
        service.projects.create("P")
        yield service


@pytest.fixture
def room(service: Service) -> Room:
    return Room(service)
