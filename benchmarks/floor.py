"""F, the floor: what the machine itself needs to unpack an archive, and no more.

One process reads each member, inflates it with the fastest library that is installed, checks its CRC, and writes it in
one write; one ``syncfs`` at the end. No header is read, nothing is sorted, digested or recorded.

Run: python -m benchmarks.floor ARCHIVE TARGET
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import struct
import sys
import time
import zipfile
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from attrs import frozen

from benchmarks.processes import own_peak

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Inflater", "fastest"]

_LOCAL_HEADER: Final = struct.Struct("<26xHH")
_USUAL_EXTRA = 64
_TAR_BLOCK = 512
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@frozen
class Inflater:
    """A library that inflates: raw deflate of a known size in one shot, and the CRC of a member."""

    name: str
    inflate: Callable[[bytes | memoryview, int], bytes]
    crc32: Callable[[bytes | memoryview], int]


def fastest() -> Inflater:
    """Of those that are installed, by a trial on one image."""
    noise = random.Random(1)  # noqa: S311 - any image will do
    image = bytes(value >> 3 for value in noise.randbytes(1 << 18))
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(image) + packer.flush()
    return min(_installed(), key=lambda inflater: _seconds(inflater, packed, image))


def _installed() -> list[Inflater]:
    found = [Inflater("zlib", lambda data, _size: zlib.decompress(data, -15), zlib.crc32)]
    if find_spec("isal"):
        from isal import isal_zlib  # noqa: PLC0415 - an optional library

        found.append(Inflater("isal", lambda data, size: isal_zlib.decompress(data, -15, size), isal_zlib.crc32))
    if find_spec("deflate"):
        import deflate  # type: ignore[import-not-found]  # noqa: PLC0415 - an optional library

        found.append(Inflater("libdeflate", deflate.deflate_decompress, deflate.crc32))
    return found


def _seconds(inflater: Inflater, packed: bytes, image: bytes) -> float:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        inflater.crc32(inflater.inflate(packed, len(image)))
        times.append(time.perf_counter() - began)
    return min(times)


def unpack_zip(archive: Path, target: Path, inflater: Inflater) -> int:
    """Every member into its folder below the target."""
    with zipfile.ZipFile(archive) as listed:
        members = listed.infolist()
    _make_folders(target, {member.filename.rpartition("/")[0] for member in members})
    source = os.open(archive, os.O_RDONLY | os.O_CLOEXEC)
    for member in members:
        room = _LOCAL_HEADER.size + len(member.filename) + _USUAL_EXTRA
        data = os.pread(source, room + member.compress_size, member.header_offset)
        start = _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack_from(data))
        packed = memoryview(data)[start : start + member.compress_size]
        content = packed if member.compress_type == zipfile.ZIP_STORED else inflater.inflate(packed, member.file_size)
        if inflater.crc32(content) != member.CRC:
            message = f"{member.filename}: wrong CRC"
            raise SystemExit(message)
        _write(target / member.filename, content)
    os.close(source)
    return len(members)


def unpack_tar_gz(archive: Path, target: Path) -> int:
    """The same of a stream, which one process inflates from its start to its end."""
    from isal import igzip  # noqa: PLC0415 - an optional library

    files, folders = 0, set[str]()
    with igzip.open(archive) as opened:  # type: ignore[no-untyped-call]  # isal says little of its types
        stream = cast("BinaryIO", opened)
        while (name := (header := stream.read(_TAR_BLOCK))[:100].rstrip(b"\0").decode()) != "":
            size = int(header[124:135], 8)
            if (folder := name.rpartition("/")[0]) not in folders:
                folders.add(folder)
                _make_folders(target, {folder})
            _write(target / name, stream.read(size))
            stream.read(-size % _TAR_BLOCK)
            files += 1
    return files


def _make_folders(target: Path, names: set[str]) -> None:
    for name in names:
        (target / name).mkdir(parents=True, exist_ok=True)


def _write(path: Path, content: bytes | memoryview) -> None:
    descriptor = os.open(path, _FLAGS, 0o644)
    os.write(descriptor, content)
    os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
        raise OSError(ctypes.get_errno(), "syncfs")
    os.close(descriptor)


def main(archive: Path, target: Path) -> None:
    """Unpack and tell how long it took."""
    inflater = fastest()
    began = time.perf_counter()
    is_zip = archive.suffix == ".zip"
    files = unpack_zip(archive, target, inflater) if is_zip else unpack_tar_gz(archive, target)
    _sync(target)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "files": files, "peak": own_peak()}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
