"""What ``arrange`` and ``extract`` say of members."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xnat_import_core.folds import FactValue
    from xnat_import_core.parameters import ImportRequest

__all__ = [
    "Arrangement",
    "Assessor",
    "ExtractContext",
    "Group",
    "Ignored",
    "ImportedFile",
    "Place",
    "Reconstruction",
    "Rejected",
    "Scan",
    "SessionResource",
]


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
