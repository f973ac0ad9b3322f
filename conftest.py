"""What the tests of every distribution share: where the test data lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent
SHARED = ROOT.parent / "shared"


def existing(path: Path, what: str) -> Path:
    """Give `path`, or skip the test and say what it wanted and where it was looked for."""
    if not path.is_dir():
        pytest.skip(f"{what} not found at {path}")
    return path


@pytest.fixture(scope="session")
def shipped() -> Path:
    """Give the folder of the real files that come with this repository."""
    return ROOT / "tests" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of the larger real data beside this repository, or skip."""
    return existing(SHARED / "data", "the larger test data (optional, not shipped)")


@pytest.fixture(scope="session")
def shared_schemas() -> Path:
    """Give the folder of XNAT's XML schemas beside this repository, or skip."""
    return existing(SHARED / "spec" / "schemas", "XNAT's XML schemas (optional, not shipped)")


@pytest.fixture(autouse=True)
def _own_log_configuration() -> Iterator[None]:
    """Leave no test the log configuration of the one before: commands configure structlog for their whole process."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
