"""What is installed: nothing is imported before its turn, nothing broken takes anything else down."""

from __future__ import annotations

import sys

import pytest

from xnat_import_core.errors import PluginError, UnknownHandlerError
from xnat_import_core.plugin_host import ExplicitPlugins, InstalledPlugins, PluginHost
from xnat_import_core.settings import Plugins

HANDLER = 'HANDLER = Handler(summary="a test")\n@hookimpl\ndef extract(members):\n    return ()\n'
EXTENSION = 'EXTENSION = Extension(summary="a test")\n'


def host_on(path, log, **settings):
    chosen = Plugins(**settings)
    return PluginHost(InstalledPlugins(chosen, [path]), chosen, log)


def test_fifty_handlers_and_only_the_one_that_is_asked_for_is_imported(install, log):
    for number in range(50):
        path = install(f"fake-many-{number}", f"KEY{number:02}", HANDLER)
    host = host_on(path, log)
    assert host.handler_names() == tuple(f"KEY{number:02}" for number in range(50))
    assert not [name for name in sys.modules if name.startswith("fake_many_")]
    assert host.calls("KEY07").distribution == "fake-many-7"
    assert [name for name in sys.modules if name.startswith("fake_many_")] == ["fake_many_7"]


def test_a_handler_is_built_once(install, log):
    host = host_on(install("fake-once", "ONCE", HANDLER), log)
    assert host.calls("ONCE") is host.calls("ONCE")


def test_the_report_says_what_is_there(install, log):
    path = install("fake-there", "HERE", HANDLER, version="2.5")
    install("fake-there-too", "rule", EXTENSION, group="extensions")
    handler, extension = host_on(path, log).reports()
    assert (handler.key, handler.kind, handler.distribution, handler.version) == (
        "HERE",
        "handler",
        "fake-there",
        "2.5",
    )
    assert (handler.summary, handler.hooks, handler.error) == ("a test", ("extract",), "")
    assert (extension.key, extension.kind, extension.hooks) == ("rule", "extension", ())


@pytest.mark.parametrize("key", ["nobody", "here", "HERE "])
def test_an_unknown_key_is_told_as_xnat_tells_it(install, log, key):
    host = host_on(install("fake-case", "HERE", HANDLER), log)
    with pytest.raises(UnknownHandlerError, match=f"^Unknown importer implementation specified: {key}$"):
        host.calls(key)


def test_two_claims_to_one_key_name_both_and_denying_one_helps(install, log):
    path = install("fake-first", "BOTH", HANDLER)
    install("fake-second", "BOTH", HANDLER)
    install("fake-innocent", "OTHER", HANDLER)
    host = host_on(path, log)
    assert host.handler_names() == ("BOTH", "OTHER")
    with pytest.raises(PluginError, match=r"fake-first and by fake-second.*plugins\.deny"):
        host.calls("BOTH")
    assert host.calls("OTHER").key == "OTHER"
    assert [report.distribution for report in host.reports() if report.error] == ["fake-first", "fake-second"]
    assert host_on(path, log, deny=("Fake_Second",)).calls("BOTH").distribution == "fake-first"


def test_two_extensions_of_one_name_are_both_left_out(install, log):
    path = install("fake-h", "H", HANDLER)
    install("fake-e1", "rule", EXTENSION, group="extensions")
    install("fake-e2", "rule", EXTENSION, group="extensions")
    host = host_on(path, log)
    assert host.calls("H").key == "H"
    assert [report.error for report in host.reports() if report.kind == "extension"] == [
        "the name rule is claimed by fake-e1 and by fake-e2"
    ] * 2


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import module_that_is_not_there\n", "it needs the module module_that_is_not_there, which is not installed"),
        ("raise RuntimeError('/secret/path')\n", "it raises RuntimeError when it is imported"),
        ("import sys\nsys.exit(3)\n", "it ends the program when it is imported (SystemExit)"),
        ("def broken(:\n", "it raises SyntaxError (line 3) when it is imported"),
        ("from pathlib import no_such_name\n", "it raises ImportError when it is imported"),
        ("x = 1\n", "it has no HANDLER, a record of type Handler"),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_told_and_harms_nobody(install, log, source, said):
    name = f"fake-broken-{abs(hash(source))}"
    path = install(name, "BAD", source)
    install(f"{name}-innocent", "GOOD", HANDLER)
    host = host_on(path, log)
    bad, good = host.reports()
    assert (bad.error, bool(bad.remedy), good.error) == (said, True, "")
    with pytest.raises(PluginError) as caught:
        host.calls("BAD")
    assert (caught.value.plugin, caught.value.distribution) == ("BAD", name)
    assert said in caught.value.message
    assert bad.remedy in caught.value.message
    assert "/secret" not in caught.value.message
    assert host.calls("GOOD").key == "GOOD"
    assert [event for event, _ in log.errors] == ["plugin refused"]


def test_a_denied_plugin_is_never_imported(install, log):
    path = install("fake-denied", "NEVER", "raise SystemExit\n")
    install("fake-denied-too", "never", "raise SystemExit\n", group="extensions")
    host = host_on(path, log, deny=("NEVER", "fake_denied.too"))
    assert host.reports() == ()
    assert "fake_denied" not in sys.modules
    with pytest.raises(UnknownHandlerError):
        host.calls("NEVER")


def test_explicit_plugins_obey_the_deny_list(handler_of, log):
    host = PluginHost(ExplicitPlugins(handlers={"A": handler_of(), "B": handler_of()}), Plugins(deny=("A",)), log)
    assert host.handler_names() == ("B",)


def test_a_broken_distribution_does_not_hide_the_others(install, tmp_path, log):
    path = install("fake-healthy", "WELL", HANDLER)
    for name, text in (("no_metadata", "[xnat_import.handlers]\nX = y\n"), ("no_ini", "[xnat_import.handlers]\n==\n")):
        (tmp_path / "site" / f"{name}-1.dist-info").mkdir()
        (tmp_path / "site" / f"{name}-1.dist-info" / "entry_points.txt").write_text(text)
    host = host_on(path, log)
    assert "WELL" in host.handler_names()
    assert [report.key for report in host.reports() if not report.error] == ["WELL"]


def test_a_copy_that_python_would_not_import_does_not_count(install, log):
    old = install("fake-twice", "OLD", HANDLER, folder="later", version="1.0")
    new = install("fake-twice", "NEW", HANDLER, folder="earlier", version="2.0")
    host = PluginHost(InstalledPlugins(path=[new, old]), Plugins(), log)
    assert host.handler_names() == ("NEW",)


def test_extensions_are_called_by_name_unless_the_site_orders_them(extension_of, handler_of, log):
    extensions = {name: extension_of() for name in ("c", "a", "b")}
    source = ExplicitPlugins(handlers={"H": handler_of()}, extensions=extensions)

    def order(*names):
        reports = PluginHost(source, Plugins(order=names), log).reports()
        return [report.key for report in reports if report.kind == "extension"]

    assert order() == ["a", "b", "c"]
    assert order("c", "not-installed") == ["c", "a", "b"]


def test_one_extension_under_two_names_is_called_once(extension_of, handler_of, log):
    same = extension_of()
    host = PluginHost(ExplicitPlugins({"H": handler_of()}, {"one": same, "two": same}), Plugins(), log)
    assert [report.error for report in host.reports()] == ["", "", "it is the same plugin as one"]
    assert host.calls("H").key == "H"


def test_two_hosts_in_one_process_know_nothing_of_each_other(handler_of, extension_of, log):
    handler = handler_of()
    rule = 'EXTENSION = Extension(summary="x", wants=("dicom:00081010",))\n'
    plain = PluginHost(ExplicitPlugins({"H": handler}), Plugins(), log)
    ruled = PluginHost(ExplicitPlugins({"H": handler}, {"rule": extension_of(record=rule)}), Plugins(), log)
    assert ruled.calls("H").wants == {"dicom:00081010"}
    assert plain.calls("H").wants == frozenset()
