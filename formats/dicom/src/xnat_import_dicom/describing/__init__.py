"""What the session document says of a study: type, fields, scans, catalogs (session XML chapter, sections 2 to 6)."""

from __future__ import annotations

from xnat_import_dicom.describing.sessions import describe_session

__all__ = ["describe_session"]
