"""What the tests of every distribution share: where the test data lie, and the databases that they run on."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import postgresql_cluster
import pytest
import structlog

from xnat_import_core.database import engine

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent
SHARED = ROOT.parent / "shared"
ON_BOTH = tuple(
    str(ROOT / folder)
    for folder in (
        "frontends/server/tests", "tests/archive", "tests/database", "tests/imports", "tests/operations",
        "tests/prearchive", "tests/recovery", "tests/upkeep",
    )
)  # fmt: skip
"""The promises that hold whatever the database is: their tests run on SQLite and, where it is, on PostgreSQL."""


SEED, ONE_IN = "XNAT_IMPORT_TEST_SEED", 6


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--database``: one of the two, for all tests that run on both."""
    wanted = os.environ.get("XNAT_IMPORT_TEST_DATABASE", "both")
    words = "databases for the tests that hold for each (XNAT_IMPORT_TEST_DATABASE); both: PostgreSQL if it is there"
    parser.addoption("--database", choices=("sqlite", "postgresql", "both"), default=wanted, help=words)


def pytest_configure(config: pytest.Config) -> None:
    """Where a test asks for PostgreSQL in so many words, it must be there. The seed is the same in every worker."""
    os.environ.setdefault(SEED, str(secrets.randbelow(10**6)))
    if config.getoption("--database") == "postgresql" and (why := postgresql_cluster.missing()):
        raise pytest.UsageError(why)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the promises on each database; on SQLite a test has its plain name."""
    wanted, test = metafunc.config.getoption("--database"), metafunc.definition
    chooses = "postgresql" in metafunc.fixturenames or test.get_closest_marker("sqlite")
    too_long = wanted == "both" and test.get_closest_marker("long")
    if not (chooses or too_long or postgresql_cluster.missing()) and str(test.path).startswith(ON_BOTH):
        databases = {"sqlite": pytest.HIDDEN_PARAM, "postgresql": "postgresql"}
        chosen = databases if wanted == "both" else [wanted]
        metafunc.parametrize("database_kind", chosen, indirect=True, ids=[databases[each] for each in chosen])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where tests run on both, PostgreSQL gets a sample of them: all would cost as long again."""
    if config.getoption("--database") == "both":
        left = [item for item in items if "[postgresql" in item.name and not _is_picked(item.nodeid)]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in set(left)]


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say how the sample can be had again."""
    if config.getoption("--database") == "both" and not postgresql_cluster.missing():
        return f"PostgreSQL: one promise in {ONE_IN} by {SEED}={os.environ[SEED]}; all by --database=postgresql"
    return None


def _is_picked(test: str) -> bool:
    return hashlib.sha256(f"{os.environ[SEED]} {test}".encode()).digest()[0] % ONE_IN == 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which database was not tried."""
    if config.getoption("--database") == "both" and (why := postgresql_cluster.missing()):
        terminalreporter.write_line(f"Tests ran on SQLite only: {why}.", yellow=True)


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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgresql_cluster.Cluster]:
    """Give a PostgreSQL of its own to this run (to each worker), or skip."""
    if why := postgresql_cluster.missing():
        pytest.skip(why)
    cluster = postgresql_cluster.Cluster.make()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(autouse=True)
def database_kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Have a test's stores keep their rows in the database that its parameter names, and its programs' stores."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield "sqlite"
        return
    cluster, real = request.getfixturevalue("postgresql"), engine.make_engine
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "make_engine", lambda url, patience: real(cluster.stand_in(url), patience))
        for name, value in cluster.programs_environment().items():
            patch.setenv(name, value)
        yield "postgresql"
    cluster.clear_stand_ins()
