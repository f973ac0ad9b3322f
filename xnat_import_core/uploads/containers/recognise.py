"""What a file is, by its first bytes; names and media types are not asked."""

from __future__ import annotations

from enum import Enum, auto

from xnat_import_core.uploads.containers.tar_headers import is_tar_header

__all__ = ["HEAD", "Form", "form_of"]

HEAD = 512
"""So many first bytes tell the form."""

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04")
_BZIP2_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
_RESERVED_GZIP_FLAGS = 0xE0


class Form(Enum):
    """Outer form of a file."""

    ZIP = auto()
    TAR = auto()
    GZIP = auto()
    BZIP2 = auto()
    OTHER = auto()


def form_of(head: bytes) -> Form:
    """The form that the first ``HEAD`` bytes show."""
    if head.startswith(_ZIP):
        return Form.ZIP
    if head.startswith(b"\x1f\x8b\x08") and len(head) > 3 and not head[3] & _RESERVED_GZIP_FLAGS:  # noqa: PLR2004 - RFC 1952: flags are byte 3
        return Form.GZIP
    if head.startswith(b"BZh") and head[3:4] in b"123456789" and head[4:10] in _BZIP2_BLOCKS:
        return Form.BZIP2
    return Form.TAR if is_tar_header(head) else Form.OTHER
