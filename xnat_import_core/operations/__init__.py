"""What can be done with a session that waits in the prearchive: build, commit, move, delete, separate, its status."""

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from xnat_import_core.operations import building, deleting, moving, separating
from xnat_import_core.operations.building import BuildRequest
from xnat_import_core.operations.idle import Rebuilder, due, left_behind
from xnat_import_core.operations.operations import CommitOutcome, CommitRequest, Operations
from xnat_import_core.operations.rows import show_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xnat_import_core.prearchive.deeds import Finisher

__all__ = [
    "FINISHERS",
    "BuildRequest",
    "CommitOutcome",
    "CommitRequest",
    "Operations",
    "Rebuilder",
    "due",
    "left_behind",
]

FINISHERS: "Final[Mapping[str, Finisher]]" = MappingProxyType(
    dict.fromkeys((building.KIND, building.IDLE, moving.KIND, deleting.SCAN_KIND, separating.KIND), show_rows)
)
"""What shows the rows of a deed, by its kind: recovery finishes with it what a killed process left."""
