"""A look into the session's folder before it is archived: is everything there, and nothing else (chapter 8.8)."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from xnat_import_core.archive.conflicts import conflict
from xnat_import_core.errors import ClientError
from xnat_import_core.prearchive.logbook import LOGS
from xnat_import_core.storage.tree import CONTROL_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Row

    from xnat_import_core.archive.sides import Side
    from xnat_import_core.models import Conflict, FieldValue

__all__ = ["CATALOG", "Inspection", "inspect"]

CATALOG: Final = "_catalog.xml"


@frozen
class Inspection:
    """What lies in the folder.

    Attributes:
        catalogs: Paths of catalogs.
        fields: What the catalog of a resource folder says of the whole.
        strays: Files that no row knows.
        conflicts: What is wrong.
    """

    catalogs: tuple[str, ...] = ()
    fields: Mapping[str, Mapping[str, FieldValue]] = field(factory=dict)
    strays: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


def inspect(side: Side, files: Sequence[Row[Any]], *, by_identity: bool) -> Inspection:
    """Compare rows and folder."""
    rows = {side.path_of(row): row for row in files}
    found = set(_files_below(side.folder, ""))
    catalogs = sorted(path for path in found - rows.keys() if path.endswith(CATALOG))
    strays = tuple(sorted(found - rows.keys() - set(catalogs)))
    fields, bad = _read(side.folder, catalogs)
    without = {path.rpartition("/")[0] for path in rows} - {path.rpartition("/")[0] for path in catalogs}
    conflicts = [
        *(conflict("missing", file=path) for path in sorted(rows.keys() - found)),
        *(conflict("no_catalog", scan=_scan_of(folder), file=folder) for folder in sorted(without)),
        *bad,
        *_strays(strays),
        *(_duplicates(side, files) if by_identity else ()),
    ]
    return Inspection(tuple(catalogs), fields, strays, tuple(conflicts))


def _files_below(folder: Path, above: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not above and entry.name in {CONTROL_FOLDER, LOGS}:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(folder / entry.name, f"{above}{entry.name}/")
            else:
                yield f"{above}{entry.name}"


def _read(folder: Path, catalogs: Sequence[str]) -> tuple[dict[str, Mapping[str, FieldValue]], list[Conflict]]:
    from xnat_import_core.documents import read_catalog  # noqa: PLC0415 - lxml is needed for documents only

    fields: dict[str, Mapping[str, FieldValue]] = {}
    bad = []
    for path in catalogs:
        try:
            fields[path.rpartition("/")[0]] = read_catalog(folder / path, with_entries=False).fields
        except ClientError as error:
            bad.append(conflict("no_catalog", error.message, scan=_scan_of(path), file=path))
    return fields, bad


def _strays(strays: Sequence[str]) -> Iterator[Conflict]:
    counts = Counter(map(_scan_of, strays))
    for path in strays:
        scan = _scan_of(path)
        where = "The session" if scan is None else f"Scan {scan}"
        words = f"{where} has {counts[scan]} non-DICOM (or non-parsable DICOM) files"
        yield conflict("stray", words, scan=scan, file=path)


def _duplicates(side: Side, files: Sequence[Row[Any]]) -> Iterator[Conflict]:
    counts = Counter((row.place, row.identity) for row in files if row.identity)
    for row in files:
        if counts[row.place, row.identity] > 1:
            scan = side.labels.get(row.place)
            words = f"Scan {scan} DICOM catalog contains duplicated SOP instance UIDs: {row.uid or row.identity}"
            yield conflict("duplicate", words, scan=scan, file=side.path_of(row), incoming=row.uid)


def _scan_of(path: str) -> str | None:
    parts = path.split("/")
    return parts[1] if parts[0] == "SCANS" and len(parts) > 1 else None
