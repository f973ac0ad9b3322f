"""The containers of an upload: zip, tar, gzip, bzip2, folders and lone files, seen as one row of entries."""

from __future__ import annotations

from xnat_import_core.uploads.containers.counting import expected_members
from xnat_import_core.uploads.containers.entries import Entry, Source
from xnat_import_core.uploads.containers.names import is_clutter
from xnat_import_core.uploads.containers.opening import OpenUpload

__all__ = ["Entry", "OpenUpload", "Source", "expected_members", "is_clutter"]
