"""Python loads this first in each program that a test on PostgreSQL starts: stores have their databases there, too."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

VARIABLE = "XNAT_IMPORT_TEST_CLUSTER"


class _WhenLoaded:
    """Finds the module that opens databases, once, and changes it when it is loaded: most programs never load it."""

    NAME = "xnat_import_core.database.engine"

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name != self.NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_and_change(module: ModuleType) -> None:
            load(module)
            self.change(module)

        spec.loader.exec_module = load_and_change
        return spec

    @staticmethod
    def change(module: ModuleType) -> None:
        from postgresql_cluster import Cluster  # noqa: PLC0415 - as above

        cluster, real = Cluster(Path(os.environ[VARIABLE])), module.make_engine
        module.make_engine = lambda url, busy_timeout: real(cluster.stand_in(url), busy_timeout)


if VARIABLE in os.environ:
    sys.meta_path.insert(0, _WhenLoaded())
