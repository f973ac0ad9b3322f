from __future__ import annotations

import sys
from textwrap import dedent
from types import ModuleType

import pytest
from attrs import define, field

HEADER = "from xnat_import_core import *\nfrom xnat_import_core import hookimpl\n"
HANDLER = 'HANDLER = Handler(summary="a test")\n'
EXTENSION = 'EXTENSION = Extension(summary="a test")\n'
EXTRACT = '@hookimpl\ndef extract(members):\n    return tuple(Ignored(m.index, "test") for m in members)\n'


@define
class RecordedEvents:
    debugs: list[tuple[str, dict[str, object]]] = field(factory=list)
    errors: list[tuple[str, dict[str, object]]] = field(factory=list)

    def debug(self, event, **facts):
        self.debugs.append((event, facts))

    def error(self, event, **facts):
        self.errors.append((event, facts))


def make_module(text: str, name: str = "plugin_under_test") -> ModuleType:
    module = ModuleType(name)
    exec(compile(HEADER + text, f"<{name}>", "exec"), vars(module))  # noqa: S102 - a plugin, as its author writes it
    return module


@pytest.fixture
def log():
    return RecordedEvents()


@pytest.fixture
def handler_of():
    """Give a function that makes a handler module from its text; `extract` is there unless the text has one."""

    def make(text="", record=HANDLER):
        source = dedent(text)
        return make_module(record + ("" if "def extract" in source else EXTRACT) + source)

    return make


@pytest.fixture
def extension_of():
    """Give a function that makes an extension module from its text."""

    def make(text="", record=EXTENSION):
        return make_module(record + dedent(text))

    return make


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Give a function that installs a made-up distribution with one plugin module, and the folder to search."""

    def make(distribution, key, source, *, group="handlers", version="1.0", folder="site"):
        site = tmp_path / folder
        site.mkdir(exist_ok=True)
        if str(site) not in sys.path:
            monkeypatch.syspath_prepend(str(site))
        module = distribution.replace("-", "_")
        (site / f"{module}.py").write_text(HEADER + source)
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[xnat_import.{group}]\n{key} = {module}\n")
        return str(site)

    return make
