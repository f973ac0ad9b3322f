"""The tree of a store, in XNAT's own shape: every path of the service is made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CONTROL_FOLDER", "UNASSIGNED", "Tree", "experiment_uri", "place_folder", "session_uri"]

UNASSIGNED: Final = "Unassigned"
CONTROL_FOLDER: Final = ".import"
"""Folder in a session that holds its receipts; in no catalog and no download."""

_PLACES = {"scan": "SCANS", "session": "RESOURCES", "assessor": "ASSESSORS", "reconstruction": "PROCESSED"}


@frozen
class Tree:
    """The folders of a store."""

    root: Path

    @property
    def prearchive(self) -> Path:
        """The waiting room."""
        return self.root / "prearchive"

    @property
    def archive(self) -> Path:
        """The final space."""
        return self.root / "archive"

    @property
    def staging(self) -> Path:
        """Where members lie before they are published."""
        return self.root / "staging"

    @property
    def imports(self) -> Path:
        """Receipts."""
        return self.root / "imports"

    @property
    def trash(self) -> Path:
        """What was replaced or deleted."""
        return self.root / "trash"

    @property
    def database(self) -> Path:
        """The SQLite database, unless settings name another."""
        return self.root / "xnat-import.db"

    @property
    def start_lock(self) -> Path:
        """Held while a service migrates and recovers."""
        return self.root / ".start.lock"

    def make(self) -> None:
        """Make what is missing."""
        for folder in (self.prearchive, self.archive, self.staging, self.imports, self.trash):
            folder.mkdir(parents=True, exist_ok=True)

    def timestamp_folder(self, project: str, timestamp: str) -> Path:
        """Without a project (empty) timestamps lie directly under ``prearchive`` (ruling 2)."""
        return (self.prearchive / project if project else self.prearchive) / timestamp

    def session_folder(self, project: str, timestamp: str, folder: str) -> Path:
        """The folder of a prearchive session."""
        return self.timestamp_folder(project, timestamp) / folder

    def session_document(self, project: str, timestamp: str, folder: str) -> Path:
        """The session document, beside the folder."""
        return self.timestamp_folder(project, timestamp) / f"{folder}.xml"

    def experiment_folder(self, project: str, arc: str, label: str) -> Path:
        """The folder of an archived session; its document is in it, in no catalog and no download."""
        return self.archive / project / arc / label

    def experiment_document(self, project: str, arc: str, label: str) -> Path:
        """The document of an archived session."""
        return self.experiment_folder(project, arc, label) / CONTROL_FOLDER / "session.xml"

    def relative(self, path: Path) -> str:
        """A path as the redo list keeps it."""
        return path.relative_to(self.root).as_posix()


def session_uri(project: str, timestamp: str, folder: str) -> str:
    """Address of a prearchive session, without ``/data``."""
    return f"/prearchive/projects/{project or UNASSIGNED}/{timestamp}/{folder}"


def experiment_uri(project: str, subject: str, label: str) -> str:
    """Address of an archived session, by labels, without ``/data``."""
    return f"/archive/projects/{project}/subjects/{subject}/experiments/{label}"


def place_folder(kind: str, label: str) -> str:
    """Folder of a scan, of the session's resources, an assessor or a reconstruction, within the session's folder."""
    return f"{_PLACES[kind]}/{label}" if label else _PLACES[kind]
