"""Real and made files as members of an upload, folded as the core folds them."""

from __future__ import annotations

import gzip
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import frozen
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from xnat_import_dicom.describing import describe_session
from xnat_import_dicom.extracting import extract_members
from xnat_import_dicom.identification import propose

from xnat_import_core.folds import Facts, fold, merge
from xnat_import_core.models import (
    DescribeContext,
    Destination,
    ExtractContext,
    ImportedFile,
    IncomingSession,
    Space,
    StoredResource,
    StoredScan,
    StoredSession,
)
from xnat_import_core.parameters import ImportRequest
from xnat_import_core.testing import MemoryMember


@frozen
class Study:
    """One session of an upload, ready to be asked."""

    incoming: IncomingSession
    stored: StoredSession
    preferences: dict

    @property
    def document(self):
        destination = Destination(Space.PREARCHIVE, None, "", "x")
        return describe_session(
            self.stored, DescribeContext("SI", destination, ImportRequest(), preferences=self.preferences)
        )

    @property
    def proposal(self):
        return propose(self.incoming)

    @property
    def scans(self):
        return {scan.id: scan for scan in self.document.scans}


class Workbench:
    """What the tests do with files: extract them, fold them, describe them."""

    def members(self, *sources):
        paths = [path for source in sources if isinstance(source, Path) for path in _files_of(source)]
        found = [(path.name.removesuffix(".gz"), _inflated(path)) for path in paths]
        found += [("made.dcm", _bytes_of(source)) for source in sources if isinstance(source, Dataset)]
        return tuple(MemoryMember(index, name, content) for index, (name, content) in enumerate(found))

    def extract(self, *sources, wants=(), request=None, clash=True, **preferences):
        context = ExtractContext("SI", request or ImportRequest(), frozenset(wants), preferences)
        return extract_members(self.members(*sources), context, template_on_clash=clash)

    def studies(self, *sources, **preferences):
        records = [r for r in self.extract(*sources, **preferences) if isinstance(r, ImportedFile)]
        return {key: self.study_of(records, preferences, key=key) for key in {r.session for r in records}}

    def study(self, *sources, **preferences):
        (study,) = self.studies(*sources, **preferences).values()
        return study

    def study_of(self, records, preferences, *, key, ids=None, cuts=()):
        """A study of records in the order given; ``cuts`` divide them into batches that are folded apart."""
        mine = [record for record in records if record.session == key]
        bounds = [0, *sorted(cuts), len(mine)]
        batches = [mine[first:last] for first, last in pairwise(bounds)]
        scans = []
        for scan in {record.place.key: None for record in mine}:
            folded = _folded([[r for r in batch if r.place.key == scan] for batch in batches])
            scans.append(StoredScan(scan, (ids or {}).get(scan), Facts(folded), _resources(mine, scan)))
        facts = Facts(_folded(batches))
        return Study(
            IncomingSession(key, facts, (), len(mine), "SI"), StoredSession(key, facts, tuple(scans)), preferences
        )


@pytest.fixture(scope="session")
def bench():
    return Workbench()


@pytest.fixture
def made():
    """Make a data set: an MR image unless told otherwise."""

    def make(**values):
        dataset = Dataset()
        usual = {
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
            "SOPInstanceUID": "1.2.3.4",
            "StudyInstanceUID": "1.2",
            "SeriesInstanceUID": "1.2.3",
            "Modality": "MR",
        }
        for keyword, value in (usual | values).items():
            if value is not None:
                setattr(dataset, keyword, value)
        return dataset

    return make


def _files_of(path):
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _inflated(path):
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def _bytes_of(dataset):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "1.2")
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3")
    dataset.file_meta = meta
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _folded(batches):
    whole = {}
    for batch in batches:
        part = {}
        for record in batch:
            fold(part, record.facts, record.member)
        merge(whole, part)
    return whole


def _resources(records, scan):
    labels = sorted({(r.resource, r.format, r.content) for r in records if r.place.key == scan})
    counts = {label: sum((r.resource, r.place.key) == (label, scan) for r in records) for label, _, _ in labels}
    return tuple(StoredResource(label, form, content, counts[label], 0) for label, form, content in labels)
