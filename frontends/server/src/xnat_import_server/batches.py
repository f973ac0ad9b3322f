"""The same done with several sessions, one after the other; each is told of apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from starlette.background import BackgroundTask

from xnat_import_core.errors import NotFoundError, XnatImportError
from xnat_import_core.prearchive.statuses import BUSY, Status
from xnat_import_server.asking import work
from xnat_import_server.listings import listing
from xnat_import_server.prearchive_rows import COLUMNS, cells_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from xnat_import_core.prearchive import PrearchiveRow
    from xnat_import_server.parameters import Parameters
    from xnat_import_server.site import Site

__all__ = ["Batch", "in_background"]

_COLUMNS = (*COLUMNS, "message")


def in_background(parameters: Parameters, *, default: bool) -> bool:
    """Whether the answer comes before the work: ``async``, which only ``false`` itself denies (spec ruling 14)."""
    sent = parameters.text("async").lower()
    return sent != "false" if sent else default


@frozen
class Batch:
    """What is done.

    Attributes:
        site: Where.
        queued: The status that is told while a session waits for its turn.
        do: Does it with one, and gives the cells that tell what came of it.
    """

    site: Site
    queued: Status
    do: Callable[[PrearchiveRow], Mapping[str, object]]

    async def answer(self, request: Request, rows: Sequence[PrearchiveRow], *, background: bool) -> Response:
        """The rows after the work; in the background: as they wait for it, and those that somebody else works on."""
        if not background:
            return _listed(request, await work(self.site, lambda: self._run(rows)))
        busy = {row.id for row in rows if _is_busy(row)}
        response = _listed(request, [self._waiting(row, busy=row.id in busy) for row in rows])
        free = [row for row in rows if row.id not in busy]
        response.background = BackgroundTask(work, self.site, lambda: self._run(free))
        return response

    def cells(self, row: PrearchiveRow) -> dict[str, object]:
        """A row's cells."""
        return cells_of(row, self.site.service.settings.timezone)

    def _run(self, rows: Sequence[PrearchiveRow]) -> list[dict[str, object]]:
        return [self._done(row) for row in rows]

    def _done(self, row: PrearchiveRow) -> dict[str, object]:
        try:
            return {**self.cells(row), **self.do(row)}
        except XnatImportError as error:
            return {**self.cells(self._again(row)), "message": error.message}

    def _again(self, row: PrearchiveRow) -> PrearchiveRow:
        try:
            return self.site.service.prearchive.find(row.project, row.timestamp, row.folder)
        except NotFoundError:
            return row

    def _waiting(self, row: PrearchiveRow, *, busy: bool) -> dict[str, object]:
        if busy:
            return {**self.cells(row), "message": f"session document locked: it is {row.shown_status}."}
        return {**self.cells(row), "status": self.queued.value}


def _is_busy(row: PrearchiveRow) -> bool:
    return row.status in BUSY or row.shown_status != row.status


def _listed(request: Request, cells: Sequence[Mapping[str, Any]]) -> Response:
    return listing(request, _COLUMNS, cells)
