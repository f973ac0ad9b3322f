"""Whether an upload looks like DICOM, for the ``detect`` of handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from xnat_import_core import Upload

__all__ = ["has_dicom"]

_HEAD: Final = 132
_MARK: Final = b"DICM"
_MEMBERS: Final = 16


def has_dicom(upload: Upload) -> bool:
    """Whether one of the upload's first members begins as a DICOM file does (PS3.10, 7.1)."""
    return any(upload.read(member.index, _HEAD)[-len(_MARK) :] == _MARK for member in upload.members[:_MEMBERS])
