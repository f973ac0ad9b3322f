from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

MEMBERS = st.lists(
    st.tuples(
        st.text(st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=("Cc", "Cs")), min_size=1),
        st.binary(max_size=3000),
        st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    ),
    max_size=8,
    unique_by=lambda member: member[0],
)


class Unseekable(io.RawIOBase):
    """Makes ``zipfile`` write data descriptors."""

    def __init__(self, target):
        self._target = target

    def writable(self):
        return True

    def write(self, data):
        return self._target.write(data)


def zipped(members, *, streamed=False, comment=b""):
    target = io.BytesIO()
    with zipfile.ZipFile(Unseekable(target) if streamed else target, "w") as archive:
        for name, data, method in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
        archive.comment = comment
    return target.getvalue()


def by_stdlib(data):
    with zipfile.ZipFile(data if not isinstance(data, bytes) else io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist() if not info.is_dir()]


def test_real_archives_give_what_the_stdlib_reads(archives, opened):
    paths = sorted([*archives.glob("*.zip"), *archives.glob("*.xar")])
    assert len(paths) > 10
    for path in paths:
        assert opened.all(path, open_nested=False) == by_stdlib(path)


@settings(max_examples=40, deadline=None)
@given(members=MEMBERS, streamed=st.booleans(), comment=st.binary(max_size=40).filter(lambda c: b"PK" not in c))
def test_any_archive_gives_what_the_stdlib_reads(opened, members, streamed, comment):
    data = zipped(members, streamed=streamed, comment=comment)
    assert opened.all(data, open_nested=False) == by_stdlib(data)


def test_members_with_zip64_fields_are_read(opened):
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a", "w", force_zip64=True) as file,
    ):
        file.write(b"wide" * 100)
    assert opened.all(target.getvalue()) == [("a", b"wide" * 100)]


def test_more_members_than_sixteen_bits_count(opened, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    data = zipped([(f"m{n}", b"x", 0) for n in range(5)])
    assert b"PK\x06\x06" in data
    assert len(opened.all(data)) == 5


@pytest.mark.parametrize("open_nested", [True, False])
def test_an_archive_behind_other_data_is_read(opened, open_nested):
    data = b"#!/bin/sh\nexit 0\n" + zipped([("a", b"data", 0)])
    assert opened.all(data, open_nested=open_nested) == [("a", b"data")]


def test_a_dicom_file_with_an_archive_behind_it_stays_a_file(opened):
    data = bytes(128) + b"DICM" + zipped([("a", b"data", 0)])
    assert opened.all(data, name="x.dcm") == [("x.dcm", data)]


def test_an_empty_archive_has_no_entries(opened):
    assert opened.all(zipped([])) == []


def test_folders_yield_no_entry(opened):
    assert opened.all(zipped([("a/", b"", 0), ("a/b", b"1", 0)])) == [("a/b", b"1")]


def test_names_without_utf8_flag_are_read_as_utf8_else_as_cp437(opened):
    data = zipped([("aaaa", b"1", 0), ("bbbb", b"2", 0)])
    data = data.replace(b"aaaa", "\u00fc\u00f6".encode()).replace(b"bbbb", b"b\x81\x94b")
    assert [name for name, _ in opened.all(data)] == ["\u00fc\u00f6", "b\u00fc\u00f6b"]


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (b"a\0b.dcm", "a\ufffdb.dcm"),
        (b"a\nb.dcm", "a\ufffdb.dcm"),
        (b"../b.dc", "../b.dc"),
        (b"/etc/pa", "/etc/pa"),
        (b"C:\\wind", "C:\\wind"),
        (b"\\\\srv\\x", "\\\\srv\\x"),
    ],
)
def test_hostile_names_are_text_and_their_members_readable(opened, stored, shown):
    assert len(stored) == 7
    data = zipped([("1234567", b"data", 0)]).replace(b"1234567", stored)
    with opened(data) as upload:
        (entry,) = upload.entries()
        assert (entry.name, entry.open().read()) == (shown, b"data")
        assert not upload.spool.exists()


def test_members_are_read_from_four_threads_at_once(opened):
    members = [(f"m{n}", os.urandom(50_000) * (n % 4), 8 * (n % 2)) for n in range(40)]
    with opened(zipped(members)) as upload:
        entries = list(upload.entries())
        assert not any(entry.sequential for entry in entries)
        with ThreadPoolExecutor(4) as pool:
            read = list(pool.map(lambda entry: entry.open().read(), [*entries, *reversed(entries)]))
    wanted = [data for _, data, _ in members]
    assert read == wanted + wanted[::-1]


def test_a_stream_gives_what_is_asked_for_and_then_nothing(opened):
    data = os.urandom(700_000)
    with opened(zipped([("a", data, 8)])) as upload:
        (entry,) = upload.entries()
        with entry.open() as stream:
            assert (stream.read(3), stream.read(400_000), stream.read(), stream.read(9)) == (
                data[:3],
                data[3:400_003],
                data[400_003:],
                b"",
            )
        with pytest.raises(ValueError, match="closed"):
            stream.read(1)


def test_memory_does_not_grow_with_the_number_of_members(opened, tmp_path):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100_000):
            archive.writestr(zipfile.ZipInfo(f"study/series/IM{number:06}.dcm"), b"")
    with opened(path, open_nested=False) as upload:
        tracemalloc.start()
        try:
            assert sum(1 for _ in upload.entries()) == 100_000
            assert tracemalloc.get_traced_memory()[1] < 20 * 1024 * 1024
        finally:
            tracemalloc.stop()
