"""A plugin that hangs loses its import at the deadline, and nobody else notices."""

from __future__ import annotations

import threading

import gate
import misdeeds
import pytest

from xnat_import_core import PluginError


def working() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "xnat-import-worker"}


HANGING = [
    ("arrange", "spin"),
    ("extract", "sleep"),
    ("extract", "stop"),
    ("transform_files", "stop"),
    ("describe", "sleep"),
]


@pytest.mark.parametrize(("hook", "misdeed"), HANGING)
@pytest.mark.parametrize("lab", ["hasty_slots"], indirect=True)
def test_a_process_that_hangs(lab, hook, misdeed, study, only_its_own_import_fails):
    only_its_own_import_fails(lab, hook, misdeed, study, study)


@pytest.mark.parametrize("hook", ["extract", "describe"])
@pytest.mark.parametrize("lab", ["hasty_threads"], indirect=True)
def test_a_thread_that_hangs(lab, hook, study, only_its_own_import_fails):
    only_its_own_import_fails(lab, hook, "sleep", study, study)


@pytest.mark.parametrize("hook", ["map_destination", "review_session"])
@pytest.mark.parametrize("lab", ["hasty_slots"], indirect=True)
def test_the_service_itself_does_not_hang(lab, hook, study, only_its_own_import_fails):
    only_its_own_import_fails(lab, hook, "sleep", study, study)


def test_one_that_hangs_when_all_is_done_changes_nothing(hasty_slots, study):
    outcome = hasty_slots.import_(study, "WILD", session="S--import_finished--sleep")
    assert hasty_slots.is_whole(outcome, study)


def test_one_that_wakes_up_too_late_leaves_nothing(tmp_path, open_lab, study, patient):
    before = working()
    with open_lab(tmp_path, workers=0, threads=1, plugin_deadline=1) as lab:
        with pytest.raises(PluginError):
            lab.import_({f"{name}--extract--sleep": data for name, data in study.items()}, "WILD")
        misdeeds.AWAKE.set()
        gate.until(lambda: not working() - before)
        misdeeds.AWAKE.clear()
        assert not any((lab.store / "staging").iterdir())
