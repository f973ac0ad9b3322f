"""What came in: the typed request, the grammar of ``dest``, containers and their limits."""

from __future__ import annotations

from xnat_import_core.uploads.destination import DestinationPath, parse_destination
from xnat_import_core.uploads.handler_choice import choose_handler_key
from xnat_import_core.uploads.request import parse_request

__all__ = ["DestinationPath", "choose_handler_key", "parse_destination", "parse_request"]
