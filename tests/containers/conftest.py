"""Uploads made by hand, opened as the importer opens them."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from xnat_import_core.settings import Limits
from xnat_import_core.uploads.containers import OpenUpload, Source

ALL_KINDS = frozenset({"zip", "tar", "folder", "file"})


class Opener:
    """Opens bytes or paths; looks after spool folders and that each is empty in the end."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._numbers = count()

    @contextmanager
    def __call__(self, *uploads, name="", kinds=ALL_KINDS, open_nested=True, **limits):
        with TemporaryDirectory(dir=self._folder) as made:
            paths = [self._path(Path(made), upload) for upload in uploads]
            spool = Path(made) / "spool"
            sources = [Source(path, name) for path in paths]
            upload = OpenUpload(sources, limits=Limits(**limits), kinds=kinds, open_nested=open_nested, spool=spool)
            upload.spool = spool
            with upload:
                yield upload
            assert not spool.exists() or not list(spool.iterdir())

    def all(self, *uploads, **options):
        """Names and bytes of all entries, in order."""
        with self(*uploads, **options) as upload:
            return [(entry.name, read(entry)) for entry in upload.entries()]

    def problems(self, *uploads, **options):
        """Names and problems of all entries, in order."""
        with self(*uploads, **options) as upload:
            return [(entry.name, entry.problem) for entry in upload.entries()]

    def _path(self, folder, upload):
        if isinstance(upload, Path):
            return upload
        path = folder / f"upload-{next(self._numbers)}"
        path.write_bytes(upload)
        return path


def read(entry):
    with entry.open() as stream:
        return stream.read()


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return Opener(tmp_path_factory.mktemp("uploads"))


@pytest.fixture(scope="session")
def archives():
    """The folder of real archives, where the workplace has it."""
    folder = Path(__file__).resolve().parents[3] / "shared/data/archives"
    if not folder.is_dir():
        pytest.skip("no ../shared/data/archives beside this checkout")
    return folder
