"""Stored files as answers."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING

from starlette.responses import FileResponse

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["file_answer"]

_DICOM_FOLDERS = {"DICOM", "secondary"}


def file_answer(path: Path, resource: str) -> FileResponse:
    """The bytes of a file of a resource; ranges and conditional requests work."""
    headers = {"Cache-Control": "private, must-revalidate"}
    return FileResponse(path, 200, headers, _media_type(path.name, resource), filename=path.name)


def _media_type(name: str, resource: str) -> str:
    """By its suffix; what has none in a DICOM folder is DICOM."""
    if name.lower().endswith((".dcm", ".ima")):
        return "application/dicom"
    guessed = mimetypes.guess_type(name)[0]
    return guessed or ("application/dicom" if resource in _DICOM_FOLDERS else "application/octet-stream")
