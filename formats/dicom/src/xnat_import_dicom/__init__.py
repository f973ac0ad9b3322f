"""What the DICOM handlers share: reading headers, identification, session documents.

``extract_members``, ``propose`` and ``describe_session`` are the bodies of a handler's ``extract``,
``map_destination`` and ``describe``. Names are loaded when they are first asked for (PEP 562), so that a handler's
module costs nothing until it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xnat_import_dicom.describing import describe_session
    from xnat_import_dicom.detecting import has_dicom
    from xnat_import_dicom.extracting import extract_members
    from xnat_import_dicom.identification import propose

__all__ = ["describe_session", "extract_members", "has_dicom", "propose"]

_MODULES = {
    "describe_session": "describing",
    "extract_members": "extracting",
    "has_dicom": "detecting",
    "propose": "identification",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
