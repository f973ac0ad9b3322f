"""``archive`` and ``session_archived`` (chapter 9; statement 36)."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import xnat_import_dicom_zip.handler as dicom_zip
from sqlalchemy import insert

from xnat_import_core import (
    Archived,
    Conflict,
    ExplicitPlugins,
    Extension,
    InvalidRequestError,
    PluginError,
    SessionConflictError,
    hookimpl,
)
from xnat_import_core.database.tables import outbox
from xnat_import_core.errors import ArchiveConflictError


class Plugin:
    """An extension made of functions."""

    def __init__(self, **functions):
        self.EXTENSION = Extension("of a test")
        for name, function in functions.items():
            setattr(self, name, function)


@pytest.fixture
def listening(make_site):
    """A site with an extension that writes down what it is told, and raises if it is to; and what it was told."""
    told = []
    mood = SimpleNamespace(raises=False)

    @hookimpl
    def session_archived(archived, session):
        told.append((archived, session))
        if mood.raises:
            message = "the workflow engine is away"
            raise RuntimeError(message)

    plugins = ExplicitPlugins({"DICOM-zip": dicom_zip}, {"listener": Plugin(session_archived=session_archived)})
    return make_site(plugins), told, mood


def records(site, found):
    return [(record.name, record.status) for record in site.archive.workflows(found)]


def test_36_extensions_are_told_once_what_was_archived(listening, frames):
    site, told, _ = listening
    row = site.send(frames(1, 2))
    outcome = site.put(row)
    ((archived, session),) = told
    found = site.archive.find(outcome.experiment)
    assert (archived.uri, archived.experiment_id, archived.label) == (outcome.uri, found.id, "SESS")
    assert (archived.subject_id, archived.subject_label) == (found.subject_id, "SUBJ")
    assert (archived.created, archived.scans_added, archived.files_added) == (True, ("1",), 2)
    assert (archived.trigger_pipelines, archived.overwrite, archived.user) == (True, "none", "admin")
    assert archived.workflow_id == site.archive.workflows(found)[0].id
    assert archived.archived_at == found.created_at
    assert (session.uri, session.status, session.joined) == (row.uri, "ARCHIVED", False)
    assert records(site, found)[-1] == ("xnat_tools/AutoRun.xml", "Complete")


def test_36_a_merge_tells_what_it_changed(listening, frames):
    site, told, _ = listening
    site.store(frames(1, 2, 3))
    site.store(frames(2, version=2) | frames(3, 4) | frames(1, series="C", scan=3), "delete")
    archived, session = told[-1]
    assert (archived.created, archived.scans_added, session.joined) == (False, ("3",), True)
    assert (archived.files_added, archived.files_replaced, archived.files_identical) == (2, 1, 1)
    assert archived.overwrite == "delete"
    site.store(frames(1, series="B"), "append")
    assert told[-1][0].renamed_scans == {"1": "1-MR1"}


def test_36_trigger_pipelines_false_is_told_and_leaves_no_record(listening, frames):
    site, told, _ = listening
    found = site.store(frames(1), trigger_pipelines=False)
    assert not told[0][0].trigger_pipelines
    assert records(site, found) == [("Transferred", "Complete")]


def test_36_an_extension_that_raises_changes_nothing_but_the_record(listening, frames):
    site, told, mood = listening
    mood.raises = True
    found = site.store(frames(1))
    assert len(told) == 1
    assert records(site, found)[-1] == ("xnat_tools/AutoRun.xml", "Failed")
    site.check()
    assert site.archiver.deliver_waiting() == 0


def test_a_refusal_is_not_told(listening, frames):
    site, told, _ = listening
    site.store(frames(1))
    with pytest.raises(SessionConflictError):
        site.store(frames(2))
    assert len(told) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import killing, studies
from xnat_import_core.archive.delivery import Delivery
with killing.opened(Path(sys.argv[1])) as (service, archiver):
    service.projects.create("P")
    row = killing.send(service, studies.frames(1))
    Delivery.deliver = lambda self, deed: os.kill(os.getpid(), signal.SIGKILL)
    killing.archive_new(service, archiver)
"""


def test_36_a_kill_between_commit_and_call_loses_nothing_and_tells_once(listening, frames, tmp_path):
    site, told, _ = listening
    site.service.close()
    here = str(Path(__file__).parent)
    killed = subprocess.run([sys.executable, "-c", KILLED, site.tree.root, here], check=False, timeout=100)
    assert killed.returncode == -signal.SIGKILL
    assert told == []
    site.service.start()
    assert site.archiver.deliver_waiting() == 0
    assert [archived.label for archived, _ in told] == ["SESS"]
    assert records(site, site.archive.find("SESS", "P"))[-1] == ("xnat_tools/AutoRun.xml", "Complete")
    site.check()


def test_what_another_process_is_telling_is_left_to_it(listening, frames):
    site, told, _ = listening
    found = site.store(frames(1))
    deed = site.archive.deeds(found)[0].id
    with site.service.database.write() as connection:
        waiting = {"deed": deed, "payload": "{}", "created_at": found.created_at}
        connection.execute(insert(outbox).values(**waiting))
    with site.archiver._delivery.claimed(deed) as mine:
        assert mine
        assert site.archiver.deliver_waiting() == 0
    assert len(told) == 1


# ---- archive


@pytest.fixture
def archiving_elsewhere(make_site):
    """A site with an extension that answers ``archive`` as it is told; and what it was asked."""
    asked = []
    mood = SimpleNamespace(answer=None)

    @hookimpl
    def archive(session, policy):
        asked.append((session, policy))
        if isinstance(mood.answer, Exception):
            raise mood.answer
        return mood.answer

    plugins = ExplicitPlugins({"DICOM-zip": dicom_zip}, {"elsewhere": Plugin(archive=archive)})
    return make_site(plugins), asked, mood


def test_a_plugin_is_asked_before_the_core_archives(archiving_elsewhere, frames):
    site, asked, _ = archiving_elsewhere
    row = site.send(frames(1))
    site.put(row, "append", quarantine=True, trigger_pipelines=False)
    ((session, policy),) = asked
    assert (session.uri, session.project, session.subject, session.label) == (row.uri, "P", "SUBJ", "SESS")
    assert (policy.may_merge, policy.may_replace, policy.quarantine, policy.trigger_pipelines) == (
        True, False, True, False,
    )  # fmt: skip
    assert len(site.archive.experiments()) == 1
    site.check()


def test_what_a_plugin_archived_elsewhere_leaves_the_prearchive(archiving_elsewhere, frames):
    site, _, mood = archiving_elsewhere
    mood.answer = Archived("/archive/elsewhere/1")
    row = site.send(frames(1))
    outcome = site.put(row)
    assert (outcome.uri, outcome.experiment) == ("/archive/elsewhere/1", "")
    assert site.service.prearchive.rows() == site.archive.experiments() == []
    assert list(site.tree.trash.rglob("A001.dcm"))
    site.check()


def test_a_plugin_may_refuse(archiving_elsewhere, frames):
    site, _, mood = archiving_elsewhere
    mood.answer = Conflict("elsewhere", "The other archive has it already.")
    row = site.send(frames(1))
    with pytest.raises(ArchiveConflictError, match="The other archive has it already") as caught:
        site.put(row)
    assert caught.value.conflicts == (mood.answer,)
    assert site.again(row).conflicts == (mood.answer,)
    mood.answer = None
    site.put(site.again(row))
    site.check()


@pytest.mark.parametrize("fault", [RuntimeError("broken"), InvalidRequestError("not today")])
def test_a_plugin_that_fails_leaves_the_session_as_error(archiving_elsewhere, frames, fault):
    site, _, mood = archiving_elsewhere
    mood.answer = fault
    row = site.send(frames(1))
    with pytest.raises((PluginError, InvalidRequestError)):
        site.put(row)
    assert site.again(row).status == "ERROR"
    assert site.archive.experiments() == []
    site.check()
