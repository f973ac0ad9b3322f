"""Session documents and catalogs, written and read: XNAT's XML, from fields and back."""

from __future__ import annotations

from xnat_import_core.documents.catalogs import Audit, Catalog, CatalogEntry, catalog_name, read_catalog, write_catalog
from xnat_import_core.documents.reading import ParsedScan, ParsedSession, read_session_xml
from xnat_import_core.documents.schema import scan_types, session_types
from xnat_import_core.documents.session_xml import ResourceEntry, SessionFacts, session_xml

__all__ = [
    "Audit",
    "Catalog",
    "CatalogEntry",
    "ParsedScan",
    "ParsedSession",
    "ResourceEntry",
    "SessionFacts",
    "catalog_name",
    "read_catalog",
    "read_session_xml",
    "scan_types",
    "session_types",
    "session_xml",
    "write_catalog",
]
