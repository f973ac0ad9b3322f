"""What ``describe`` sees and says."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xnat_import_core.folds import Facts
    from xnat_import_core.models.destinations import Destination
    from xnat_import_core.parameters import ImportRequest

__all__ = [
    "DescribeContext",
    "FieldValue",
    "Fields",
    "ScanDocument",
    "SessionDocument",
    "StoredResource",
    "StoredScan",
    "StoredSession",
]


FieldValue: TypeAlias = str | int | float


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
