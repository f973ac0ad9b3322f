from __future__ import annotations

import bz2
import gzip
import io
import tarfile

import pytest

from xnat_import_core.errors import LimitExceededError, UnreadableUploadError


def header(name="a", *, size=b"00000000000", kind=b"0", magic=b"ustar\x0000", more=b""):
    block = bytearray(512)
    block[: len(name)] = name.encode()
    block[100:108] = b"0000644\0"
    block[124 : 124 + len(size)] = size
    block[156:157] = kind
    block[257 : 257 + len(magic)] = magic
    block[345 : 345 + len(more)] = more
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


def octal(size):
    return f"{size:011o}".encode()


def padded(data):
    return data + bytes(-len(data) % 512)


END = bytes(1024)
GOOD = header(size=octal(4)) + padded(b"data")


def damaged(opened, data, words):
    with pytest.raises(UnreadableUploadError, match=words) as caught:
        opened.all(data)
    return caught.value


@pytest.mark.parametrize(
    ("kind", "problem"),
    [(b"1", "is a link"), (b"2", "is a link"), (b"3", "is a device"), (b"4", "is a device"), (b"6", "is a device")],
)
def test_links_and_devices_cannot_be_read(opened, kind, problem):
    data = header("bad", kind=kind) + GOOD + END
    assert opened.problems(data) == [("bad", problem), ("a", None)]


def test_gnu_sparse_files_cannot_be_read(opened):
    more = bytearray(167)
    more[137] = 1
    map_block = bytes(512)
    data = header("bad", size=octal(4), kind=b"S", magic=b"ustar  \0", more=bytes(more)) + map_block + padded(b"hole")
    ((_, bad), (_, good)) = opened.problems(data + GOOD + END)
    assert "sparse" in bad
    assert good is None


def test_pax_sparse_files_of_a_tebibyte_cannot_be_read(opened):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("bad")
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.realsize": str(2**40), "GNU.sparse.name": "big"}
        archive.addfile(info)
    ((name, problem),) = opened.problems(target.getvalue())
    assert name == "big"
    assert "sparse" in problem


def test_an_unknown_type_is_named(opened):
    ((_, problem),) = opened.problems(header(kind=b"Z", size=octal(4)) + padded(b"data") + END)
    assert "unknown type 'Z'" in problem


@pytest.mark.parametrize("size", [b"\xff" * 12, b"-0000000001"])
def test_negative_sizes(opened, size):
    damaged(opened, GOOD + header(size=size) + END, "negative size")


def test_a_negative_size_in_an_extended_header(opened):
    record = b"11 size=-5\n"
    damaged(opened, header(kind=b"x", size=octal(11)) + padded(record) + GOOD + END, "negative size")


def test_a_size_that_is_no_number(opened):
    damaged(opened, GOOD + header(size=b"abc") + END, "without a size")


@pytest.mark.parametrize("kind", [b"x", b"g", b"L"])
def test_extended_headers_of_a_gibibyte(opened, kind):
    damaged(opened, header(kind=kind, size=octal(2**30)) + padded(b"12 path=abcd\n"), "more than 1 MiB")


@pytest.mark.parametrize("record", [b"99 path=a\n", b"x path=a\n", b"0 path=a\n", b"9 path=ab", b"7 patha\n"])
def test_broken_extended_headers(opened, record):
    data = header(kind=b"x", size=octal(len(record))) + padded(record) + GOOD + END
    damaged(opened, data, "broken extended header")


def test_a_broken_header_behind_a_good_member(opened):
    damaged(opened, GOOD + b"x" * 512 + END, "broken header")


@pytest.mark.parametrize("kept", [512, 514, 1000, 1024])
def test_an_archive_that_is_cut_short(opened, kept):
    error = damaged(opened, (GOOD + END)[:kept], "cut short")
    assert error.members == (("a",) if kept < 516 else ())


def test_an_archive_that_is_cut_short_behind_a_member_nobody_reads(opened):
    with opened(GOOD) as upload, pytest.raises(UnreadableUploadError, match="The tar archive is cut short"):
        list(upload.entries())


def test_two_archives_one_behind_the_other(opened):
    damaged(opened, GOOD + END + GOOD + END, "another archive behind its end")


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress])
def test_compressed_archives_that_are_cut_or_changed(opened, packed):
    data = packed(GOOD + END)
    damaged(opened, data[:-3], "cut short")
    damaged(opened, data + b"JUNK", "other bytes behind")


def test_a_wrong_gzip_checksum(opened):
    data = bytearray(gzip.compress(GOOD + END))
    data[-6] ^= 1
    damaged(opened, bytes(data), "damaged compressed data|cut short")


def test_a_hundred_thousand_empty_gzip_members(opened):
    damaged(opened, gzip.compress(b"") * 100_000, "empty compressed parts in a row")


def test_headers_without_members_are_limited(opened):
    record = header(kind=b"x", size=octal(9)) + padded(b"9 path=a\n")
    with pytest.raises(LimitExceededError, match="max_members"):
        opened.all(gzip.compress(record * 50), max_members=10)


def test_random_changes_of_one_byte_never_leak_another_error(opened):
    good = GOOD + header("b", kind=b"x", size=octal(9)) + padded(b"9 path=c\n") + GOOD + END
    for packed in (bytes, gzip.compress):
        whole = packed(good)
        for at in range(0, len(whole), 3 if packed is bytes else 1):
            data = bytearray(whole)
            data[at] ^= 0x9F
            try:
                opened.all(bytes(data))
            except (UnreadableUploadError, LimitExceededError) as error:
                assert error.message  # noqa: PT017 - either outcome is right; another error is not


def test_bytes_that_only_look_like_a_binary_checksum_are_no_tar(opened):
    block = bytearray(512)
    block[148:156] = b"\x80\x7f\x1b\xc8\xa51VU"
    with opened(bytes(block), name="odd.bin") as upload:
        assert [(entry.name, entry.problem) for entry in upload.entries()] == [("odd.bin", None)]
