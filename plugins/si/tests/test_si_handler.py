"""What callers and the core can rely on of this handler."""

from __future__ import annotations

import subprocess
import sys

from xnat_import_si import handler

from xnat_import_core import Confidence, ExtractContext, ImportedFile, ImportRequest, Rejected
from xnat_import_core.testing import MemoryMember, MemoryUpload


def context():
    return ExtractContext("SI", ImportRequest())


def ct_small(shipped, index=0, name="study/CT_small.dcm"):
    return MemoryMember(index, name, (shipped / "pydicom" / "test_files" / "CT_small.dcm").read_bytes())


def test_it_declares_how_it_differs():
    declared = handler.HANDLER
    assert (declared.after_place, declared.second_study, declared.unparsable, declared.differing) == (
        "ready",
        "merge",
        "skip",
        "refuse",
    )
    assert declared.nameless_label == "dicom_upload"


def test_importing_it_is_cheap():
    loaded = "[m for m in sys.modules if m.startswith(('pydicom', 'xnat_import_dicom.'))]"
    code = f"import xnat_import_si.handler, sys; print({loaded})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_it_knows_dicom_from_other_files(shipped):
    found = handler.detect(MemoryUpload((MemoryMember(0, "notes.txt", b"none"), ct_small(shipped, 1))))
    assert found.confidence is Confidence.POSSIBLE
    assert handler.detect(MemoryUpload((MemoryMember(0, "notes.txt", b"none"),))) is None


def test_one_record_for_each_member_in_their_order(shipped):
    tinypet = (shipped / "nibabel" / "tests" / "data" / "tinypet.v").read_bytes()
    members = (
        MemoryMember(3, "a/tinypet.v", tinypet),
        ct_small(shipped, 5),
        MemoryMember(6, "notes.txt", b"Not an image. " * 30),
    )
    ecat, instance, notes = handler.extract(members, context())
    assert ecat == Rejected(3, "ECAT is not supported yet", unsupported=True)
    assert isinstance(instance, ImportedFile)
    assert (instance.member, instance.resource, instance.name) == (5, "DICOM", "CT_small.dcm")
    assert instance.identity == f"1.2.840.10008.5.1.4.1.1.2 {instance.uid}"
    assert instance.fallback_name is None
    assert isinstance(notes, Rejected)
    assert notes.reason.startswith("unable to read DICOM object notes.txt: ")
