"""One plugin manager for one handler key: the core's defaults, that handler, the extensions. Never changed once built.

No other handler is in it, so none can leak into an import; pluggy calls the last registered first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

from xnat_import_core import hookspecs
from xnat_import_core.hookspecs import PROJECT_NAME
from xnat_import_core.plugin_host import defaults
from xnat_import_core.plugin_host.faults import Answerer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xnat_import_core.plugin_host.loading import Loaded

__all__ = ["CORE", "build_manager"]

CORE = Answerer("core default", "xnat-import-core")
"""Who answers where no plugin does."""


def build_manager(handler: Loaded, extensions: Sequence[Loaded]) -> pluggy.PluginManager:
    """Build the manager of one key. ``extensions`` are in the order of their calls."""
    manager = pluggy.PluginManager(PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    manager.register(defaults, _name("core", CORE.name))
    for loaded in (handler, *reversed(extensions)):
        manager.register(loaded.plugin, _name(loaded.claim.kind, loaded.claim.key))
    manager.check_pending()
    return manager


def _name(kind: str, key: str) -> str:
    """Keys and names of extensions are spaces of their own: one word may be both."""
    return f"{kind}:{key}"
