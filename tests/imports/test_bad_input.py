"""Bad input is normal input: one clear sentence, nothing left behind, and the next upload works."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib

import pydicom
import pytest
from attrs import evolve

from xnat_import_core import Fate, LimitExceededError, Limits, Service, Settings, StorageFullError, XnatImportError

both = pytest.mark.parametrize("handler", ["SI", "DICOM-zip"])
MIB = 1024 * 1024


def bad_uploads(pack, study):
    good = study["series"][0].read_bytes()
    whole = pack.zip_bytes(pack.members(*study["series"]), zipfile.ZIP_STORED)
    wrong_crc = bytearray(pack.zip_bytes({"a": good}, zipfile.ZIP_STORED))
    wrong_crc[200] ^= 1
    no_uids = io.BytesIO()
    dataset = pydicom.dcmread(study["series"][0])
    for keyword in ("SOPInstanceUID", "StudyInstanceUID"):
        delattr(dataset, keyword)
    dataset.save_as(no_uids, enforce_file_format=False)
    device = io.BytesIO()
    with tarfile.open(fileobj=device, mode="w") as archive:
        info = tarfile.TarInfo("dev")
        info.type = tarfile.CHRTYPE
        archive.addfile(info)
    encrypted = bytearray(pack.zip_bytes({"a": good}, zipfile.ZIP_STORED))
    encrypted[6] |= 1
    encrypted[encrypted.rindex(b"PK\x01\x02") + 8] |= 1
    return {
        "empty upload": b"",
        "empty zip": pack.zip_bytes({}),
        "random bytes": bytes(range(255, 0, -1)) * 99,
        "truncated zip": whole[: len(whole) // 2],
        "truncated tgz": pack.tgz_bytes(pack.members(*study["series"]))[:2000],
        "wrong CRC": bytes(wrong_crc),
        "no DICOM inside": pack.zip_bytes({"a.txt": b"text", "b.png": b"\x89PNG\r\n\x1a\n" + bytes(99)}),
        "headers without UIDs": no_uids.getvalue(),
        "a device": device.getvalue(),
        "encrypted": bytes(encrypted),
        "text": b"hello " * 100,
    }


KINDS = [
    "empty upload", "empty zip", "random bytes", "truncated zip", "truncated tgz", "wrong CRC", "no DICOM inside",
    "headers without UIDs", "a device", "encrypted", "text",
]  # fmt: skip


@both
@pytest.mark.parametrize("kind", KINDS)
def test_bad_input_is_one_clear_sentence(service, pack, room, study, kind, handler):
    with pytest.raises(XnatImportError) as caught:
        service.import_upload(pack.write(bad_uploads(pack, study)[kind]), project="P", import_handler=handler)
    assert 400 <= caught.value.status < 500
    assert caught.value.message.strip()
    assert str(room.store) not in caught.value.message
    assert room.nothing_left()
    assert len(service.import_upload(pack.zip(*study["series"]), project="P", import_handler=handler).sessions) == 1


@pytest.mark.parametrize("handler", ["SI"])
def test_a_damaged_member_is_rejected_where_the_handler_may_drop_it(service, pack, room, study, handler):
    data = bytearray(pack.zip_bytes(pack.members(*study["series"]), zipfile.ZIP_STORED))
    data[200] ^= 1
    outcome = service.import_upload(pack.write(bytes(data)), project="P", import_handler=handler)
    assert outcome.counts[Fate.STORED] == 5
    assert outcome.counts[Fate.REJECTED] == 1


def bombs(pack):
    zeros = bytes(150 * MIB)
    flat = pack.zip_bytes({f"{n}": zeros for n in range(4)})
    return {"flat": flat, "nested": pack.zip_bytes({"inner.zip": pack.zip_bytes({"inner.zip": flat})})}


@pytest.mark.sqlite
@both
@pytest.mark.parametrize("kind", ["flat", "nested"])
def test_a_bomb_is_refused_by_a_limit(service, pack, room, handler, kind):
    with pytest.raises(LimitExceededError) as caught:
        service.import_upload(pack.write(bombs(pack)[kind]), project="P", import_handler=handler)
    assert caught.value.status == 413
    assert room.nothing_left()


def overlapping(pack, study):
    """A zip whose directory names one local entry twice."""
    data = pack.zip_bytes({"a": study["series"][0].read_bytes()})
    start = data.rindex(b"PK\x01\x02")
    end = data.rindex(b"PK\x05\x06")
    entry = data[start:end]
    fields = list(struct.unpack("<4s4H2LH", data[end : end + 22]))
    fields[3] = fields[4] = 2
    fields[5] *= 2
    return data[:start] + entry * 2 + struct.pack("<4s4H2LH", *fields)


@both
def test_overlapping_entries_are_refused(service, pack, room, study, handler):
    with pytest.raises(XnatImportError) as caught:
        service.import_upload(pack.write(overlapping(pack, study)), project="P", import_handler=handler)
    assert caught.value.status in {400, 413}
    assert room.nothing_left()


def deflated_bomb(study):
    """A Deflated DICOM file of half a megabyte whose header claims hundreds."""
    head = pydicom.dcmread(study["series"][0], stop_before_pixels=True)
    head.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    made = io.BytesIO()
    head.save_as(made, enforce_file_format=True)
    data = made.getvalue()
    meta_end = 144 + struct.unpack("<L", data[140:144])[0]
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    element = struct.pack("<HH2sHL", 0x0009, 0x0010, b"OB", 0, 200 * MIB)
    return data[:meta_end] + squeeze.compress(element + bytes(200 * MIB)) + squeeze.flush()


@pytest.mark.sqlite
@both
def test_a_deflated_dicom_bomb_is_a_bad_member(service, pack, room, study, handler):
    data = deflated_bomb(study)
    assert len(data) < MIB
    with pytest.raises(XnatImportError) as caught:
        service.import_upload(pack.write(data), project="P", import_handler=handler)
    assert 400 <= caught.value.status < 500
    assert room.nothing_left()


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"max_members": 3}, "max_members"),
        ({"max_member_bytes": 1000}, "max_member_bytes"),
        ({"max_total_bytes": 5000}, "max_total_bytes"),
        ({"max_depth": 1}, "max_depth"),
    ],
)
def test_every_limit_is_a_setting_that_the_message_names(store, pack, room, study, limits, named):
    with Service(Settings(store=store, limits=Limits(**limits))) as service:
        service.projects.create("P")
        inner = pack.zip_bytes(pack.members(*study["series"]))
        upload = (
            pack.tree({"inner.zip": pack.zip_bytes({"in.zip": inner})})
            if named == "max_depth"
            else pack.zip(*study["series"])
        )
        with pytest.raises(LimitExceededError, match=named):
            service.import_upload(upload, project="P", import_handler="SI")
        assert room.nothing_left()


def test_a_full_disk_is_507_and_leaves_nothing(service, pack, room, study):
    crowded = evolve(service.settings, limits=Limits(min_free_bytes=2**62))
    with Service(crowded) as full, pytest.raises(StorageFullError):
        full.import_upload(pack.zip(*study["series"]), project="P", import_handler="SI")
    assert room.nothing_left()


@both
def test_names_in_odd_encodings_are_kept_as_they_can_be(service, pack, room, study, handler):
    upload = pack.tree(
        {
            "B\u00fcro/s\u00e9rie/\u65e5\u672c.dcm": study["series"][0].read_bytes(),
            "\u0001x": study["series"][1].read_bytes(),
        }
    )
    outcome = service.import_upload(upload, project="P", import_handler=handler)
    assert outcome.counts[Fate.STORED] == 2
    assert all(name.isascii() for name in room.files())
