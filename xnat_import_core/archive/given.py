"""What an archiving gives: IDs and names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

from xnat_import_core.storage.tree import CONTROL_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from xnat_import_core.archive.subjects import ChosenSubject

__all__ = ["AUTORUN", "DOCUMENT", "MERGED", "MERGED_UIDS", "STATE", "TRANSFERRED", "Given"]

DOCUMENT: Final = f"{CONTROL_FOLDER}/session.xml"
STATE: Final = f"{CONTROL_FOLDER}/state.json"

TRANSFERRED: Final = "Transferred"
MERGED: Final = "Merged"
MERGED_UIDS: Final = "Merged UIDs"
AUTORUN: Final = "xnat_tools/AutoRun.xml"


@frozen
class Given:
    """IDs of one archiving, and who does it when.

    Attributes:
        label: Of the experiment.
        workflows: IDs of the records that are written, by their names; the first is the catalogs' event.
    """

    deed: str
    experiment: str
    label: str
    subject: ChosenSubject
    workflows: Mapping[str, int]
    user: str
    at: datetime

    @property
    def claims(self) -> Mapping[str, str]:
        """What nobody else may make while the deed is under way."""
        return {"label": self.label, "subject_label": self.subject.label, "subject_id": self.subject.id}

    @property
    def event(self) -> int:
        """The record that catalogs refer to."""
        return next(iter(self.workflows.values()))
