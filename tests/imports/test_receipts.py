"""The fate of every member is told, and a plan tells it before."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from itertools import chain
from pathlib import Path

import pydicom
import pytest
from attrs import asdict
from hypothesis import given, settings
from hypothesis import strategies as st

from xnat_import_core import Fate, ReceiptLine, Service, Settings, XnatImportError
from xnat_import_core.receipts.store import write_csv, write_jsonl


def test_the_receipt_is_complete(service, pack, study, store):
    dicomdir = study["series"][0].parents[2] / "DICOMDIR"
    content = pack.members(*study["series"]) | {
        "__MACOSX/._x": b"fork", "notes.txt": b"text", "DICOMDIR": dicomdir.read_bytes(),
    }  # fmt: skip
    outcome = service.import_upload(pack.tree(content), project="P", import_handler="SI")
    lines = list(service.receipt_lines(outcome.import_id))
    assert {line.name: line.digest for line in lines} == {
        name: hashlib.sha256(data).hexdigest() for name, data in content.items()
    }
    stored = [line for line in lines if line.fate is Fate.STORED]
    assert all(
        line.stored_digest == line.digest and line.place.startswith("/prearchive/projects/P/") for line in stored
    )
    assert {line.name: line.fate for line in lines if line.fate is not Fate.STORED} == {
        "__MACOSX/._x": Fate.IGNORED, "notes.txt": Fate.REJECTED, "DICOMDIR": Fate.IGNORED,
    }  # fmt: skip
    assert all(line.reason for line in lines if line.fate is not Fate.STORED)
    summary = service.receipt(outcome.import_id)
    assert sum(summary.counts.values()) == len(content)
    assert summary.sessions[0]["uri"] == outcome.sessions[0].uri
    beside = next((store / "prearchive").rglob(f".import/{outcome.import_id}.jsonl"))
    assert [json.loads(line)["name"] for line in beside.read_text().splitlines()] == [line.name for line in stored]


def test_a_cell_of_the_csv_is_never_a_formula(service, pack, study):
    upload = pack.tree({"=cmd()": b"no DICOM", "good": study["series"][0].read_bytes()})
    outcome = service.import_upload(upload, project="P", import_handler="SI")
    text = io.StringIO()
    write_csv(service.receipt_lines(outcome.import_id), text)
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert [row["name"] for row in rows] == ["'=cmd()", "good"]


@pytest.mark.long
@settings(max_examples=15, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["series", "text", "clutter", "twin", "empty", "gz"]), min_size=1, max_size=12),
    handler=st.sampled_from(["SI", "DICOM-zip"]),
    ignore=st.booleans(),
)
def test_members_in_equal_lines_out(study, kinds, handler, ignore):
    content = {}
    for number, kind in enumerate(kinds):
        data = study["series"][number % 6].read_bytes()
        made = {
            "series": (f"{number}.dcm", data), "text": (f"{number}.txt", b"text"),
            "clutter": (f"{number}/.DS_Store", b"x"), "twin": (f"{number}.dcm", study["series"][0].read_bytes()),
            "empty": (f"{number}.dcm", b""), "gz": (f"{number}.dcm.gz", gzip.compress(data)),
        }[kind]  # fmt: skip
        content[made[0]] = made[1]
    with tempfile.TemporaryDirectory() as folder, Service(Settings(store=Path(folder) / "store")) as service:
        upload = Path(folder) / "upload"
        with zipfile.ZipFile(upload, "w") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        try:
            import_id = service.import_upload(
                upload, import_handler=handler, Ignore_Unparsable=str(ignore).lower()
            ).import_id
        except XnatImportError as error:
            import_id = error.import_id
        lines = list(service.receipt_lines(import_id))
        assert [line.name for line in lines] == list(content)
        assert sum(service.receipt(import_id).counts.values()) == len(content)


@pytest.mark.parametrize("handler", ["SI", "DICOM-zip"])
def test_a_plan_writes_nothing_and_comes_true(service, pack, room, study, store, handler):
    upload = pack.zip(*study["series"], **{"notes.txt": b"text"})
    parameters = {"project": "P", "import_handler": handler, "Ignore_Unparsable": "true"}
    planned = service.import_upload(upload, plan="true", **parameters)
    assert planned.planned
    assert room.nothing_left()
    assert service.prearchive.rows() == []
    done = service.import_upload(upload, **parameters)
    assert planned.counts == done.counts
    assert [(s.label, s.subject, s.scans, s.stored) for s in planned.sessions] == [
        (s.label, s.subject, s.scans, s.stored) for s in done.sessions
    ]

    def shape(import_id):
        return [
            (line.name, line.digest, line.fate, line.place.partition("/scans/")[2])
            for line in service.receipt_lines(import_id)
        ]

    assert shape(planned.import_id) == shape(done.import_id)
    again = service.import_upload(upload, plan="true", **parameters)
    assert again.counts[Fate.SAME] == 6


def test_files_that_name_another_subject_are_noted_by_number_only(service, pack, study):
    content = pack.members(*study["series"])
    name, data = next(iter(content.items()))
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.PatientName = "Other^Person"
    changed = io.BytesIO()
    dataset.save_as(changed)
    outcome = service.import_upload(pack.tree(content | {name: changed.getvalue()}), project="P", import_handler="SI")
    assert "PatientName: 1 of 6 files have another value than the one that counts" in outcome.sessions[0].notes
    assert "Other" not in str(outcome)


def test_a_sessions_receipt_stays_when_the_imports_is_dropped(service, pack, study, store):
    one = service.import_upload(pack.zip(*study["series"]), project="P", import_handler="SI")
    beside = next((store / "prearchive").rglob(f".import/{one.import_id}.jsonl"))
    whole = (store / "imports" / one.import_id / "receipt.jsonl").read_bytes()
    assert beside.read_bytes() == whole
    shutil.rmtree(store / "imports" / one.import_id)
    assert beside.read_bytes() == whole


def test_each_session_of_an_import_has_its_part_of_the_receipt(service, pack, study, store):
    upload = pack.zip(*study["series"], *study["other"], **{"notes.txt": b"text"})
    outcome = service.import_upload(upload, project="P", import_handler="SI", Ignore_Unparsable="true")
    lines = (store / "imports" / outcome.import_id / "receipt.jsonl").read_text().splitlines()
    parts = [path.read_text().splitlines() for path in (store / "prearchive").rglob(f"{outcome.import_id}.jsonl")]
    assert sorted(map(len, parts)) == sorted(session.stored for session in outcome.sessions)
    rejected = [line for line in lines if '"fate": "rejected"' in line]
    assert sorted(lines) == sorted(chain(rejected, *parts))
    assert [json.loads(line)["name"] for line in rejected] == ["notes.txt"]


@given(st.text(), st.text(), st.text(), st.sampled_from(Fate), st.integers(0, 2**60))
def test_a_line_is_the_json_of_its_parts(name, reason, rule, fate, number):
    line = ReceiptLine(number, name, number, "ab" * 32, "", fate, reason, f"/place/{name}", rule)
    stream = io.StringIO()
    write_jsonl([line], stream)
    assert stream.getvalue() == json.dumps(asdict(line), ensure_ascii=False) + "\n"
