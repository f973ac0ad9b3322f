"""The public names of the core: what is promised is there, documented, and nothing else is."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

import pytest

import xnat_import_core

if TYPE_CHECKING:
    from pathlib import Path

CALLABLE = (type, type(lambda: None))


def names_for_type_checkers(root: Path) -> set[str]:
    tree = ast.parse((root / "xnat_import_core" / "__init__.py").read_text("utf-8"))
    return {
        alias.asname or alias.name
        for block in ast.walk(tree)
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_a_type_checker_and_the_interpreter_see_the_same_names(root):
    assert names_for_type_checkers(root) == set(xnat_import_core.__all__)


def test_names_are_sorted_as_a_reader_looks_them_up():
    assert dir(xnat_import_core) == sorted(xnat_import_core.__all__)
    assert len(set(xnat_import_core.__all__)) == len(xnat_import_core.__all__)


@pytest.mark.parametrize("name", sorted(xnat_import_core.__all__))
def test_a_public_name_can_be_imported_and_says_what_it_is(name):
    value = getattr(xnat_import_core, name)
    if isinstance(value, CALLABLE):
        assert inspect.getdoc(value)
        assert value.__module__.startswith("xnat_import_core.")


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        xnat_import_core.no_such_name  # noqa: B018 - reading it is the test
