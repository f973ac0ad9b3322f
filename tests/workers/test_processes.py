"""Worker processes that are killed or stopped from outside, and what is left of them in the end."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import gate
import misdeeds
import pytest
from processes import children, is_alive, with_variable

from xnat_import_core import ExplicitPlugins, InvalidRequestError, PluginError, Service, Settings


@pytest.fixture
def lab(tmp_path, open_lab):
    with open_lab(tmp_path, workers=2) as lab:
        yield lab


@pytest.fixture
def hasty(tmp_path, open_lab, patient):
    with open_lab(tmp_path, workers=2, plugin_deadline=1) as lab:
        yield lab


def interrupted(lab, study, number):
    """The error of an import whose process gets a signal in ``extract``, where it must hurry."""
    gate.close()
    study = {f"{name}--extract--": data for name, data in study.items()}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lab.import_, study, "CALM", "HURT")
        (process,) = gate.arrivals()
        os.kill(process, number)
        gate.lift()
        with pytest.raises(PluginError) as caught:
            running.result()
    assert lab.has_nothing_of(caught.value, "HURT", study)
    return caught.value


def test_killed_from_outside_while_it_works(lab, study):
    assert "ended its process (SIGKILL)" in interrupted(lab, study, signal.SIGKILL).message
    assert lab.is_whole(lab.import_(study, "CALM"), study)


def test_stopped_from_outside_while_it_works(hasty, study):
    assert "did not answer" in interrupted(hasty, study, signal.SIGSTOP).message
    assert hasty.is_whole(hasty.import_(study, "CALM"), study)


def test_killed_while_idle_nobody_notices(lab, study, caplog):
    before = children()
    assert lab.is_whole(lab.import_(study, "CALM"), study)
    idle = children().keys() - before.keys()
    for process in idle:
        os.kill(process, signal.SIGKILL)
    gate.until(lambda: not any(map(is_alive, idle)))
    assert idle
    assert lab.is_whole(lab.import_(study, "CALM"), study)
    assert not caplog.records


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_with_the_whole_group_it_finishes_first(lab, study, number):
    gate.close()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lab.import_, study, "CALM")
        (process,) = gate.arrivals()
        os.kill(process, number)
        gate.lift()
        assert lab.is_whole(running.result(), study)


def test_nothing_is_left_after_close(tmp_path, open_lab, study, patient):
    before = children()
    with open_lab(tmp_path, workers=2, plugin_deadline=1) as lab:
        lab.service.warm()
        for misdeed in ("kill", "wait_for_a_program"):
            names = [f"{name}--extract--{misdeed}" for name in study]
            with pytest.raises(PluginError):
                lab.import_(dict(zip(names, study.values(), strict=True)), "WILD")
        assert lab.is_whole(lab.import_(study, "WILD"), study)
        assert len(children()) > len(before)
    assert children().keys() == before.keys()
    assert misdeeds.PROGRAM not in with_variable(gate.VARIABLE, os.environ[gate.VARIABLE]).values()


def test_a_process_that_cannot_be_started_is_an_error_each_time_and_no_hang(lab, study, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    lab.service.warm()
    for _ in range(3):
        with pytest.raises(Exception, match="worker process did not begin") as caught:
            lab.import_(study, "CALM")
        assert caught.value.status == 500
    monkeypatch.undo()
    assert lab.is_whole(lab.import_(study, "CALM"), study)


def test_plugins_that_no_other_process_can_import_are_refused_at_once(tmp_path):
    class Local:
        pass

    with pytest.raises(InvalidRequestError, match="Put them into a module, or use workers=0"):
        Service(Settings(tmp_path, workers=2), ExplicitPlugins(handlers={"LOCAL": Local()}))
