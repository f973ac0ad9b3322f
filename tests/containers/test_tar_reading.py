from __future__ import annotations

import bz2
import gzip
import io
import tarfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnat_import_core.errors import UnreadableUploadError

NAMES = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_characters="/", exclude_categories=("Cc", "Cs")), min_size=1, max_size=90
    ),
    min_size=1,
    max_size=4,
).map("/".join)


def tarred(members, form=tarfile.PAX_FORMAT):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def by_stdlib(data):
    with tarfile.open(data) if not isinstance(data, bytes) else tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(info.name, archive.extractfile(info).read()) for info in archive if info.isreg()]


def test_real_archives_give_what_the_stdlib_reads(archives, opened):
    paths = sorted(path for path in archives.iterdir() if path.name.endswith((".tar", ".tar.gz", ".tgz")))
    assert len(paths) > 4
    for path in paths:
        assert opened.all(path, open_nested=False) == by_stdlib(path)


@settings(max_examples=40, deadline=None)
@given(
    members=st.lists(st.tuples(NAMES, st.binary(max_size=2000)), min_size=1, max_size=6),
    form=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    packed=st.sampled_from([bytes, gzip.compress, bz2.compress]),
)
def test_any_archive_gives_what_the_stdlib_reads(opened, members, form, packed):
    plain = tarred(members, form)
    assert opened.all(packed(plain), open_nested=False) == by_stdlib(plain)


def test_ustar_names_with_prefix(opened):
    name = "a" * 80 + "/" + "b" * 80
    assert opened.all(tarred([(name, b"1")], tarfile.USTAR_FORMAT)) == [(name, b"1")]


def test_an_archive_of_the_seventh_edition(opened):
    data = bytearray(tarred([("old.dcm", b"data")], tarfile.USTAR_FORMAT))
    data[257:512] = bytes(255)
    data[148:156] = b" " * 8
    data[148:156] = f"{sum(data[:512]):06o}\0 ".encode()
    assert opened.all(bytes(data)) == [("old.dcm", b"data")]


def test_members_not_read_are_skipped_and_entries_are_sequential(opened):
    data = gzip.compress(tarred([("a", b"1" * 3000), ("b", b"2"), ("c", b"3" * 600)]))
    with opened(data) as upload:
        read = [(e.sequential, e.open().read()) for e in upload.entries() if e.name != "a"]
    assert read == [(True, b"2"), (True, b"3" * 600)]


def test_a_member_read_out_of_turn_is_an_error_and_never_empty(opened):
    with opened(tarred([("a", b"1" * 3000), ("b", b"2")])) as upload:
        first, _ = upload.entries()
        with pytest.raises(UnreadableUploadError, match="in its turn"):
            first.open().read()


def test_a_path_in_an_extended_header_is_only_a_name(opened):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("plain")
        info.pax_headers = {"path": "../../etc/passwd"}
        archive.addfile(info)
    with opened(target.getvalue()) as upload:
        assert [entry.name for entry in upload.entries()] == ["../../etc/passwd"]
        assert not upload.spool.exists()


@pytest.mark.parametrize("data", [bytes(10240), b"\0" * 512 + b"x", b"a" * 2048, bytes(range(256)) * 8, b"ustar" * 300])
def test_zeros_and_other_files_are_no_archive(opened, data):
    assert opened.all(data, name="x") == [("x", data)]


def test_compressed_parts_in_a_row_and_zeros_behind_are_one_archive(opened):
    plain = tarred([("a", b"1" * 5000)])
    data = gzip.compress(plain[:700]) + gzip.compress(b"") + gzip.compress(plain[700:]) + bytes(600)
    assert opened.all(data) == [("a", b"1" * 5000)]
    assert opened.all(bz2.compress(plain[:700]) + bz2.compress(plain[700:])) == [("a", b"1" * 5000)]


@pytest.mark.parametrize(("packed", "suffix"), [(gzip.compress, ".gz"), (bz2.compress, ".BZ2")])
def test_a_lone_compressed_file_is_its_inflated_file(opened, packed, suffix):
    content = zlib.compress(b"pixels" * 1000) * 2000
    with opened(packed(content), name="im.dcm" + suffix) as upload:
        (entry,) = upload.entries()
        assert (entry.name, entry.inner_name, entry.size) == ("im.dcm" + suffix, "im.dcm", None)
        assert entry.open().read() == content
