from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.testing import data_path
from xnat_import_nifti import handler as nifti_handler
from xnat_import_nifti.header import HEAD_BYTES, read_header
from xnat_import_nifti.names import BidsName, parse_name

from xnat_import_core import (
    Confidence,
    DescribeContext,
    Destination,
    ExtractContext,
    Ignored,
    ImportRequest,
    Plugins,
    Rejected,
    Scan,
    Space,
)
from xnat_import_core.plugin_host import ExplicitPlugins, PluginHost
from xnat_import_core.testing import HandlerContract, MemoryMember, MemoryUpload, incoming_session, stored_session

SIDECAR = {
    "Modality": "MR",
    "SeriesNumber": 7,
    "SeriesDescription": "t1 mprage",
    "RepetitionTime": 2.4,
    "EchoTime": 0.00232,
    "FlipAngle": 8,
    "Manufacturer": "Siemens",
}
ANAT = "data/sub-01/ses-02/anat/sub-01_ses-02_T1w"
BOLD = "data/sub-01/ses-02/func/sub-01_ses-02_task-rest_bold"
CONTEXT = ExtractContext("NIfTI", ImportRequest())


def image(name="anatomical.nii"):
    return (Path(data_path) / name).read_bytes()


def upload():
    """A small dataset, the sidecar far from its image."""
    return (
        MemoryMember(0, f"{ANAT}.nii.gz", gzip.compress(image())),
        MemoryMember(1, f"{BOLD}.nii", image("functional.nii")),
        MemoryMember(2, "data/dataset_description.json", b"{}"),
        MemoryMember(3, f"{ANAT}.json", json.dumps(SIDECAR).encode()),
    )


class TestContract(HandlerContract):
    @pytest.fixture
    def handler(self):
        return nifti_handler

    @pytest.fixture
    def samples(self):
        return upload()


@pytest.fixture
def calls():
    return PluginHost(ExplicitPlugins(handlers={"NIfTI": nifti_handler}), Plugins()).calls("NIfTI")


def imported(calls, members):
    """What `extract` says of each member, asked in batches of one group."""
    by_index = {member.index: member for member in members}
    answers = {}
    for group in calls.arrange(MemoryUpload(members), CONTEXT).groups:
        batch = tuple(
            MemoryMember(index, by_index[index].name, by_index[index].data, group.hint) for index in group.members
        )
        answers |= {answer.member: answer for answer in calls.extract(batch, CONTEXT)}
    return [answers[member.index] for member in members]


def test_names_say_subject_session_and_scan():
    assert parse_name(f"{ANAT}.nii.gz") == BidsName("sub-01", "sub-01_ses-02", "T1w", ".nii.gz")
    assert parse_name("sub-9_task-rest_run-1_bold.json") == BidsName("sub-9", "sub-9", "task-rest_run-1_bold", ".json")
    for name in ("T1w.nii", "sub-01.nii", "sub-01_T1w.png", "sub-01_T1w", "", "sub-01_T1w.nii/x", "sub-ä_T1w.nii"):
        assert parse_name(name) is None


def test_pairs_stay_together(calls):
    arrangement = calls.arrange(MemoryUpload(upload()), CONTEXT)
    assert [group.members for group in arrangement.groups] == [(0, 3), (1,), (2,)]


def test_a_dataset_becomes_one_session_with_its_scans(calls):
    anat, bold, description, sidecar = imported(calls, upload())
    assert (anat.session, bold.session, sidecar.session) == ("sub-01_ses-02",) * 3
    assert (anat.place, sidecar.place, bold.place) == (Scan("T1w", "7"), Scan("T1w", "7"), Scan("task-rest_bold"))
    assert (anat.resource, sidecar.resource) == ("NIFTI", "BIDS")
    assert description == Ignored(2, "it belongs to no scan")


def test_the_sidecar_reaches_the_session_document(calls):
    anat, bold, _, sidecar = imported(calls, upload())
    context = DescribeContext("NIfTI", Destination(Space.PREARCHIVE, "P", "S", "E"), ImportRequest())
    who, document = calls.describe(stored_session([anat, bold, sidecar]), context)
    first, second = document.scans
    assert (who, document.type, document.fields, document.notes) == ("core default", "xnat:mrSessionData", {}, ())
    assert (first.id, first.type, second.id) == ("7", "xnat:mrScanData", "1")
    assert first.fields["series_description"] == "t1 mprage"
    assert (first.fields["parameters/tr"], first.fields["parameters/flip"]) == (2400.0, 8.0)
    assert (second.fields["frames"], first.fields["frames"]) == (20, 1)


def test_subject_and_session_come_from_the_name(calls):
    files = [answer for answer in imported(calls, upload()) if not isinstance(answer, Ignored)]
    ((_, proposal),) = calls.map_destination(incoming_session(files), None)
    assert (proposal.subject, proposal.label, proposal.project) == (("sub-01",), ("sub-01_ses-02",), ())


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("sub-01_T1w.nii", b"no image", "it is no NIfTI image"),
        ("sub-01_T1w.nii.gz", b"\x1f\x8bno gzip", "it is no NIfTI image"),
        ("sub-01_T1w.nii", image()[:200], "it is no NIfTI image"),
        ("sub-01_T1w.json", b"[1]", "the sidecar is no JSON object"),
        ("sub-01_T1w.json", b'{"a":' * 100_000, "the sidecar is no JSON object"),
        ("T1w.nii.gz", image(), "the name says no subject and scan"),
    ],
)
def test_a_bad_member_is_rejected_with_the_reason(calls, name, data, reason):
    (answer,) = imported(calls, (MemoryMember(0, name, data),))
    assert isinstance(answer, Rejected)
    assert answer.reason.startswith(reason)


@pytest.mark.parametrize(
    "name", ["anatomical.nii", "functional.nii", "standard.nii.gz", "example4d.nii.gz", "example_nifti2.nii.gz"]
)
def test_headers_are_read_as_nibabel_reads_them(name):
    path = Path(data_path) / name
    expected = nibabel.load(path).header
    shape = (*expected.get_data_shape(), 1, 1, 1)[:4]
    header = read_header(path.read_bytes()[:HEAD_BYTES])
    assert (*header.shape, header.frames) == tuple(shape)
    assert np.allclose(header.voxel_size, expected.get_zooms()[:3])


def test_only_what_has_images_with_such_names_is_claimed():
    host = PluginHost(ExplicitPlugins(handlers={"NIfTI": nifti_handler}), Plugins())
    key, detection = host.detect(MemoryUpload(upload()))
    assert (key, detection.confidence) == ("NIfTI", Confidence.LIKELY)
    assert host.detect(MemoryUpload((MemoryMember(0, "IM0001.dcm", b""),))) is None
