"""What an import makes of an upload depends on neither batches, nor threads, nor processes, nor who is first."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zipfile
from contextlib import ExitStack
from itertools import count

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from xnat_import_core import Service, Settings, XnatImportError
from xnat_import_core.workers import extraction

WIDTHS = st.integers(1, 4)
BATCHES = st.sampled_from([1, 7, 128])
IMPORT_ID = re.compile(rb"\b[0-9a-f]{32}\b")
TIMESTAMP = re.compile(rb"\b\d{8}_\d{9}\b")

NAMES = st.sampled_from(["a.dcm", "b.dcm", "A.DCM", "\u00e4.dcm", "_.dcm", "DICOMDIR", ".DS_Store", "no suffix"])
FOLDERS = st.sampled_from(["", "one/", "two/", "two/deeper/"])
KINDS = st.sampled_from(["plain"] * 6 + ["changed", "gz", "text", "empty", "cut"])
MEMBERS = st.lists(st.tuples(FOLDERS, NAMES, KINDS, st.integers(0, 12)), min_size=1, max_size=14)
UPLOADS = st.tuples(MEMBERS, st.none() | MEMBERS, st.sampled_from(["zip", "tar.gz"]))


@pytest.fixture(scope="module")
def files(shipped):
    """Real objects: all of two CT series, and some of two MR series of another study."""
    folder = shipped / "pydicom/test_files/dicomdirtests"
    paths = [path for part in ("98892001", "98892003") for path in sorted((folder / part).rglob("*")) if path.is_file()]
    return [path.read_bytes() for path in paths][:13]


def made(files, members):
    """Names and bytes of members, in an order that may have a name twice."""
    for folder, name, kind, number in members:
        data = files[number]
        yield {
            "plain": (f"{folder}{name}", data),
            "changed": (f"{folder}{name}", data[:-1] + bytes([data[-1] ^ 1])),
            "gz": (f"{folder}{name}.gz", gzip.compress(data, mtime=0)),
            "text": (f"{folder}{name}", b"no image"),
            "empty": (f"{folder}{name}", b""),
            "cut": (f"{folder}{name}", data[:300]),
        }[kind]


def zipped(content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in dict(content).items():
            archive.writestr(name, data)
    return stream.getvalue()


def tarred(content):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in content:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def without_the_run(left):
    """Without what says which run it was: import IDs, and timestamp folders but for their order."""
    folders = sorted({found for name in left for found in TIMESTAMP.findall(name)})

    def neutral(text):
        return TIMESTAMP.sub(lambda found: b"%d" % folders.index(found[0]), IMPORT_ID.sub(b"", text))

    return {neutral(name): neutral(data) for name, data in left.items()}


class Ways:
    """A service for each way to work, each with a store of its own, made when it is first wanted."""

    def __init__(self, folder, stack):
        self.folder = folder
        self.stack = stack
        self.services = {}
        self.numbers = count()

    def result(self, kind, width, batch, upload, handler, project):
        """All that an import left: what it said, its files, its receipt."""
        service = self.services.get((kind, width)) or self.make(kind, width)
        service.projects.create(project)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(extraction, "BATCH_MEMBERS", batch)
            try:
                said = service.import_upload(upload, project=project, import_handler=handler)
            except XnatImportError as error:
                said = error
        store = service.settings.store
        left = {b"said": repr((said, getattr(said, "members", ()))).encode()}
        left[b"receipt"] = (store / "imports" / said.import_id / "receipt.jsonl").read_bytes()
        room = store / "prearchive" / project
        left |= {bytes(path.relative_to(room)): path.read_bytes() for path in room.rglob("*") if path.is_file()}
        return without_the_run(left)

    def make(self, kind, width):
        store = self.folder / f"{kind}-{width}"
        how = {"workers": width} if kind == "slots" else {"workers": 0, "threads": width}
        self.services[kind, width] = self.stack.enter_context(Service(Settings(store, **how)))
        return self.services[kind, width]


@pytest.fixture(scope="module")
def ways(tmp_path_factory):
    with ExitStack() as stack:
        yield Ways(tmp_path_factory.mktemp("ways"), stack)


@settings(max_examples=25, deadline=None, phases=set(Phase) - {Phase.explain})
@given(
    upload=UPLOADS, handler=st.sampled_from(["SI", "DICOM-zip"]),
    slots=st.tuples(WIDTHS, BATCHES), threads=st.tuples(WIDTHS, BATCHES),
)  # fmt: skip
def test_every_way_leaves_the_same_bytes(ways, files, upload, handler, slots, threads):
    members, nested, container = upload
    content = list(made(files, members))
    if nested is not None:
        content.insert(len(content) // 2, ("nested.zip", zipped(made(files, nested))))
    number = next(ways.numbers)
    path = ways.folder / f"{number}.{container}"
    path.write_bytes(zipped(content) if container == "zip" else tarred(content))
    reference = ways.result("reference", 1, 128, path, handler, f"P{number}")
    assert ways.result("slots", *slots, path, handler, f"P{number}") == reference
    assert ways.result("threads", *threads, path, handler, f"P{number}") == reference
