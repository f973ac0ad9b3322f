"""A multipart body as it comes: the same whatever the pieces."""

from __future__ import annotations

import itertools

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from xnat_import_server.multipart import MultipartReader, boundary_of

from xnat_import_core.errors import ClientError, InvalidRequestError, LimitExceededError, UnreadableUploadError

FILE = bytes(range(256)) * 8 + b"\r\n--edge-not\r\n"


@define
class Kept:
    form: list[tuple[str, str]] = field(factory=list)
    files: list[tuple[str, str]] = field(factory=list)
    data: bytearray = field(factory=bytearray)
    ended: int = 0
    fields_at_file: int = -1

    def fields(self, form):
        self.form += form

    def begin_file(self, name, content_type):
        self.files.append((name, content_type))
        self.fields_at_file = len(self.form)

    def file_data(self, data):
        self.data += data

    def end_file(self):
        self.ended += 1


def part(disposition, value, *headers):
    head = "".join(f"{line}\r\n" for line in (f"Content-Disposition: form-data; {disposition}", *headers))
    return b"--edge\r\n" + head.encode() + b"\r\n" + value + b"\r\n"


def body(*parts):
    return b"".join(parts) + b"--edge--\r\n"


def read(sent, cuts=()):
    kept = Kept()
    reader = MultipartReader(b"edge", kept)
    edges = sorted({0, len(sent), *(cut % len(sent) for cut in cuts)})
    for start, end in itertools.pairwise(edges):
        reader.feed(sent[start:end])
    reader.end()
    return kept


WHOLE = body(
    part('name="project"', b"KNEE"),
    part('name="anything"; filename="C:\\\\scans\\\\a b.zip"', FILE, "Content-Type: Application/ZIP; x=y"),
    part('name="subject"', "Zoë".encode()),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=10_000), max_size=30))
def test_any_pieces_give_the_same_fields_and_file(cuts):
    kept = read(WHOLE, cuts)
    assert kept.form == [("project", "KNEE"), ("subject", "Zoë")]
    assert kept.files == [("a b.zip", "application/zip")]
    assert bytes(kept.data) == FILE
    assert kept.ended == 1
    assert kept.fields_at_file == 1


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('name="x"; filename="study.zip"', "study.zip"),
        ('name=""; filename="/home/anna/study.zip"', "study.zip"),
        ('filename="study.zip"', "study.zip"),
        ('name="x"; filename="Zoë.zip"', "Zoë.zip"),
        ("name=\"x\"; filename*=UTF-8''Zo%C3%AB.zip", "Zoë.zip"),
    ],
)
def test_the_file_name_is_the_last_part_of_what_was_sent(disposition, name):
    assert read(body(part(disposition, b"x"))).files == [(name, "")]


def test_a_second_file_is_refused_in_xnats_words():
    sent = body(part('name="a"; filename="a.zip"', b"a"), part('name="b"; filename="b.zip"', b"b"))
    with pytest.raises(InvalidRequestError, match=r"^Importer is limited to one uploaded resource at a time\.$"):
        read(sent)


def test_a_file_without_a_name_is_refused_but_an_empty_file_field_of_a_browser_is_no_file():
    with pytest.raises(InvalidRequestError, match="no file name"):
        read(body(part('name="a"; filename=""', b"bytes")))
    assert read(body(part('name="a"; filename=""', b""), part('name="b"', b"c"))).form == [("b", "c")]


def test_a_field_named_reference_is_refused():
    with pytest.raises(InvalidRequestError, match="may not be used to upload files via reference"):
        read(body(part('name="reference"', b"/etc/passwd")))


def test_a_body_that_is_cut_short_is_refused_at_every_length():
    for length in range(1, len(WHOLE) - 4, 97):
        with pytest.raises(UnreadableUploadError):
            read(WHOLE[:length])


def test_an_empty_form_is_a_form():
    assert read(b"--edge--\r\n").files == []


@pytest.mark.parametrize(
    "sent",
    [
        b"no multipart at all, but long enough to be looked at",
        body(part('name="a"', b"b", "X-Long: " + "x" * 1024 * 1024)),
        body(part('name="a"', b"b", *(f"X-{i}: y" for i in range(100)))),
    ],
    ids=["no boundary", "a header of 1 MiB", "100 headers"],
)
def test_what_is_no_multipart_body_is_refused(sent):
    with pytest.raises(UnreadableUploadError, match="no multipart body"):
        read(sent)


def test_floods_are_refused():
    with pytest.raises(LimitExceededError, match="parts"):
        read(body(*(part('name="a"', b"") for _ in range(10_000))))
    with pytest.raises(LimitExceededError, match="bytes"):
        read(body(part('name="a"', b"x" * (1024 * 1024 + 1))))


def test_a_media_type_must_name_its_boundary():
    assert boundary_of('multipart/form-data; boundary="a b"') == b"a b"
    with pytest.raises(ClientError, match="boundary"):
        boundary_of("multipart/form-data")
    with pytest.raises(ClientError, match="too long"):
        MultipartReader(b"-" * 4096, Kept())
