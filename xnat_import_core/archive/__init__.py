"""The final space: archiving, merging, conflicts, quarantine, undo; and reading what is archived."""

from xnat_import_core.archive.archiver import Archiver
from xnat_import_core.archive.finishing import FINISHERS
from xnat_import_core.archive.reading import Archive, DeedRow, ExperimentRow, SubjectRow, WorkflowRow
from xnat_import_core.archive.requests import ArchiveRequest, Entry, MergeRules, Switches, switches_for
from xnat_import_core.archive.standing import Standing

__all__ = [
    "FINISHERS",
    "Archive",
    "ArchiveRequest",
    "Archiver",
    "DeedRow",
    "Entry",
    "ExperimentRow",
    "MergeRules",
    "Standing",
    "SubjectRow",
    "Switches",
    "WorkflowRow",
    "switches_for",
]
