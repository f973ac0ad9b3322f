from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest
from nibabel.testing import data_path
from xnat_import_nifti import handler as nifti_handler

from xnat_import_core import ExplicitPlugins, Fate

ANAT = "sub-01/ses-02/anat/sub-01_ses-02_T1w"


@pytest.fixture
def dataset(tmp_path):
    image = (Path(data_path) / "anatomical.nii").read_bytes()
    path = tmp_path / "dataset.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{ANAT}.nii.gz", gzip.compress(image))
        archive.writestr("dataset_description.json", "{}")
        archive.writestr(f"{ANAT}.json", json.dumps({"SeriesNumber": 7, "SeriesDescription": "t1 mprage"}))
    return path


@pytest.fixture
def service(import_service):
    return import_service(ExplicitPlugins(handlers={"NIfTI": nifti_handler}))


def test_a_dataset_becomes_a_session_in_the_prearchive(service, dataset, xnat_import_store):
    outcome = service.import_upload(dataset, import_handler="NIfTI")
    (session,) = outcome.sessions
    assert (session.subject, session.label, session.status) == ("sub-01", "sub-01_ses-02", "READY")
    assert (outcome.counts[Fate.STORED], outcome.counts[Fate.IGNORED]) == (2, 1)
    names = {path.name for path in xnat_import_store.glob("prearchive/**/SCANS/7/*/*") if path.is_file()}
    assert "sub-01_ses-02_T1w.json" in names
    assert names & {"sub-01_ses-02_T1w.nii.gz", "sub-01_ses-02_T1w.nii"}


def test_the_document_has_what_the_sidecar_says(service, dataset, xnat_import_store):
    service.import_upload(dataset, import_handler="NIfTI")
    (document,) = xnat_import_store.glob("prearchive/**/sub-01_ses-02.xml")
    text = document.read_text(encoding="utf-8")
    assert "MRSession" in text
    assert "t1 mprage" in text


def test_the_same_again_changes_nothing(service, dataset):
    service.import_upload(dataset, import_handler="NIfTI")
    again = service.import_upload(dataset, import_handler="NIfTI")
    assert (again.counts[Fate.STORED], again.counts[Fate.SAME]) == (0, 2)
