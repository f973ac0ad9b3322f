"""The records that cross a hook, in the field's own words: one module for each room that they are used in.

Frozen attrs records for what is handed over, protocols for what is only looked at. A new fact becomes a new field with
a default, never a new argument of a hook.
"""

from xnat_import_core.models.destinations import (
    Action,
    Destination,
    IncomingScan,
    IncomingSession,
    MappingRequest,
    Principal,
    Proposal,
    Refused,
    StagedFile,
    TransformContext,
)
from xnat_import_core.models.documents import (
    DescribeContext,
    Fields,
    FieldValue,
    ScanDocument,
    SessionDocument,
    StoredResource,
    StoredScan,
    StoredSession,
)
from xnat_import_core.models.extraction import (
    Arrangement,
    Assessor,
    ExtractContext,
    Group,
    Ignored,
    ImportedFile,
    Place,
    Reconstruction,
    Rejected,
    Scan,
    SessionResource,
)
from xnat_import_core.models.outcomes import (
    Archived,
    ArchivePolicy,
    ArchiveSession,
    Conflict,
    Fate,
    Outcome,
    SessionOutcome,
)
from xnat_import_core.models.plugins import Extension, Handler
from xnat_import_core.models.uploads import Confidence, Detection, Member, MemberEntry, StoredAt, Upload
from xnat_import_core.parameters import Space

__all__ = [
    "Action",
    "ArchivePolicy",
    "ArchiveSession",
    "Archived",
    "Arrangement",
    "Assessor",
    "Confidence",
    "Conflict",
    "DescribeContext",
    "Destination",
    "Detection",
    "Extension",
    "ExtractContext",
    "Fate",
    "FieldValue",
    "Fields",
    "Group",
    "Handler",
    "Ignored",
    "ImportedFile",
    "IncomingScan",
    "IncomingSession",
    "MappingRequest",
    "Member",
    "MemberEntry",
    "Outcome",
    "Place",
    "Principal",
    "Proposal",
    "Reconstruction",
    "Refused",
    "Rejected",
    "Scan",
    "ScanDocument",
    "SessionDocument",
    "SessionOutcome",
    "SessionResource",
    "Space",
    "StagedFile",
    "StoredAt",
    "StoredResource",
    "StoredScan",
    "StoredSession",
    "TransformContext",
    "Upload",
]
