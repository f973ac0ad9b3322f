"""What XNAT's data model allows in sessions, scans and catalogs: order of elements, kinds of values, root elements."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from xnat_import_core.documents.schema.outline import Attribute, Element, read_outline
from xnat_import_core.documents.schema.table import CATALOGS, SCANS, SESSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Attribute",
    "Element",
    "catalog_type",
    "root_element",
    "scan_types",
    "session_types",
]


def session_types() -> Mapping[str, Element]:
    """What a session may hold, by session type, such as ``xnat:mrSessionData``; sorted, without the abstract ones."""
    return _named(SESSIONS, "SessionData", "imageSessionData")


def scan_types() -> Mapping[str, Element]:
    """What a scan may hold, by scan type, such as ``xnat:mrScanData``; sorted, without the abstract ones."""
    return _named(SCANS, "ScanData", "imageScanData", "plainScanData")


def catalog_type(*, dicom: bool) -> Element:
    """What a catalog may hold: ``cat:dcmCatalog`` or ``cat:catalog``."""
    return _types(CATALOGS)["dcmCatalog" if dicom else "catalog"]


def root_element(name: str) -> str:
    """The root element of a session type, without prefix: ``MRSession`` for ``xnat:mrSessionData``."""
    stem = name.removeprefix("xnat:").removesuffix("SessionData")
    if stem == "otherDicom":
        return "OtherDicomSession"
    return f"{stem.upper() if stem != 'dx3DCraniofacial' else 'DX3DCraniofacial'}Session"


@cache
def _types(outline: str) -> dict[str, Element]:
    return read_outline(outline)


@cache
def _named(outline: str, suffix: str, *abstract: str) -> Mapping[str, Element]:
    types = sorted(_types(outline).items())
    named = {f"xnat:{name}": element for name, element in types if name.endswith(suffix) and name not in abstract}
    return MappingProxyType(named)
