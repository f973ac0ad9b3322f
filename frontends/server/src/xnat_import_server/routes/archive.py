"""Archived sessions: lists, items, documents, scans, resources, files, and their standing."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

from attrs import asdict
from starlette.responses import JSONResponse, Response, StreamingResponse

from xnat_import_core.archive import Standing
from xnat_import_core.errors import InvalidRequestError, NotFoundError
from xnat_import_core.uploads.sent import is_true
from xnat_import_server.archive_rows import (
    EXPERIMENT_COLUMNS,
    FILE_COLUMNS,
    RESOURCE_COLUMNS,
    SCAN_COLUMNS,
    SUBJECT_COLUMNS,
    experiment_cells,
    file_cells,
    resource_cells,
    scan_cells,
    subject_cells,
)
from xnat_import_server.archived import Archived
from xnat_import_server.asking import ask, work
from xnat_import_server.files import file_answer
from xnat_import_server.formats import wanted
from xnat_import_server.items import document_of, experiment_item, scan_item, subject_item
from xnat_import_server.listings import listing
from xnat_import_server.routes.resource import resource
from xnat_import_server.site import site_of
from xnat_import_server.zips import zip_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.routing import Route

    from xnat_import_core.archive import ExperimentRow
    from xnat_import_server.items import Item

__all__ = ["routes"]

_SUBJECTS: Final = "/data/projects/{project}/subjects"
_EXPERIMENTS: Final = (
    "/data/experiments",
    "/data/projects/{project}/experiments",
    "/data/projects/{project}/subjects/{subject}/experiments",
)
_NO_NAME: Final = re.compile(r"[^\w.-]", re.ASCII)
_STANDINGS: Final = {
    "activate": Standing.ACTIVE,
    "quarantine": Standing.QUARANTINE,
    "_lock": Standing.LOCKED,
    "_unlock": Standing.ACTIVE,
}


async def list_subjects(request: Request) -> Response:
    """``GET /data/projects/P/subjects``."""
    asked, zone = Archived.by(request), site_of(request).service.settings.timezone
    found = await ask(asked.site, lambda: [row for each in asked.projects() for row in asked.archive.subjects(each)])
    rows = [subject_cells(row, zone) for row in found]
    return listing(request, SUBJECT_COLUMNS, rows, filters=("ID", "label"))


async def get_subject(request: Request) -> Response:
    """``GET /data/projects/P/subjects/S``, by label or ID."""
    wanted(request, ("json",))
    asked = Archived.by(request)
    return JSONResponse(document_of(await ask(asked.site, lambda: subject_item(asked.subject(), asked.experiments()))))


async def list_experiments(request: Request) -> Response:
    """``GET .../experiments``: of a subject, of a project, or all that the caller may read."""
    asked, zone = Archived.by(request), site_of(request).service.settings.timezone
    rows = [experiment_cells(row, zone) for row in await ask(asked.site, asked.experiments)]
    filters = ("ID", "label", "project", "xsiType", "subject_ID", "subject_label")
    return listing(request, EXPERIMENT_COLUMNS, rows, filters=filters)


async def get_experiment(request: Request) -> Response:
    """``GET .../experiments/E``: its item, or its document (``format=xml``)."""
    asked, form = Archived.by(request), wanted(request, ("json", "xml"))
    row = await ask(asked.site, asked.experiment)
    if form == "xml":
        document = await ask(asked.site, lambda: asked.archive.document(row).read_bytes())
        return Response(document, media_type="application/xml")
    item: Item = await ask(asked.site, lambda: experiment_item(row, asked.document(row)))
    return JSONResponse(document_of(item))


async def put_experiment(request: Request) -> Response:
    """``PUT .../experiments/E?activate=true``, ``quarantine``, ``_lock`` or ``_unlock``: its standing."""
    asked = Archived.by(request)
    named = [standing for name, standing in _STANDINGS.items() if is_true(request.query_params.get(name, ""))]
    row = await ask(asked.site, asked.experiment)
    if len(named) != 1:
        message = f"An archived session is changed by one of {', '.join(f'{name}=true' for name in _STANDINGS)}."
        raise InvalidRequestError(message)
    await work(asked.site, partial(asked.site.service.archiver.set_standing, row.id, named[0], asked.caller))
    return Response(row.id, media_type="text/plain")


async def list_deeds(request: Request) -> Response:
    """``GET /xapi/experiments/E/deeds``: what made it what it is, oldest first; the last one may be undone."""
    asked = Archived.by(request)
    found = await ask(asked.site, lambda: asked.archive.deeds(asked.experiment()))
    return JSONResponse([{key: _json(value) for key, value in asdict(deed).items()} for deed in found])


async def list_scans(request: Request) -> Response:
    """``GET .../E/scans``."""
    asked = Archived.by(request)
    rows = await ask(asked.site, lambda: list(scan_cells(asked)))
    return listing(request, SCAN_COLUMNS, rows, filters=("ID", "type", "xsiType"))


async def get_scan(request: Request) -> Response:
    """``GET .../E/scans/N``."""
    wanted(request, ("json",))
    asked = Archived.by(request)
    return JSONResponse(document_of(await ask(asked.site, partial(_scan_item, asked))))


async def list_resources(request: Request) -> Response:
    """``GET .../E/resources``, ``.../scans/N/resources``; ``all=true``: of a session those of its scans too."""
    asked, of_all = Archived.by(request), is_true(request.query_params.get("all", ""))
    rows = await ask(asked.site, lambda: list(resource_cells(asked, of_all=of_all)))
    return listing(request, RESOURCE_COLUMNS, rows, filters=("label", "cat_id"))


async def get_catalog(request: Request) -> Response:
    """``GET .../resources/R``: its catalog, XML whatever ``format`` says, as XNAT answers."""
    asked = Archived.by(request)
    return Response(await ask(asked.site, lambda: asked.catalog().read_bytes()), media_type="application/xml")


async def list_files(request: Request) -> Response:
    """``GET .../files``, of a resource, of scans, of a session; ``format=zip``: the bytes of all."""
    asked = Archived.by(request)
    if wanted(request, ("json", "csv", "zip")) == "zip":
        row, entries = await ask(asked.site, partial(_zip_entries, asked))
        headers = {"Content-Disposition": f'attachment; filename="{row.label}.zip"'}
        return StreamingResponse(zip_pieces(entries), 200, headers, "application/zip")
    rows = await ask(asked.site, lambda: list(file_cells(asked)))
    return listing(request, FILE_COLUMNS, rows, filters=("Name", "collection", "file_format", "file_content"))


async def get_file(request: Request) -> Response:
    """``GET .../files/F``: the bytes."""
    asked = Archived.by(request)
    path: Path = await ask(asked.site, asked.file)
    return file_answer(path, asked.path["resource"])


def routes() -> list[Route]:
    """The routes of this family."""
    return [
        resource(_SUBJECTS, GET=list_subjects),
        resource(f"{_SUBJECTS}/{{subject}}", GET=get_subject),
        resource("/xapi/experiments/{experiment}/deeds", GET=list_deeds),
        *(route for below in _EXPERIMENTS for route in _experiment_routes(below)),
    ]


def _experiment_routes(above: str) -> Iterator[Route]:
    experiment = f"{above}/{{experiment}}"
    scan = f"{experiment}/scans/{{scan}}"
    yield resource(above, GET=list_experiments)
    yield resource(experiment, GET=get_experiment, PUT=put_experiment)
    yield resource(f"{experiment}/scans", GET=list_scans)
    yield resource(scan, GET=get_scan)
    for place in (experiment, scan):
        yield resource(f"{place}/resources", GET=list_resources)
        yield resource(f"{place}/files", GET=list_files)
        yield resource(f"{place}/resources/{{resource}}", GET=get_catalog)
        yield resource(f"{place}/resources/{{resource}}/files", GET=list_files)
        yield resource(f"{place}/resources/{{resource}}/files/{{file:path}}", GET=get_file)


def _scan_item(asked: Archived) -> Item:
    row = asked.experiment()
    for scan in asked.document(row).scans:
        if scan.id == asked.path["scan"]:
            return scan_item(row, scan)
    message = "Unable to find the specified scan."
    raise NotFoundError(message)


def _zip_entries(asked: Archived) -> tuple[ExperimentRow, list[tuple[str, Path]]]:
    """What a zip holds: ``LABEL/scans/ID-TYPE/resources/R/files/NAME``, as clients unpack it."""
    row = asked.experiment()
    types = {scan.id: _NO_NAME.sub("_", scan.fields.get("@type", "")) for scan in asked.document(row).scans}
    entries = []
    for holding, file, path in asked.paths(row):
        scan, label = holding.scan, holding.resource.label
        place = "" if scan is None else f"scans/{scan}-{types[scan]}/" if types.get(scan) else f"scans/{scan}/"
        entries.append((f"{row.label}/{place}resources/{label}/files/{file.name}", path))
    return row, entries


def _json(value: object) -> object:
    return value if value is None or isinstance(value, str) else str(value)
