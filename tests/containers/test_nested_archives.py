from __future__ import annotations

import bz2
import gzip
import io
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnat_import_core.errors import LimitExceededError, UnreadableUploadError
from xnat_import_core.uploads.containers import is_clutter


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
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


def stored(*members):
    return zipped(*members, method=zipfile.ZIP_STORED)


PACKERS = [zipped, stored, tarred, lambda *m: gzip.compress(tarred(*m)), lambda *m: bz2.compress(tarred(*m))]
TREES = st.recursive(
    st.binary(max_size=300).map(lambda data: b"plain" + data),
    lambda inner: st.tuples(st.sampled_from(PACKERS), st.lists(inner, min_size=1, max_size=3)),
    max_leaves=8,
)


def packed(tree):
    """The bytes of a tree, and the names and bytes of its leaves."""
    if isinstance(tree, bytes):
        return tree, [("", tree)]
    packer, children = tree
    built = [(f"m{number}", *packed(child)) for number, child in enumerate(children)]
    leaves = [(f"{name}/{below}".rstrip("/"), data) for name, _, inner in built for below, data in inner]
    return packer(*((name, data) for name, data, _ in built)), leaves


@settings(max_examples=60, deadline=None)
@given(tree=TREES)
def test_any_nesting_gives_its_leaves(opened, tree):
    data, leaves = packed(tree)
    assert opened.all(data, max_depth=9) == leaves


def test_archives_that_are_kept_are_plain_entries(opened):
    inner, image = zipped(("a", b"1")), gzip.compress(b"image")
    data = zipped(("in.zip", inner), ("t.tgz", gzip.compress(tarred(("b", b"2")))), ("i.nii.gz", image))
    assert [name for name, _ in opened.all(data, open_nested=False)] == ["in.zip", "t.tgz", "i.nii.gz"]
    assert opened.all(data, open_nested=False)[2] == ("i.nii.gz", image)
    assert [name for name, _ in opened.all(data)] == ["in.zip/a", "t.tgz/b", "i.nii.gz"]


def test_kinds_that_are_not_opened_are_one_file(opened):
    data = gzip.compress(tarred(("b", b"2")))
    assert opened.all(data, name="x.tgz", kinds=frozenset({"zip"})) == [("x.tgz", data)]
    assert opened.all(zipped(("a", b"")), name="x", kinds=frozenset({"file"}))[0][0] == "x"


def test_depth_is_limited(opened):
    data = zipped(("1.zip", zipped(("2.zip", zipped(("a", b"1"))))))
    assert opened.all(data, max_depth=3) == [("1.zip/2.zip/a", b"1")]
    with pytest.raises(LimitExceededError, match=r"limits\.max_depth allows 2"):
        opened.all(data, max_depth=2)


@pytest.mark.parametrize("packer", [zipped, stored, tarred])
def test_a_damaged_archive_inside_is_an_entry_with_a_problem(opened, packer):
    data = packer(("bad.zip", zipped(("a", b"1" * 500))[:60]), ("good", b"2"))
    (bad, good) = opened.problems(data)
    assert bad[0] == "bad.zip"
    assert "no end record" in bad[1]
    assert good == ("good", None)


def test_a_cut_tar_inside_gives_what_it_has_and_an_entry_for_the_rest(opened):
    data = zipped(("t.tar", tarred(("a", b"1"), ("b", b"2"))[:1100]), ("good", b"2"))
    found = opened.problems(data)
    assert [name for name, _ in found] == ["t.tar/a", "t.tar", "good"]
    assert "cut short" in found[1][1]


def test_spooled_archives_can_be_read_after_all_entries_are_known(opened):
    data = tarred(*((f"{n}.zip", zipped(("a", b"%d" % n))) for n in range(1500)))
    with opened(data) as upload:
        entries = list(upload.entries())
        assert [entry.open().read() for entry in entries] == [b"%d" % n for n in range(1500)]
        assert len(list(upload.spool.iterdir())) == 1500


def test_clutter_is_listed_but_never_opened(opened):
    data = zipped(("__MACOSX/x.zip", zipped(("a", b"1"))))
    assert [name for name, _ in opened.all(data)] == ["__MACOSX/x.zip"]


@pytest.mark.parametrize(
    "name", ["__MACOSX/a", "b/__MACOSX/._a", "a/._b", ".DS_Store", "a/Thumbs.db", "a\\desktop.ini", "a/THUMBS.DB"]
)
def test_what_operating_systems_leave_is_clutter(name):
    assert is_clutter(name)


@pytest.mark.parametrize("name", ["a.dcm", "", "a/b._c", "my__MACOSX/a", "DICOMDIR", "Thumbs.db/a"])
def test_what_people_send_is_no_clutter(name):
    assert not is_clutter(name)


def test_folders_are_read_sorted_and_links_never_followed(opened, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2").write_bytes(b"two")
    (tmp_path / "b" / "1.zip").write_bytes(zipped(("in", b"one")))
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    (tmp_path / "d").symlink_to(tmp_path)
    assert opened.problems(tmp_path) == [
        ("a", None),
        ("b/1.zip/in", None),
        ("b/2", None),
        ("c", "is a link"),
        ("d", "is a link"),
    ]
    assert [name for name, _ in opened.problems(tmp_path, open_nested=False)][1] == "b/1.zip"
    with pytest.raises(UnreadableUploadError, match="Pack it"):
        opened.all(tmp_path, kinds=frozenset({"zip"}))


def test_several_sources_are_one_row_of_entries(opened):
    with opened(zipped(("a", b"1"), ("b", b"2")), b"lone", name="n") as upload:
        assert [(e.index, e.name) for e in upload.entries()] == [(0, "a"), (1, "b"), (2, "n")]


def test_an_empty_file_is_refused(opened):
    with pytest.raises(UnreadableUploadError, match=r"The upload is empty\."):
        opened.all(b"")


def test_a_fifo_or_a_missing_file_is_refused(opened, tmp_path):
    import os  # noqa: PLC0415 - the one test that needs it

    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UnreadableUploadError, match="no regular file"):
        opened.all(tmp_path / "fifo", name="x")
    with pytest.raises(UnreadableUploadError, match="cannot be opened"):
        opened.all(tmp_path / "missing", name="x")
    assert opened.problems(tmp_path) == [("fifo", "is a device")]


def test_a_file_that_changes_while_it_is_known_is_refused(opened, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"first")
    with opened(path) as upload:
        (entry,) = upload.entries()
        path.write_bytes(b"another")
        with pytest.raises(UnreadableUploadError, match="was changed"):
            entry.open().read()
