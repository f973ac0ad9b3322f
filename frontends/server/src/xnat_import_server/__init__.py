"""XNAT's REST interface for xnat-import, as an ASGI application to mount anywhere.

``create_app(service)`` gives the application; ``Users`` are the built-in users; a ``UserSource`` or ``identify`` of
your own takes their place.
"""

from __future__ import annotations

from xnat_import_server.accounts import Account, Role
from xnat_import_server.app import create_app
from xnat_import_server.users import Users, UserSource

__all__ = ["Account", "Role", "UserSource", "Users", "create_app"]
