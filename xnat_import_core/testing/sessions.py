"""From a handler's answers to the sessions that later hooks see: the core's folding, without a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xnat_import_core.folds import Facts, Fold, fold
from xnat_import_core.models import (
    ImportedFile,
    IncomingScan,
    IncomingSession,
    Scan,
    StoredResource,
    StoredScan,
    StoredSession,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["incoming_session", "stored_session"]


def incoming_session(files: Iterable[ImportedFile], handler_key: str = "test") -> IncomingSession:
    """The session that ``map_destination`` and ``review_session`` would see. All files have one session key."""
    listed = tuple(files)
    scans = tuple(
        IncomingScan(key, _given_id(of_scan), _facts(of_scan), len(of_scan))
        for key, of_scan in _by_scan(listed).items()
    )
    return IncomingSession(listed[0].session, _facts(listed), scans, len(listed), handler_key)


def stored_session(files: Iterable[ImportedFile], sizes: Mapping[int, int] | None = None) -> StoredSession:
    """The session that ``describe`` would see, were the files stored. ``sizes``: bytes by member index."""
    listed = tuple(files)
    scans = tuple(
        StoredScan(key, _given_id(of_scan), _facts(of_scan), _resources(of_scan, sizes or {}))
        for key, of_scan in _by_scan(listed).items()
    )
    of_session = [file for file in listed if not isinstance(file.place, Scan)]
    return StoredSession(listed[0].session, _facts(listed), scans, _resources(of_session, sizes or {}))


def _by_scan(files: Iterable[ImportedFile]) -> dict[str, list[ImportedFile]]:
    scans: dict[str, list[ImportedFile]] = {}
    for file in files:
        if isinstance(file.place, Scan):
            scans.setdefault(file.place.key, []).append(file)
    return dict(sorted(scans.items()))


def _given_id(files: Iterable[ImportedFile]) -> str | None:
    return next((file.place.id for file in files if isinstance(file.place, Scan) and file.place.id), None)


def _facts(files: Iterable[ImportedFile]) -> Facts:
    folded: Fold = {}
    for file in files:
        fold(folded, file.facts, file.member)
    return Facts(folded)


def _resources(files: Iterable[ImportedFile], sizes: Mapping[int, int]) -> tuple[StoredResource, ...]:
    labels: dict[str, list[ImportedFile]] = {}
    for file in files:
        labels.setdefault(file.resource, []).append(file)
    return tuple(
        StoredResource(label, some[0].format, some[0].content, len(some), sum(sizes.get(f.member, 0) for f in some))
        for label, some in sorted(labels.items())
    )
