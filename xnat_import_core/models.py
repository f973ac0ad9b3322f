"""The records that cross a hook, in the field's own words.

Frozen attrs records for what is handed over, protocols for what is only looked at. A new fact becomes a new field with
a default, never a new argument of a hook.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol, TypeAlias, runtime_checkable

from attrs import Factory, field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from xnat_import_core.folds import Facts, FactValue
    from xnat_import_core.parameters import ImportRequest

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


# ---- plugins -------------------------------------------------------------------------------------------------------


@frozen
class Handler:
    """What the core must know of a handler before it calls anything: the module's ``HANDLER``.

    Attributes:
        summary: One line for ``xnat-import handlers``.
        containers: What it opens: any of ``"zip"``, ``"tar"``, ``"folder"``, ``"file"``. A kind that is not listed
            is taken as one single member. Compressed tars count as ``"tar"``.
        nested: ``"open"``: archives in archives are opened, their members count as members. ``"keep"``: they are files.
        after_place: Status of a session that was placed without ``action=commit`` and without a ``dest``.
        second_study: A second study for one named prearchive session: ``"merge"`` or ``"refuse"`` (400).
        unparsable: A member that ``extract`` rejects: ``"refuse"`` the import (400, unless the request says
            ``Ignore-Unparsable`` or ``action=commit``) or ``"skip"`` the member.
        differing: A later upload with other bytes for an instance or name that is there: ``"refuse"`` (409, unless
            ``overwrite=delete``) or ``"setting"`` (the site's ``duplicate_objects`` decides).
        nameless_label: Session label where neither request nor file gives one; a second such session gets ``_2``.
        accepts_no_upload: May be called without any file.
        wrap_uris: The answer's URIs get ``/data`` in front.
        spec_version: Version of the hookspecs it was written for.
    """

    summary: str
    containers: tuple[str, ...] = ("zip", "tar", "folder", "file")
    nested: Literal["open", "keep"] = "open"
    after_place: Literal["ready", "receiving"] = "ready"
    second_study: Literal["merge", "refuse"] = "refuse"
    unparsable: Literal["refuse", "skip"] = "refuse"
    differing: Literal["refuse", "setting"] = "setting"
    nameless_label: str = "upload"
    accepts_no_upload: bool = False
    wrap_uris: bool = True
    spec_version: int = 1


@frozen
class Extension:
    """What the core must know of an extension: the module's ``EXTENSION``.

    Attributes:
        summary: One line for ``xnat-import handlers``.
        wants: Names of header facts that it needs beyond the usual ones, such as ``dicom:00081010``; handlers see
            their union as ``context.wants`` and add those they can to each file's facts under the same name.
    """

    summary: str
    wants: tuple[str, ...] = ()
    spec_version: int = 1


# ---- what came in --------------------------------------------------------------------------------------------------


class MemberEntry(Protocol):
    """A member in the list of an upload's members, before anything is read."""

    @property
    def index(self) -> int:
        """Position in the upload, from 0."""

    @property
    def name(self) -> str:
        """Name inside the archive, ``/``-separated, as sent. Never a path to use. Empty if the sender gave none."""

    @property
    def size(self) -> int | None:
        """Bytes as its container states them; ``None`` where only reading tells."""


class Member(Protocol):
    """One regular file of an upload, or a file that is already stored (``stored`` says where)."""

    @property
    def index(self) -> int:
        """Position in the upload, from 0."""

    @property
    def name(self) -> str:
        """As ``MemberEntry.name``; a suffix ``.gz`` that the core has undone is gone."""

    @property
    def size(self) -> int:
        """Bytes, inflated."""

    @property
    def hint(self) -> object:
        """What ``arrange`` said of its group, else ``None``."""

    @property
    def stored(self) -> StoredAt | None:
        """Set when stored files are read again; ``None`` for an upload."""

    def head(self, size: int) -> bytes:
        """The first ``size`` bytes, fewer if the member is shorter."""

    def open(self) -> BinaryIO:
        """The whole member, from its start, seekable. The caller closes it."""


class Upload(Protocol):
    """One upload as ``detect`` and ``arrange`` see it."""

    @property
    def name(self) -> str:
        """File name as sent, without folders; may be empty."""

    @property
    def content_type(self) -> str:
        """Media type as sent, lower case, without parameters; may be empty."""

    @property
    def size(self) -> int:
        """Bytes of the upload as it came."""

    @property
    def members(self) -> Sequence[MemberEntry]:
        """All members, in the order of the upload."""

    def head(self, size: int) -> bytes:
        """The first bytes of the upload as it came, at most 64 KiB."""

    def read(self, member: int, limit: int) -> bytes:
        """The first ``limit`` bytes of a member, by its index."""


@frozen
class Detection:
    """``detect``: it is mine, how sure, and why (for the receipt)."""

    confidence: Confidence
    reason: str


class Confidence(IntEnum):
    """How sure a handler is; the single highest wins, a tie at the top is an error that names both."""

    POSSIBLE = 1
    LIKELY = 2
    CERTAIN = 3


# ---- arrange -------------------------------------------------------------------------------------------------------


@frozen
class Group:
    """Members that ``extract`` must get in one batch, in this order, each with ``hint`` (at most 64 KiB pickled)."""

    members: tuple[int, ...]
    hint: object = None


@frozen
class Ignored:
    """A member that is no data, by its index, and why."""

    member: int
    reason: str


@frozen
class Rejected:
    """A member that is bad or refused, by its index, and why. The reason is shown to the sender: no patient data.

    ``unsupported``: nothing is wrong with it, this release cannot take it yet; an upload of nothing else is 501.
    """

    member: int
    reason: str
    unsupported: bool = False


@frozen
class Arrangement:
    """``arrange``: which members belong together. What is not named is a group of one."""

    groups: tuple[Group, ...] = ()
    ignored: tuple[Ignored, ...] = ()


# ---- extract -------------------------------------------------------------------------------------------------------


@frozen
class Scan:
    """A file belongs to a scan. ``key`` groups its files (DICOM: Series UID); ``id`` only if the handler knows it."""

    key: str
    id: str | None = None


@frozen
class SessionResource:
    """A file belongs to the session itself."""


@frozen
class Assessor:
    """A file belongs to an assessor of the session."""

    id: str


@frozen
class Reconstruction:
    """A file belongs to a reconstruction of the session."""

    id: str


Place: TypeAlias = Scan | SessionResource | Assessor | Reconstruction


@frozen
class ImportedFile:
    """What a member is.

    Attributes:
        member: Index of the member.
        session: The handler's grouping key within the upload; kept as the session's ``tag`` (DICOM: Study UID).
        place: Scan, session resource, assessor or reconstruction.
        resource: Label of the resource folder, such as ``DICOM``.
        name: Wished file name, as sent; the core cleans it and keeps only its last part.
        fallback_name: Name if the wished one is taken by another file (then ``-2``, ``-3`` behind the stem); without
            it the core appends ``_1``, ``_2`` behind the suffix.
        format: Format of the resource, for XML and catalogs (``DICOM``).
        content: Content of the resource (``RAW``).
        identity: What makes two files the same thing (DICOM: SOP class and instance UID); ``None``: place and name.
        uid: UID for the catalog entry, if there is one.
        instance_number: Order within the catalog, if there is one.
        facts: The handler's own names and values; the core folds them for each scan and session. Reserved names,
            read by the core's defaults: ``project``, ``subject``, ``session``, and XNAT paths such as
            ``scan:series_description``.
    """

    member: int
    session: str
    place: Place
    resource: str
    name: str
    fallback_name: str | None = None
    format: str = ""
    content: str = ""
    identity: str | None = None
    uid: str = ""
    instance_number: int | None = None
    facts: Mapping[str, FactValue] = field(factory=dict)


@frozen
class StoredAt:
    """Where a stored file lies, by labels: for a second call of ``extract``."""

    session: str
    scan: str | None
    resource: str


@frozen
class ExtractContext:
    """What ``extract`` may know besides its members.

    Attributes:
        handler_key: The key under which it was chosen.
        wants: Names of facts that extensions ask for.
        request: The typed parameters of the import; defaults when stored files are read again.
        preferences: Site preferences under XNAT's names, such as ``dicomFileNameTemplate``.
    """

    handler_key: str
    request: ImportRequest
    wants: frozenset[str] = frozenset()
    preferences: Mapping[str, object] = field(factory=dict)


# ---- map_destination, review ---------------------------------------------------------------------------------------


class Space(StrEnum):
    """The two spaces."""

    PREARCHIVE = "prearchive"
    ARCHIVE = "archive"


class Action(StrEnum):
    """What a principal may do in a project."""

    READ = "read"
    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"
    OWN = "own"


@runtime_checkable
class Principal(Protocol):
    """Who asks. The core knows a name and rights, nothing of passwords."""

    @property
    def name(self) -> str:
        """Login name, for rows and audit."""

    def may(self, action: Action, project: str | None) -> bool:
        """Whether the action is allowed in the project (by ID); ``None`` is the part of the prearchive without one."""


class MappingRequest(Protocol):
    """What ``map_destination`` may ask of the request."""

    @property
    def parameters(self) -> ImportRequest:
        """The typed parameters."""

    def may_create(self, project: str) -> bool:
        """Whether this is an ID or alias of a project in which the caller may create."""


@frozen
class IncomingScan:
    """A scan of an upload: its key, its folded facts, its number of files."""

    key: str
    id: str | None
    facts: Facts
    file_count: int


@frozen
class IncomingSession:
    """A session of an upload, as received: the handler's grouping key, folded facts, scans."""

    key: str
    facts: Facts
    scans: tuple[IncomingScan, ...]
    file_count: int
    handler_key: str


@frozen
class Proposal:
    """``map_destination``: ordered candidates for each field, any of them empty.

    Labels may be raw text; the core makes them safe. Project candidates that name no project, or one in which the
    caller may not create, are passed over. ``auto_archive`` is the wish of the data themselves (``AA:true``).
    """

    project: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    space: Space | None = None
    auto_archive: bool | None = None
    reason: str = ""


@frozen
class Destination:
    """Where a session goes, and why: ``reasons`` has a line for each field."""

    space: Space
    project: str | None
    subject: str
    label: str
    reasons: Mapping[str, str] = field(factory=dict)
    auto_archive: bool | None = None


@frozen
class Refused:
    """``review_session``: a scan (by key) or one member is filtered out, and why. Neither given: the whole session."""

    reason: str
    scan: str | None = None
    member: int | None = None


# ---- transform -----------------------------------------------------------------------------------------------------


@frozen
class StagedFile:
    """A file of one session in staging, not visible to anybody: ``path`` may be rewritten in place."""

    member: int
    path: Path
    name: str
    scan: str | None
    resource: str
    format: str
    uid: str


@frozen
class TransformContext:
    """What ``transform_files`` may know: where the session goes, and the store's secret for stable pseudonyms."""

    destination: Destination
    pseudonym_key: bytes = field(repr=False)
    request: ImportRequest


# ---- describe ------------------------------------------------------------------------------------------------------


@frozen
class StoredResource:
    """A resource folder of a session or scan, with what its files add up to (bytes)."""

    label: str
    format: str
    content: str
    file_count: int
    file_size: int


@frozen
class StoredScan:
    """A scan of a session that is placed: ``id`` is set if it was given earlier, and then stays."""

    key: str
    id: str | None
    facts: Facts
    resources: tuple[StoredResource, ...]


@frozen
class StoredSession:
    """A session that is placed, built, merged or rebuilt, from the folds of its stored bytes."""

    key: str
    facts: Facts
    scans: tuple[StoredScan, ...]
    resources: tuple[StoredResource, ...] = ()


@frozen
class DescribeContext:
    """What ``describe`` may know: destination, parameters of the import, site preferences under XNAT's names."""

    handler_key: str
    destination: Destination
    request: ImportRequest
    preferences: Mapping[str, object] = field(factory=dict)


FieldValue: TypeAlias = str | int | float


@frozen
class ScanDocument:
    """A scan for the session document.

    Attributes:
        key: The scan's key.
        id: Its ID; the core cleans it and keeps it unique.
        type: ``xnat:mrScanData`` and the like.
        fields: XNAT path to value, in any order; the core orders them by the schema. Paths are ``a/b``, ``a/@b``,
            ``a[@name="x"]`` and, for repeated elements, ``a[1]``, ``a[2]``.
        catalog: The same for the catalog of its primary resource: ``dimensions/@x``, ``voxelRes/@units``,
            ``orientation``; ``@type`` = ``dcm`` for a DICOM catalog; ``@UID``.
    """

    key: str
    id: str
    type: str
    fields: Mapping[str, FieldValue] = field(factory=dict)
    catalog: Mapping[str, FieldValue] = field(factory=dict)


@frozen
class SessionDocument:
    """``describe``: type and fields of the session (``xnat:mrSessionData``), and its scans in the order to show."""

    type: str
    fields: Mapping[str, FieldValue] = field(factory=dict)
    scans: tuple[ScanDocument, ...] = ()
    notes: tuple[str, ...] = ()


@frozen
class Fields:
    """``describe`` of an extension: fields to add, never to replace, for the session and for scans by their key."""

    session: Mapping[str, FieldValue] = field(factory=dict)
    scans: Mapping[str, Mapping[str, FieldValue]] = field(factory=dict)


# ---- archive -------------------------------------------------------------------------------------------------------


@frozen
class ArchiveSession:
    """A prearchive session that is to be archived."""

    uri: str
    project: str
    subject: str
    label: str
    key: str
    path: Path


@frozen
class ArchivePolicy:
    """The switches of archiving: may merge, may replace files, quarantine, run pipelines."""

    may_merge: bool = False
    may_replace: bool = False
    quarantine: bool = False
    trigger_pipelines: bool = True


@frozen
class Archived:
    """``archive``: done; the URI of the experiment, without ``/data``."""

    uri: str


@frozen
class Conflict:
    """A named reason to refuse adding to what exists."""

    kind: str
    detail: str
    scan: str | None = None
    file: str | None = None
    existing: str | None = None
    incoming: str | None = None
    remedy: str = ""


# ---- outcome -------------------------------------------------------------------------------------------------------


class Fate(StrEnum):
    """What became of a member."""

    STORED = "stored"
    SAME = "same"
    REJECTED = "rejected"
    FILTERED = "filtered"
    IGNORED = "ignored"


@frozen
class SessionOutcome:
    """A session that an import made or added to; ``uri`` has no ``/data``."""

    uri: str
    project: str | None
    subject: str
    label: str
    timestamp: str
    folder: str
    tag: str
    status: str
    scans: int
    stored: int
    same: int
    joined: bool
    reasons: Mapping[str, str] = field(factory=dict)
    notes: tuple[str, ...] = ()


@frozen
class Outcome:
    """How an import ended. ``counts`` has all five fates and adds up to the number of members.

    ``wrap_uris`` is the handler's: the plain answer puts ``/data`` in front of each URI.
    """

    import_id: str
    handler_key: str
    planned: bool
    sessions: tuple[SessionOutcome, ...]
    counts: Mapping[Fate, int]
    notes: tuple[str, ...] = Factory(tuple)
    wrap_uris: bool = True

    @property
    def members(self) -> int:
        """Number of members of the upload."""
        return sum(self.counts.values())
