"""``DICOM-zip``: archives of DICOM files whose sessions go on receiving until they are committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xnat_import_dicom

from xnat_import_core import Confidence, Detection, Handler, hookimpl

if TYPE_CHECKING:
    from xnat_import_core import (
        DescribeContext,
        ExtractContext,
        Ignored,
        ImportedFile,
        IncomingSession,
        Member,
        Proposal,
        Rejected,
        SessionDocument,
        StoredSession,
        Upload,
    )

__all__ = ["HANDLER", "describe", "detect", "extract", "map_destination"]

HANDLER = Handler(
    summary="DICOM archives, object by object; sessions stay open for more until they are committed",
    after_place="receiving",
    second_study="refuse",
    unparsable="refuse",
    differing="setting",
    conflicts="setting",
    nameless_label="dicom_upload",
)


@hookimpl
def detect(upload: Upload) -> Detection | None:
    """Any upload with DICOM files: XNAT's own choice for compressed uploads."""
    return Detection(Confidence.LIKELY, "has DICOM files") if xnat_import_dicom.has_dicom(upload) else None


@hookimpl
def extract(members: tuple[Member, ...], context: ExtractContext) -> tuple[ImportedFile | Rejected | Ignored, ...]:
    """DICOM files by their headers, under the sent name, or the template's if that is taken or missing."""
    return xnat_import_dicom.extract_members(members, context, template_on_clash=True)


@hookimpl
def map_destination(session: IncomingSession) -> Proposal:
    """As the headers say: assignments in comments, then description, names and IDs."""
    return xnat_import_dicom.propose(session)


@hookimpl
def describe(session: StoredSession, context: DescribeContext) -> SessionDocument:
    """XNAT's fields of the study and its series."""
    return xnat_import_dicom.describe_session(session, context)
