"""Whatever a plugin does, only its own import fails: it says whose fault it was, and nothing of it is left."""

from __future__ import annotations

import pytest

IN_WORKERS = ("arrange", "extract", "transform_files", "again", "describe")
IN_THE_SERVICE = ("map_destination", "review_session")
ANYWHERE = ("raise", "quit", "leave", "recurse", "text")
OF_PROCESSES = ("exit", "kill", "crash", "greed", "hang_up", "babble")
DEADLY = [
    *(("extract", misdeed) for misdeed in OF_PROCESSES),
    ("arrange", "exit"),
    ("transform_files", "kill"),
    ("again", "crash"),
    ("describe", "exit"),
    ("describe", "greed"),
]


@pytest.mark.parametrize("misdeed", ANYWHERE)
@pytest.mark.parametrize("hook", IN_WORKERS)
@pytest.mark.parametrize("lab", ["slots", "threads"], indirect=True)
def test_a_plugin_that_raises_or_answers_nonsense(lab, hook, misdeed, study, only_its_own_import_fails):
    only_its_own_import_fails(lab, hook, misdeed, study, study)


@pytest.mark.parametrize("misdeed", ANYWHERE)
@pytest.mark.parametrize("hook", IN_THE_SERVICE)
@pytest.mark.parametrize("lab", ["slots"], indirect=True)
def test_a_plugin_that_does_so_in_the_service_itself(lab, hook, misdeed, study, only_its_own_import_fails):
    only_its_own_import_fails(lab, hook, misdeed, study, study)


@pytest.mark.parametrize(("hook", "misdeed"), DEADLY)
@pytest.mark.parametrize("lab", ["slots"], indirect=True)
def test_a_plugin_that_takes_its_process_down(lab, hook, misdeed, study, only_its_own_import_fails):
    only_its_own_import_fails(lab, hook, misdeed, study, study)


@pytest.mark.parametrize("misdeed", ["few", "function", "ten_megabytes"])
@pytest.mark.parametrize("lab", ["slots", "threads"], indirect=True)
def test_records_that_must_not_be(lab, misdeed, study, only_its_own_import_fails):
    only_its_own_import_fails(lab, "extract", misdeed, study, study)


@pytest.mark.parametrize("misdeed", ["raise", "exit", "ten_megabytes"])
@pytest.mark.parametrize("lab", ["slots"], indirect=True)
def test_one_bad_member_of_a_hundred_is_named_alone(lab, misdeed, hundred, study, only_its_own_import_fails):
    only_its_own_import_fails(lab, "extract", misdeed, hundred, study)


@pytest.mark.parametrize("lab", ["slots"], indirect=True)
def test_one_large_member_is_named_too(lab, study, only_its_own_import_fails):
    large = {name: data + bytes(20 << 20) if name == list(study)[-2] else data for name, data in study.items()}
    only_its_own_import_fails(lab, "extract", "exit", large, study)


@pytest.mark.parametrize(("hook", "misdeed"), [("extract", "unsent"), ("extract", "fixed"), ("describe", "view")])
@pytest.mark.parametrize("lab", ["slots", "threads"], indirect=True)
def test_a_plugins_own_kind_of_text_or_mapping_is_one(lab, hook, misdeed, study, order):
    upload, _ = order(study, hook, misdeed)
    assert lab.is_whole(lab.import_(upload, "WILD"), upload)


@pytest.mark.parametrize("lab", ["slots"], indirect=True)
def test_a_fork_that_comes_back_does_not_answer_twice(lab, study, order):
    upload, _ = order(study, "extract", "fork")
    for _ in range(3):
        assert lab.is_whole(lab.import_(upload, "WILD"), upload)
    assert lab.is_whole(lab.import_(study, "CALM"), study)
