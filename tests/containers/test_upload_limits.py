from __future__ import annotations

import bz2
import gzip
import io
import struct
import tarfile
import zipfile

import pytest

from xnat_import_core.errors import LimitExceededError, UnreadableUploadError

MIB = 1024 * 1024


def zipped(*members):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return target.getvalue()


def tarred(*members):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def refused(opened, data, setting, **limits):
    value = limits[setting]
    with pytest.raises(LimitExceededError, match=rf"setting limits\.{setting} allows {value}") as caught:
        opened.all(data, **limits)
    assert caught.value.status == 413


ZEROS = bytes(2 * MIB)


@pytest.mark.parametrize(
    "data",
    [
        zipped(("a", ZEROS)),
        gzip.compress(ZEROS),
        bz2.compress(ZEROS),
        gzip.compress(tarred(("a", ZEROS))),
        zipped(("a.gz", gzip.compress(ZEROS))),
        zipped(("a.zip", zipped(("a", ZEROS)))),
    ],
)
def test_bombs_are_refused_by_ratio_and_sizes(opened, data):
    refused(opened, data, "max_ratio", max_ratio=50, ratio_free_bytes=MIB)
    refused(opened, data, "max_member_bytes", max_member_bytes=MIB)
    refused(opened, data, "max_total_bytes", max_total_bytes=MIB)
    assert len(opened.all(data)[0][1]) == len(ZEROS)


def test_stated_sizes_are_refused_before_anything_is_read(opened):
    with opened(zipped(("a", ZEROS)), max_total_bytes=MIB) as upload, pytest.raises(LimitExceededError):
        next(iter(upload.entries()))


def test_a_bomb_that_lies_about_its_size_stops_there(opened):
    data = bytearray(zipped(("a", ZEROS)))
    struct.pack_into("<L", data, 22, 100)
    struct.pack_into("<L", data, data.rindex(b"PK\x01\x02") + 24, 100)
    with pytest.raises(UnreadableUploadError, match="longer than"):
        opened.all(bytes(data))


def test_many_members_add_up(opened):
    data = tarred(*((f"m{n}", bytes(1000)) for n in range(10)))
    refused(opened, data, "max_total_bytes", max_total_bytes=9_999)
    refused(opened, data, "max_members", max_members=9)
    refused(opened, zipped(*((f"m{n}", b"") for n in range(10))), "max_members", max_members=9)
    assert len(opened.all(data, max_total_bytes=10_000, max_members=10)) == 10


def test_members_of_nested_archives_count(opened):
    data = zipped(*((f"{n}.zip", zipped(("a", b"1"), ("b", b"2"))) for n in range(3)))
    refused(opened, data, "max_members", max_members=5)


def test_a_member_that_is_read_twice_counts_once(opened):
    with opened(zipped(("a", b"x" * 1000)), max_total_bytes=1000) as upload:
        (entry,) = upload.entries()
        assert [len(entry.open().read()) for _ in range(3)] == [1000] * 3


@pytest.mark.parametrize("packer", [zipped, tarred])
def test_names_are_limited(opened, packer):
    refused(opened, packer(("n" * 300, b"")), "max_name_bytes", max_name_bytes=299)
    assert opened.all(packer(("n" * 300, b"")), max_name_bytes=300) == [("n" * 300, b"")]
