"""What an import of the core costs: nothing that only a plugin, a format or a front end needs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

FOREIGN = {"pydicom", "nibabel", "numpy", "starlette", "granian", "uvicorn", "python_multipart"}
HEAVY = {"sqlalchemy", "alembic", "lxml", "click", "rich", "structlog", "typed_settings"}


PRINT_LOADED = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after `statement`."""
    program = f"{statement}\n{PRINT_LOADED}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def distribution_packages(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("xnat_import_")} - {"xnat_import_core"}


def test_import_of_the_core_loads_nothing_but_itself():
    loaded = loaded_by("import xnat_import_core")
    assert not loaded & (FOREIGN | HEAVY)
    assert not distribution_packages(loaded)


@pytest.mark.parametrize("name", ["Service", "Settings", "load_settings", "hookimpl", "ImportedFile"])
def test_no_public_name_loads_a_plugin_a_format_or_a_web_framework(name):
    loaded = loaded_by(f"from xnat_import_core import {name}")
    assert not loaded & FOREIGN
    assert not distribution_packages(loaded)


def test_what_a_handler_author_imports_needs_neither_database_nor_xml():
    loaded = loaded_by("from xnat_import_core import Handler, ImportedFile, Rejected, Scan, hookimpl, clean_label")
    assert not loaded & HEAVY
