"""``SI``: XNAT's session importer. Each study becomes a prearchive session that is ready at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xnat_import_dicom

from xnat_import_core import Confidence, Detection, Handler, Rejected, hookimpl

if TYPE_CHECKING:
    from xnat_import_core import (
        DescribeContext,
        ExtractContext,
        Ignored,
        ImportedFile,
        IncomingSession,
        Member,
        Proposal,
        SessionDocument,
        StoredSession,
        Upload,
    )

__all__ = ["HANDLER", "describe", "detect", "extract", "map_destination"]

HANDLER = Handler(
    summary="Session importer: archives of DICOM files, one session for each study, ready at once",
    after_place="ready",
    second_study="merge",
    unparsable="skip",
    differing="refuse",
    nameless_label="dicom_upload",
)

_ECAT_MAGIC = b"MATRIX7"


@hookimpl
def detect(upload: Upload) -> Detection | None:
    """Any upload with DICOM files, unless a handler with a better claim is there."""
    return Detection(Confidence.POSSIBLE, "has DICOM files") if xnat_import_dicom.has_dicom(upload) else None


@hookimpl
def extract(members: tuple[Member, ...], context: ExtractContext) -> tuple[ImportedFile | Rejected | Ignored, ...]:
    """DICOM files by their headers, under their own names; ECAT files are refused one by one."""
    ecat = {member.index for member in members if member.head(len(_ECAT_MAGIC)) == _ECAT_MAGIC}
    dicom = tuple(member for member in members if member.index not in ecat)
    found = iter(xnat_import_dicom.extract_members(dicom, context, template_on_clash=False))
    return tuple(
        Rejected(member.index, "ECAT is not supported yet", unsupported=True) if member.index in ecat else next(found)
        for member in members
    )


@hookimpl
def map_destination(session: IncomingSession) -> Proposal:
    """As the headers say: assignments in comments, then description, names and IDs."""
    return xnat_import_dicom.propose(session)


@hookimpl
def describe(session: StoredSession, context: DescribeContext) -> SessionDocument:
    """XNAT's fields of the study and its series."""
    return xnat_import_dicom.describe_session(session, context)
