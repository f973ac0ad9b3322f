"""Scan IDs when sessions merge: one series keeps the ID that it has in the archive, a taken ID is given again (8.6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from attrs import field, frozen

from xnat_import_core.archive.conflicts import conflict
from xnat_import_core.folds import load_fold
from xnat_import_core.models import Destination, Space, StoredResource
from xnat_import_core.placing.describing import Described, describe_placement
from xnat_import_core.placing.folding import PlaceFold
from xnat_import_core.placing.placements import Placement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xnat_import_core.archive.sides import Existing, Side
    from xnat_import_core.folds import Fold
    from xnat_import_core.models import Conflict, ExtractContext
    from xnat_import_core.workers.pool import Asking

__all__ = ["Numbering", "ask_for_description", "number_scans"]

_SUFFIX: Final = re.compile(r"-[A-Z]{2,4}[0-9]+$", re.ASCII)


@frozen
class Numbering:
    """IDs that incoming scans have in the archive, by place; and what stands against it."""

    labels: Mapping[str, str]
    conflicts: tuple[Conflict, ...] = ()
    renamed: Mapping[str, str] = field(factory=dict)


def number_scans(incoming: Side, existing: Existing | None, ask: Asking, context: ExtractContext) -> Numbering:
    """Give every incoming scan its ID; the handler is asked where the one that it has is another series' (ruling 6)."""
    there = {} if existing is None else {scan.key: scan.label for scan in existing.side.scans}
    taken = set(there.values())
    labels: dict[str, str] = {}
    clashes: list[Conflict] = []
    for scan in incoming.scans:
        if scan.key in there:
            labels[f"scan:{scan.key}"] = there[scan.key]
            if scan.label not in taken and _number(scan.label) != _number(there[scan.key]):
                clashes.append(_other_number(scan.label, there[scan.key]))
        elif scan.label not in taken:
            labels[f"scan:{scan.key}"] = scan.label
    if existing is not None and len(labels) < len(incoming.scans):
        folds = {f"scan:{scan.key}": load_fold(scan.fold) for scan in (*existing.side.scans, *incoming.scans)}
        given = {**existing.side.labels, **labels}
        described = ask_for_description(existing.side, given, folds, {}, ask, context)
        labels = {f"scan:{scan.key}": described.labels[f"scan:{scan.key}"] for scan in incoming.scans}
    renamed = {scan.label: label for scan in incoming.scans if (label := labels[f"scan:{scan.key}"]) != scan.label}
    return Numbering(labels, tuple(clashes), renamed)


def ask_for_description(  # noqa: PLR0913, PLR0917 - what describing takes
    side: Side,
    labels: Mapping[str, str],
    folds: Mapping[str, Fold],
    resources: Mapping[str, tuple[StoredResource, ...]],
    ask: Asking,
    context: ExtractContext,
) -> Described:
    """The handler's description of a session with these scans; an ID in ``labels`` stays."""
    row = side.row
    destination = Destination(Space.ARCHIVE, row.project, row.subject, row.label)
    placement = Placement(
        0, side.studies, destination, nameless=False, existing={}, project=row.project, label=row.label,
        subject=row.subject, tags=side.studies,
    )  # fmt: skip
    places: Sequence[PlaceFold] = [PlaceFold(place, labels.get(place), folded) for place, folded in folds.items()]
    return describe_placement(placement, places, resources, ask, context)


def _number(label: str) -> str:
    """The series number in an ID: ``12`` in ``12-MR1``."""
    return _SUFFIX.sub("", label)


def _other_number(incoming: str, existing: str) -> Conflict:
    words = f"Session already contains a scan with the same UID, but a different number ({existing})."
    return conflict("scan_number", words, scan=incoming, existing=existing, incoming=incoming)
