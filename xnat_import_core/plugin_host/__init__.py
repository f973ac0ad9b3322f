"""The plugin host: what is installed, what of it may be used, and typed calls of its hooks.

``PluginHost(InstalledPlugins(settings), settings).calls("SI").extract(members, context)``
"""

from __future__ import annotations

from xnat_import_core.plugin_host.calls import HookCalls
from xnat_import_core.plugin_host.discovery import InstalledPlugins
from xnat_import_core.plugin_host.events import EventLog
from xnat_import_core.plugin_host.host import PluginHost
from xnat_import_core.plugin_host.sources import Claim, ExplicitPlugins, PluginReport, PluginSource

__all__ = [
    "Claim",
    "EventLog",
    "ExplicitPlugins",
    "HookCalls",
    "InstalledPlugins",
    "PluginHost",
    "PluginReport",
    "PluginSource",
]
