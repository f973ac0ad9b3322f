"""Which handler an upload goes to when the caller names one, and when not (import chapter 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xnat_import_core.parameters import ImportRequest
    from xnat_import_core.settings import Preferences

__all__ = ["choose_handler_key"]

_SINGLE_OBJECT = frozenset({"application/dicom", "application/x-mirc", "application/x-mirc-dicom"})


def choose_handler_key(request: ImportRequest, media_type: str, preferences: Preferences) -> tuple[str, str]:
    """The key of the handler, and why it was chosen (for the receipt). Whether it is installed is not asked here.

    Args:
        request: The typed parameters.
        media_type: Of the request's body, as sent; case and parameters do not count. Empty if there is none.
        preferences: The site's preferences.
    """
    if request.handler_key:
        return request.handler_key, "named by import-handler"
    kind = media_type.partition(";")[0].strip().lower()
    if kind in _SINGLE_OBJECT:
        return "gradual-DICOM", f"media type {kind}"
    preferred = preferences.compressed_uploader_importer
    key = "DICOM-zip" if preferred == "DICOM-zip" else "SI"
    return key, f"site preference uiDefaultCompressedUploaderImporter is {preferred!r}"
