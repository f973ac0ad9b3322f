"""What the house tests look at: the repository's distributions and their source files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]
PARENTS = ("formats", "plugins", "frontends", "examples")


@frozen
class Distribution:
    """One distribution: its folder, its pyproject.toml and its import package."""

    folder: Path
    pyproject: dict[str, Any]
    package: Path

    @property
    def project(self) -> dict[str, Any]:
        return self.pyproject["project"]

    @property
    def name(self) -> str:
        return self.project["name"]

    @property
    def modules(self) -> list[Path]:
        return sorted(self.package.rglob("*.py"))


def read(folder: Path) -> Distribution:
    pyproject = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    (package,) = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return Distribution(folder, pyproject, folder / package)


FOLDERS = [path.parent for parent in PARENTS for path in sorted(ROOT.glob(f"{parent}/*/pyproject.toml"))]
DISTRIBUTIONS = [read(folder) for folder in (ROOT, *FOLDERS)]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def distributions() -> list[Distribution]:
    return DISTRIBUTIONS


@pytest.fixture(params=DISTRIBUTIONS, ids=lambda distribution: distribution.name)
def distribution(request: pytest.FixtureRequest) -> Distribution:
    return request.param
