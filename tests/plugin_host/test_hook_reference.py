"""The documents for plugin authors say what the code says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import xnat_import_core
from xnat_import_core.plugin_host.checks import ARGUMENTS, HOOKS

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = (ROOT / "docs" / "write-a-handler.md").read_text(encoding="utf-8")
EXAMPLES = [
    path.read_text(encoding="utf-8")
    for pattern in ("*/pyproject.toml", "*/src/**/*.py", "*/tests/*.py")
    for path in sorted((ROOT / "examples").glob(pattern))
]


@pytest.mark.parametrize("hook", HOOKS)
def test_the_reference_has_every_hook_with_its_arguments(hook):
    reference = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    assert f"`{hook}({', '.join(ARGUMENTS[hook])})`" in reference


@pytest.mark.parametrize("block", re.findall(r"```(?:python|toml)\n(.*?)```", TUTORIAL, flags=re.DOTALL))
def test_the_tutorial_shows_the_examples_own_lines(block):
    assert any(block in text for text in EXAMPLES)


def test_the_tutorial_shows_code():
    assert TUTORIAL.count("```python\n") >= 4


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*/src/**/*.py")), ids=lambda path: path.stem)
def test_the_examples_use_public_names_only(path):
    imports = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)
    ]
    of_core = [node for node in imports if (node.module or "").startswith("xnat_import_core")]
    assert {node.module for node in of_core} <= {"xnat_import_core"}
    assert {name.name for node in of_core for name in node.names} <= set(xnat_import_core.__all__)
