"""ResultSets: XNAT's listings, in JSON or CSV. Every cell is text, a missing value is empty."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from starlette.responses import JSONResponse, Response

from xnat_import_core.errors import InvalidRequestError
from xnat_import_server.formats import wanted

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["Row", "listing"]

Row: TypeAlias = Mapping[str, object]


def listing(request: Request, columns: Sequence[str], rows: Iterable[Row], *, filters: Sequence[str] = ()) -> Response:
    """A listing in the form that is asked for.

    Args:
        request: ``format`` and ``Accept``; ``limit``, ``offset``; a parameter named in ``filters`` keeps equal rows.
        columns: Keys, in order.
        rows: A mapping for each; what a key lacks is empty.
        filters: Keys that a parameter of the same name filters by.

    Raises:
        NotAcceptableError: A format that listings do not have.
        InvalidRequestError: ``limit`` or ``offset`` is no number.
    """
    form = wanted(request, ("json", "csv"))
    cells = _page(request, _filtered(request, filters, [_cells(columns, row) for row in rows]))
    if form == "csv":
        return Response(_csv(columns, cells), media_type="text/csv")
    return JSONResponse({"ResultSet": {"Result": cells, "totalRecords": str(len(cells))}})


def _cells(columns: Sequence[str], row: Row) -> dict[str, str]:
    return {key: "" if row.get(key) is None else str(row[key]) for key in columns}


def _filtered(request: Request, filters: Sequence[str], cells: list[dict[str, str]]) -> list[dict[str, str]]:
    asked = {key: request.query_params[key] for key in filters if request.query_params.get(key)}
    return [row for row in cells if all(row.get(key) == value for key, value in asked.items())]


def _page(request: Request, cells: list[dict[str, str]]) -> list[dict[str, str]]:
    offset = _number(request, "offset", 0)
    return cells[offset : offset + _number(request, "limit", len(cells))]


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if text and not (text.isascii() and text.isdigit()):
        message = f"Parameter {name} must be a number."
        raise InvalidRequestError(message)
    return int(text) if text else default


def _csv(columns: Sequence[str], cells: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row[key] for key in columns] for row in cells)
    return text.getvalue()
