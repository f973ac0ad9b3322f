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


AS_A_WORKER = """
import pickle, socket, sys, threading
from pathlib import Path
from xnat_import_core.models import ExtractContext
from xnat_import_core.parameters import ImportRequest
from xnat_import_core.plugin_host import InstalledPlugins
from xnat_import_core.settings import Plugins
from xnat_import_core.worker import serve
from xnat_import_core.workers.batches import Batch
from xnat_import_core.workers.channel import receive, send
from xnat_import_core.workers.jobs import Extracting
from xnat_import_core.workers.members import LoadedMember
from xnat_import_core.workers.slots import Greeting

data = Path({path!r}).read_bytes()
member = LoadedMember(0, "file", "file", len(data), "", data)
job = Extracting(Batch((member,), (None,)), ExtractContext("SI", ImportRequest()), Path("nowhere"), keep=False)
ours, theirs = socket.socketpair()
threading.Thread(target=serve, args=(theirs,)).start()
for message in (Greeting(tuple(sys.path), pickle.dumps(InstalledPlugins(Plugins())), Plugins(), 1 << 31), ("SI", job)):
    send(ours, message)
    answer = receive(ours)
ours.close()
assert answer.value.folds, answer
"""


def test_a_worker_reads_a_plain_file_without_database_xml_log_and_pydicom(shipped):
    loaded = loaded_by(AS_A_WORKER.format(path=str(shipped / "pydicom/test_files/MR_small.dcm")))
    assert not loaded & (FOREIGN | HEAVY)
    assert distribution_packages(loaded) == {"xnat_import_dicom", "xnat_import_si"}


def test_a_worker_loads_pydicom_for_a_file_that_needs_it(shipped):
    loaded = loaded_by(AS_A_WORKER.format(path=str(shipped / "pydicom/test_files/MR_small_bigendian.dcm")))
    assert "pydicom" in loaded
    assert not loaded & HEAVY
