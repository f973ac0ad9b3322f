"""Several services on one store: recovery leaves alone what is alive."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

from xnat_import_core import Fate, NotFoundError, Service, Settings, StorageError
from xnat_import_core.prearchive import recovery


@pytest.fixture
def upload(shipped):
    return shipped / "pydicom/test_files/MR_small.dcm"


def test_a_service_that_starts_leaves_a_running_import_alone(tmp_path, upload):
    settings = Settings(store=tmp_path / "store")
    with Service(settings) as first:
        first.projects.create("P")
        with first.receive([("project", "P"), ("import-handler", "SI")], first.owner) as reception:
            spool = reception.open_spool("MR_small.dcm")
            data = upload.read_bytes()
            spool.write(data[:5000])
            with Service(settings) as second:
                assert second.prearchive.rows() == []
            spool.write(data[5000:])
            spool.close()
            outcome = reception.finish()
        assert outcome.counts[Fate.STORED] == 1
    with Service(settings) as third:
        assert len(third.prearchive.rows()) == 1


def test_an_upload_that_is_broken_off_leaves_nothing(tmp_path, upload):
    store = tmp_path / "store"
    with Service(Settings(store=store)) as service:
        with service.receive([("import-handler", "SI")], service.owner) as reception:
            spool = reception.open_spool("MR_small.dcm")
            spool.write(upload.read_bytes()[:5000])
        assert not any((store / "staging").iterdir())
        assert service.receipt(reception.import_id).status == "failed"
        with pytest.raises(NotFoundError):
            service.prearchive.find(None, "20240101_000000000", "x")


def test_a_killed_receiver_is_undone_by_the_next_start(tmp_path, upload):
    script = textwrap.dedent(
        """
        import os, sys, signal
        from pathlib import Path
        from xnat_import_core import Service, Settings
        service = Service(Settings(store=Path(sys.argv[1])))
        service.start()
        reception = service.receive([("import-handler", "SI")], service.owner)
        reception.open_spool("x").write(b"half of it")
        print(reception.import_id, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    store = tmp_path / "store"
    command = [sys.executable, "-c", script, store]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    import_id = killed.stdout.strip()
    assert [path.name for path in (store / "staging").iterdir()] == [import_id]
    with Service(Settings(store=store)) as service:
        assert not any((store / "staging").iterdir())
        summary = service.receipt(import_id)
        assert summary.status == "failed"
        assert "Send it again" in summary.message
        assert len(service.import_upload(upload, import_handler="SI").sessions) == 1


def test_an_import_that_cannot_be_recovered_keeps_nobody_from_working(tmp_path, upload, monkeypatch):
    store = tmp_path / "store"
    with Service(Settings(store=store)) as service:
        service.start()
        reception = service.receive([("import-handler", "SI")], service.owner)
        reception._staging.release()

    def failing(*_):
        message = "the disk is gone"
        raise StorageError(message)

    monkeypatch.setattr(recovery, "undo", failing)
    with Service(Settings(store=store)) as service:
        assert len(service.import_upload(upload, import_handler="SI").sessions) == 1
    monkeypatch.undo()
    with Service(Settings(store=store)) as service:
        assert service.receipt(reception.import_id).status == "failed"
        assert not any((store / "staging").iterdir())
