"""The header of a NIfTI image: dimensions and voxel size, from its first 540 bytes, whether gzipped or not."""

from __future__ import annotations

import struct
import zlib

from attrs import frozen

__all__ = ["HEAD_BYTES", "NiftiHeader", "read_header"]

HEAD_BYTES = 4096
"""So much of a member is enough: a header has 348 or 540 bytes, and gzip never makes them this large."""

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
_HEADER_BYTES = 540
_MAX_DIMENSIONS = 7


@frozen
class NiftiHeader:
    """Number of voxels and size of a voxel (mm) along each axis, and number of volumes."""

    shape: tuple[int, int, int]
    voxel_size: tuple[float, float, float]
    frames: int


@frozen
class _Layout:
    """Where a version of NIfTI keeps things (nifti1.h, nifti2.h)."""

    size: int
    magic_at: int
    magic: bytes
    dim_at: int
    dim_format: str
    pixdim_at: int
    pixdim_format: str


_LAYOUTS = (
    _Layout(348, 344, b"n+1\0", 40, "8h", 76, "8f"),
    _Layout(540, 4, b"n+2\0\r\n\x1a\n", 16, "8q", 104, "8d"),
)


def read_header(head: bytes) -> NiftiHeader | None:
    """Read the header from an image's first bytes; ``None`` where this is no single-file NIfTI image."""
    data = _inflated(head)
    for layout in _LAYOUTS:
        for order in "<>":
            if len(data) >= layout.size and struct.unpack_from(f"{order}i", data)[0] == layout.size:
                return _read(data, layout, order)
    return None


def _inflated(head: bytes) -> bytes:
    if not head.startswith(_GZIP):
        return head
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(head, _HEADER_BYTES)
    except zlib.error:
        return b""


def _read(data: bytes, layout: _Layout, order: str) -> NiftiHeader | None:
    magic = data[layout.magic_at : layout.magic_at + len(layout.magic)]
    count, *dims = struct.unpack_from(order + layout.dim_format, data, layout.dim_at)
    _, *sizes = struct.unpack_from(order + layout.pixdim_format, data, layout.pixdim_at)
    if magic != layout.magic or not 1 <= count <= _MAX_DIMENSIONS or any(size < 1 for size in dims[:count]):
        return None
    x, y, z, frames, *_ = (*dims[:count], 1, 1, 1)
    return NiftiHeader((x, y, z), (sizes[0], sizes[1], sizes[2]), frames if count > 3 else 1)  # noqa: PLR2004 - 4th axis
