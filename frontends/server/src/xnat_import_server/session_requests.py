"""What a request asks of building, committing and archiving, in the core's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xnat_import_core.archive import ArchiveRequest, Entry
from xnat_import_core.operations import BuildRequest, CommitRequest

if TYPE_CHECKING:
    from xnat_import_core.parameters import ImportRequest

__all__ = ["archive_request", "build_request", "commit_request"]


def build_request(asked: ImportRequest) -> BuildRequest:
    """``VISIT``, ``PROTOCOL``, ``TIMEZONE``, ``SOURCE``."""
    protocol = asked.protocol or asked.others.get("PROTOCOL") or None
    return BuildRequest(visit=asked.visit, protocol=protocol, timezone=asked.timezone, source=asked.source)


def commit_request(asked: ImportRequest) -> CommitRequest:
    """The same, ``AA``, and how to archive if it comes to that."""
    return CommitRequest(asked.auto_archive, build_request(asked), archive_request(asked, Entry.COMMIT))


def archive_request(asked: ImportRequest, entry: Entry) -> ArchiveRequest:
    """Subject and label, ``overwrite`` and its kin, fields of the document."""
    return ArchiveRequest(
        subject=asked.subject,
        label=asked.session,
        overwrite=asked.overwrite,
        overwrite_files=asked.overwrite_files,
        quarantine=asked.quarantine,
        trigger_pipelines=asked.trigger_pipelines,
        event_reason=asked.event_reason,
        entry=entry,
        fields=asked.fields,
    )
