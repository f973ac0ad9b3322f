"""The contract for handler authors finds what it promises to find."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from xnat_import_core import ExtractContext, ImportRequest, PluginError, Plugins
from xnat_import_core.plugin_host import ExplicitPlugins, PluginHost
from xnat_import_core.testing import HandlerContract, MemoryMember, conformance

CONTRACT = HandlerContract()
CONTEXT = ExtractContext("under test", ImportRequest())
SAMPLES = (MemoryMember(0, "a.dat", b"good 1"), MemoryMember(1, "b.dat", b"good 2"))
FILE = "ImportedFile(m.index, 's', Scan('1'), 'R', m.name, facts={'n': %s})"
TUPLE = "@hookimpl\ndef extract(members):\n    return tuple(" + FILE + " for m in members)\n"


@pytest.fixture
def case(handler_of):
    """Give a function that makes the contract's own fixtures for a handler from its text."""

    def make(text):
        plugins = ExplicitPlugins({"under test": handler_of(text)})
        calls = PluginHost(plugins, Plugins()).calls("under test")
        return calls, conformance._arranged(calls, SAMPLES, CONTEXT)

    return make


GROUP_TESTS = [
    "test_samples_are_recognised",
    "test_extract_is_pure",
    "test_order_does_not_matter",
    "test_batches_do_not_matter",
    "test_answers_travel",
    "test_members_are_closed",
    "test_stored_files_are_read_again",
    "test_sessions_are_described",
]


@pytest.mark.parametrize("name", GROUP_TESTS)
def test_a_good_handler_passes(case, name):
    calls, groups = case(TUPLE % "m.head(4).decode()")
    getattr(CONTRACT, name)(calls, groups, CONTEXT)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("test_samples_are_recognised", ""),
        ("test_extract_is_pure", "SEEN = []\n" + TUPLE % "SEEN.append(1) or len(SEEN)"),
        ("test_order_does_not_matter", TUPLE % "members[0].index"),
        ("test_batches_do_not_matter", TUPLE % "len(members)"),
        ("test_members_are_closed", TUPLE % "m.open().read().decode()"),
        ("test_answers_travel", "class Odd(str): ...\n" + TUPLE % "Odd('x')"),
        (
            "test_stored_files_are_read_again",
            TUPLE.replace("'s'", "'again' if m.stored else 's'") % "1",
        ),
    ],
)
def test_a_broken_handler_is_found(case, name, text):
    calls, groups = case(text)
    with pytest.raises((AssertionError, pickle.PicklingError)):
        getattr(CONTRACT, name)(calls, groups, CONTEXT)


def test_a_handler_that_raises_on_garbage_is_found(case):
    calls, _ = case(TUPLE % "int(m.head(9).split()[1])")
    with pytest.raises(PluginError):
        CONTRACT.test_garbage_is_no_exception(b"\0", calls, SAMPLES, CONTEXT)
    with pytest.raises(PluginError):
        CONTRACT.test_truncation_is_no_exception(0.5, calls, SAMPLES, CONTEXT)


def test_a_handler_that_trusts_names_is_found(case):
    calls, _ = case(TUPLE % "m.name.index('.')")
    with pytest.raises(PluginError):
        CONTRACT.test_names_are_only_text("x", calls, SAMPLES, CONTEXT)


def test_a_handler_that_cannot_be_loaded_is_found(handler_of):
    with pytest.raises(AssertionError):
        CONTRACT.test_handler_loads(handler_of("@hookimpl\ndef extrakt(): ..."))


@pytest.mark.parametrize("module", ["xnat_import_core.testing.fixtures", "xnat_import_core.plugin_host"])
def test_what_pytest_and_workers_load_stays_light(module):
    heavy = "{'sqlalchemy', 'lxml', 'structlog', 'pydicom', 'nibabel', 'alembic', 'click'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_store_is_an_empty_folder_of_its_own(xnat_import_store):
    assert list(xnat_import_store.iterdir()) == []
