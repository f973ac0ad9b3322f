"""Every code block of the documentation is run. CONTRIBUTING.md says how to write one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import SkipTest
from zipfile import ZipFile

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

from xnat_import_core import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PARENTS = ("formats", "plugins", "frontends", "examples")
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(path for parent in PARENTS for path in ROOT.glob(f"{parent}/*/README.md")),
]
# Compared line by line with the examples, which have tests of their own.
EXCERPTS = {ROOT / "docs" / "write-a-handler.md"}
READ_ONLY = {"text", "mermaid", "http", "xml", "{mermaid}", "{toctree}", "{note}", "{warning}", "{eval-rst}"}
STUDY = "pydicom/test_files/dicomdirtests/98892003"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of a server that lives as long as a document's test


def commands(block: str) -> list[str]:
    """Lines after `$ `, each with its continuation lines; what is printed below them is for the reader."""
    joined = block.replace("\\\n", " ")
    return [line[2:] for line in joined.splitlines() if line.startswith("$ ")]


def run_console(example: Example) -> None:
    """Each command must end well, in the document's own folder."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "COLUMNS": "120", "XNAT_IMPORT_ADMIN_PASSWORD": PASSWORD}
    listed = commands(example.parsed)
    assert listed, "a console block has at least one line that starts with '$ '"
    for command in listed:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],  # noqa: S607 - the reader's shell
            env=environment,
            cwd=example.namespace["folder"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"


def load_toml(example: Example) -> None:
    """A TOML block is well formed; one with our table is loaded as settings."""
    if "xnat-import" in tomllib.loads(example.parsed):
        file = example.namespace["folder"] / "settings-of-a-block.toml"
        file.write_text(example.parsed, "utf-8")
        load_settings(example.namespace["store"], file)


def parse_json(example: Example) -> None:
    json.loads(example.parsed)


BLOCK = RawFencedCodeBlockLexer(re.compile(r"(?P<language>[^\n]*)$\n", re.MULTILINE))
EVALUATORS = {"console": run_console, "toml": load_toml, "json": parse_json}


def every_other_block(document: Document) -> Iterator[Region]:
    """Blocks that are no Python: run, loaded, or known to be for reading only. Others are a fault."""
    for region in BLOCK(document):
        language = region.lexemes["language"].split(" ")[0]
        if language == "python" or language in READ_ONLY:
            continue
        if language not in EVALUATORS:
            pytest.fail(f"{document.path}: a block of language {language!r}; say python, console, toml, json or text")
        yield Region(region.start, region.end, region.lexemes["source"], EVALUATORS[language])


@pytest.fixture
def folder(tmp_path, shipped, monkeypatch):
    """What a reader has: `study.zip` and the folder `study`, here; and no store yet."""
    shutil.copytree(shipped / STUDY, tmp_path / "study")
    with ZipFile(tmp_path / "study.zip", "w") as archive:
        for file in sorted((tmp_path / "study").rglob("*")):
            archive.write(file, file.relative_to(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_block_does_what_it_shows(path, folder):
    python = [] if path in EXCERPTS else [PythonCodeBlockParser()]
    document = Sybil([*python, SkipParser(), every_other_block]).parse(path)
    document.namespace |= {"folder": folder, "store": folder / "store"}
    for example in document.examples():
        with suppress(SkipTest):
            example.evaluate()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    assert not [target for target in targets if not (path.parent / target).exists()]
