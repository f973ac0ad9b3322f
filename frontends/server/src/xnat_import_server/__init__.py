"""XNAT's REST interface for xnat-import, as an ASGI application to mount anywhere.

``create_app(service)`` gives the application; ``Users`` are the built-in users; a ``UserSource`` or ``identify`` of
your own takes their place. Names are loaded when they are first asked for: a command shows its help without Starlette.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xnat_import_server.accounts import Account, Role
    from xnat_import_server.app import create_app
    from xnat_import_server.users import Users, UserSource

__all__ = ["Account", "Role", "UserSource", "Users", "create_app"]

_HOME = {"Account": "accounts", "Role": "accounts", "UserSource": "users", "Users": "users", "create_app": "app"}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
