"""The pytest plugin: fixtures for tests that import into a store of their own. Loads no service by itself."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from xnat_import_core.plugin_host import PluginSource
    from xnat_import_core.service import Service

__all__ = ["ServiceFactory", "import_service", "xnat_import_store"]


class ServiceFactory(Protocol):
    """Makes a started service on the test's own store; it is closed when the test ends."""

    def __call__(self, plugins: PluginSource | None = None, **settings: object) -> Service:
        """``plugins``: an explicit set, or what is installed. ``settings``: fields of ``Settings`` but ``store``."""


@pytest.fixture
def xnat_import_store(tmp_path: Path) -> Path:
    """Give the folder of an empty store."""
    store = tmp_path / "xnat-import-store"
    store.mkdir()
    return store


@pytest.fixture
def import_service(xnat_import_store: Path) -> Iterator[ServiceFactory]:
    """Give a factory of services on the test's store: ``import_service(ExplicitPlugins(handlers={...}))``."""
    from xnat_import_core.service import Service  # noqa: PLC0415 - loaded only by tests that import something
    from xnat_import_core.settings import Settings  # noqa: PLC0415 - as above

    with ExitStack() as opened:

        def make(plugins: PluginSource | None = None, **settings: object) -> Service:
            make_settings = cast("Callable[..., Settings]", Settings)
            return opened.enter_context(Service(make_settings(xnat_import_store, **settings), plugins))

        yield make
