"""What pluggy would take without a word is refused at load, with the remedy."""

from __future__ import annotations

import attrs
import pytest

import xnat_import_core.hookspecs
from xnat_import_core import Extension, Handler, Ignored, hookimpl
from xnat_import_core.errors import PluginError
from xnat_import_core.plugin_host import ExplicitPlugins, PluginHost
from xnat_import_core.plugin_host.checks import ARGUMENTS, HOOKS
from xnat_import_core.settings import Plugins


def report_of(log, handler=None, extension=None):
    handlers = {"H": handler} if handler is not None else {}
    extensions = {"e": extension} if extension is not None else {}
    (report,) = PluginHost(ExplicitPlugins(handlers, extensions), Plugins(), log).reports()
    return report


@pytest.mark.parametrize(
    ("text", "error", "remedy"),
    [
        ("@hookimpl\nasync def extract(members): ...", "extract: it is async", "plain function"),
        ("@hookimpl\nasync def extract(members):\n    yield 1", "extract: it is async", "plain function"),
        ("@hookimpl\ndef extract(members):\n    yield 1", "extract: it is a generator", "Return a tuple"),
        ("@hookimpl\ndef extrakt(members): ...", "extrakt: there is no hook of this name", "detect, arrange, extract"),
        ("@hookimpl\ndef arrange(upload, contxt): ...", "arrange: it takes an argument 'contxt'", "(upload, context)"),
        ("@hookimpl\ndef arrange(*upload): ...", "arrange: it takes *upload", "arrange(upload, context)"),
        ("@hookimpl\ndef arrange(upload, **more): ...", "arrange: it takes **more", "arrange(upload, context)"),
        ("@hookimpl\ndef arrange(upload, /): ...", "arrange: it takes upload", "arrange(upload, context)"),
        ("def arrange(upload, context): ...", "arrange: it has a hook's name, but is not marked", "@hookimpl"),
        ("@hookimpl(tryfirst=True)\ndef arrange(upload): ...", "arrange: it is marked with tryfirst", "settings"),
        ("@hookimpl(wrapper=True)\ndef arrange(upload):\n    yield", "arrange: it is marked with wrapper", "plain"),
        (
            "@hookimpl(specname='arrange')\ndef mine(upload): ...",
            "mine: it is marked with specname",
            "named as the hook",
        ),
        ("@hookimpl(optionalhook=True)\ndef mine(upload): ...", "mine: it is marked with optionalhook", "plain"),
        ("@hookimpl\ndef transform_files(files): ...", "transform_files: a plugin of kind handler", "kind extension"),
        ("@hookimpl\ndef import_finished(outcome): ...", "import_finished: a plugin of kind handler", "kind extension"),
        (
            "class C:\n    def __call__(self, upload): ...\narrange = hookimpl(C())",
            "arrange: it is marked as a hook, but is no function",
            "def",
        ),
    ],
)
def test_a_handler_is_refused_with_the_remedy(handler_of, log, text, error, remedy):
    report = report_of(log, handler=handler_of(text))
    assert report.error.startswith(error)
    assert remedy in report.remedy
    assert report.hooks == ()


@pytest.mark.parametrize("hook", ["detect", "arrange", "extract"])
def test_an_extension_is_not_asked_what_only_a_handler_knows(extension_of, log, hook):
    report = report_of(log, extension=extension_of(f"@hookimpl\ndef {hook}(): ..."))
    assert report.error == f"{hook}: a plugin of kind extension is never asked this"


def test_a_refused_extension_takes_no_import_down(extension_of, handler_of, log):
    broken = extension_of("@hookimpl\nasync def import_finished(outcome): ...")
    host = PluginHost(ExplicitPlugins({"H": handler_of()}, {"e": broken}), Plugins(), log)
    assert host.calls("H").has_transform is False
    assert log.errors[0][1]["plugin"] == "e"


def test_a_handler_must_have_extract(extension_of, log):
    assert report_of(log, handler=extension_of(record='HANDLER = Handler(summary="x")\n')).error == (
        "a handler must have extract"
    )


def test_a_function_that_was_imported_under_a_hooks_name_is_nobodys_hook(handler_of, log):
    module = handler_of()
    module.archive = __import__("shutil").make_archive
    assert report_of(log, handler=module).error == ""


def test_the_refusal_of_a_hook_is_an_error_that_names_it(handler_of, log):
    host = PluginHost(ExplicitPlugins({"H": handler_of("@hookimpl\ndef archiv(): ...")}), Plugins(), log)
    with pytest.raises(PluginError, match=r"The handler H \(given as .*\) cannot be used: hook archiv") as caught:
        host.calls("H")
    assert caught.value.hook == "archiv"


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ("HANDLER = None\n", "it has no HANDLER"),
        ('HANDLER = Extension(summary="x")\n', "it has no HANDLER"),
        ("HANDLER = Handler(summary='')\n", "its summary"),
        ("HANDLER = Handler(summary='a\\nb')\n", "its summary"),
        ("HANDLER = Handler(summary='x', spec_version=2)\n", "it was written for version 2 of the hooks"),
        ("HANDLER = Handler(summary='x', spec_version=0)\n", "it was written for version 0 of the hooks"),
        ("HANDLER = Handler(summary='x', containers='zip')\n", "containers is not"),
        ("HANDLER = Handler(summary='x', containers=('rar',))\n", "containers is not"),
        ("HANDLER = Handler(summary='x', nested='opened')\n", "nested has a value"),
        ("HANDLER = Handler(summary='x', nameless_label='')\n", "nameless_label is empty"),
    ],
)
def test_the_record_is_checked(handler_of, log, record, error):
    report = report_of(log, handler=handler_of(record=record))
    assert report.error.startswith(error)
    assert report.remedy


def test_wants_is_a_tuple_of_names(extension_of, log):
    record = 'EXTENSION = Extension(summary="x", wants="dicom:00081010")\n'
    assert report_of(log, extension=extension_of(record=record)).error == "wants is not a tuple of names"


class ByValue:
    HANDLER = Handler(summary="a class")

    @hookimpl
    def extract(self, members):
        return tuple(Ignored(member.index, "test") for member in members)

    def __eq__(self, other):
        return True

    __hash__ = None


@attrs.frozen(eq=False)
class ByIdentity:
    HANDLER = Handler(summary="an instance")
    number: int = 0

    @property
    def trap(self):
        raise RuntimeError

    @hookimpl
    def extract(self, members):
        return tuple(Ignored(member.index, "test") for member in members)


def test_an_instance_may_be_a_plugin(log):
    assert report_of(log, handler=ByIdentity()).error == ""
    host = PluginHost(ExplicitPlugins({"A": ByIdentity(), "B": ByIdentity()}), Plugins(), log)
    assert host.calls("A").extract((), None) == host.calls("B").extract((), None) == ()


def test_a_class_may_not(log):
    report = report_of(log, handler=ByIdentity)
    assert report.error == "the entry point names the class ByIdentity, not an instance"
    assert "plugin = ByIdentity()" in report.remedy


def test_an_instance_that_compares_by_value_may_not(log):
    report = report_of(log, handler=ByValue())
    assert report.error == "instances of ByValue are compared by value"
    assert "eq=False" in report.remedy


def test_every_hookspec_is_known_with_its_arguments():
    assert HOOKS == (
        "detect",
        "arrange",
        "extract",
        "map_destination",
        "review_session",
        "transform_files",
        "describe",
        "archive",
        "import_finished",
        "session_archived",
    )
    assert ARGUMENTS["extract"] == ("members", "context")
    assert all(getattr(xnat_import_core.hookspecs, hook).__doc__ for hook in HOOKS)


def test_an_extension_of_every_hook_it_may_answer_is_taken(extension_of, log):
    hooks = ("map_destination", "review_session", "transform_files", "archive", "import_finished", "session_archived")
    text = "\n".join(f"@hookimpl\ndef {hook}({', '.join(ARGUMENTS[hook])}): ..." for hook in hooks)
    assert report_of(log, extension=extension_of(text)).hooks == hooks
    assert isinstance(extension_of(text).EXTENSION, Extension)
