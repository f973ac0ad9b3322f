"""Plan before (chapter 8.9): what a plan says is what archiving does, whatever the two sessions are."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from xnat_import_core import InvalidRequestError
from xnat_import_core.errors import ArchiveConflictError

WAYS = ("none", "append", "append+files", "delete")

instances = st.tuples(
    st.sampled_from("ABC"),  # series
    st.integers(1, 3),  # instance
    st.integers(0, 1),  # version: other bytes
    st.sampled_from(["", "other"]),  # how the file is named
)
sessions = st.tuples(
    st.lists(instances, min_size=1, max_size=5, unique=True),
    st.fixed_dictionaries({series: st.sampled_from([1, 2, 12]) for series in "ABC"}),  # scan numbers
    st.sampled_from(["study", "study", "study", "another"]),
    st.sampled_from(["SUBJ", "SUBJ", "SUBJ", "OTHER"]),
)
numbers = itertools.count(1)


def members(frames, session, label):
    chosen, scans, study, subject = session
    made = {}
    for series, instance, version, prefix in chosen:
        facts = {"series": series, "scan": scans[series], "study": f"{label} {study}", "subject": subject}
        made |= frames(instance, version=version, prefix=prefix, label=label, **facts)
    return made


def on_disk(site, label):
    """Data files of an archived session by path, with digests."""
    folder = site.tree.experiment_folder("P", "arc001", label)
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".import" not in path.parts and not path.name.endswith("_catalog.xml")
    }


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(first=sessions, second=sessions, back=st.booleans())
def test_a_plan_is_what_is_done(site, frames, whole, way, first, second, back):
    label = f"S{next(numbers)}"
    archived = site.put(site.send(members(frames, first, label)), "delete")
    before = on_disk(site, label)
    row = site.send(members(frames, second, label))
    files = sum(
        site.service.prearchive.resources(row, scan.id)[0].file_count for scan in site.service.prearchive.scans(row)
    )
    plan = site.plan(row, way)
    note(str(plan))
    assert on_disk(site, label) == before
    if plan.conflicts:
        with pytest.raises((ArchiveConflictError, InvalidRequestError)) as caught:
            site.put(row, way)
        assert getattr(caught.value, "conflicts", plan.conflicts) == plan.conflicts
        assert on_disk(site, label) == before
        whole.check_experiment(site.service, site.archive.find(archived.experiment))
        return
    outcome = site.put(row, way)
    assert outcome.plan == plan
    check_done(site, plan, before, on_disk(site, label), files)
    whole.check_experiment(site.service, site.archive.find(outcome.experiment))
    if back:
        site.archiver.undo(outcome.deed, site.owner)
        assert on_disk(site, label) == before
        whole.check_experiment(site.service, site.archive.find(archived.experiment))
        whole.check_at_rest(site.service)


def check_done(site, plan, before, after, files):
    """Every archived file is where it was, or replaced as planned; every new one is where the plan said."""
    arrived = {*plan.added, *plan.replaced}
    assert {path for path in after if path not in before} <= arrived
    assert len(before) + len(plan.added) == len(after)
    gone = {path: digest for path, digest in before.items() if after.get(path) != digest}
    assert len(gone) == len(plan.replaced)
    trashed = {hashlib.sha256(path.read_bytes()).hexdigest() for path in site.tree.trash.rglob("*.dcm")}
    assert set(gone.values()) <= trashed
    assert plan.lost == plan.different == ()
    assert arrived <= after.keys()
    assert len(plan.added) + len(plan.replaced) + len(plan.same) == files


def test_30_a_plan_names_all_conflicts_at_once_and_makes_no_subject(site, frames, whole):
    site.store(frames(*range(1, 5)))
    row = site.send(
        frames(1, version=2) | frames(2) | frames(5, scan=7, prefix="x") | frames(1, series="B", subject="NEW", scan=3)
    )
    before = whole.archive_bytes(site.service), whole.archive_rows(site.service)
    kinds = {each.kind for each in site.plan(row, "none").conflicts}
    assert {"exists", "file", "identical"} <= kinds
    assert (whole.archive_bytes(site.service), whole.archive_rows(site.service)) == before
    assert site.again(row) == row


def test_29_none_spelled_out_is_none(site, frames):
    site.store(frames(1))
    row = site.send(frames(2))
    with pytest.raises(ArchiveConflictError, match="Session already exists, retry with overwrite enabled"):
        site.put(row)
    conflict = site.plan(site.again(row)).conflicts[0]
    assert (conflict.kind, conflict.existing, conflict.remedy) == ("exists", "SESS", "overwrite=append adds to it")


def test_a_plan_of_nothing_that_is_there_yet(site, frames):
    plan = site.plan(site.send(frames(1)))
    assert (plan.created, plan.subject, plan.subject_is_new, plan.label, plan.experiment) == (
        True, "SUBJ", True, "SESS", "",
    )  # fmt: skip
    assert plan.added == ("SCANS/1/DICOM/A001.dcm",)
