"""Reading headers: the few elements that an import needs, before the pixels, from any DICOM file."""

from __future__ import annotations

from xnat_import_dicom.reading.model import Header, HeaderError, Wanted
from xnat_import_dicom.reading.reader import HeaderReader, read_header

__all__ = ["Header", "HeaderError", "HeaderReader", "Wanted", "read_header"]
