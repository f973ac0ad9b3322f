"""What authors of handlers and extensions test with: members in memory, a contract to inherit, fixtures for pytest.

The fixtures (``xnat_import_store``, ``import_service``) come with the installation: pytest loads them by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xnat_import_core.testing.memory import MemoryMember, MemoryUpload
from xnat_import_core.testing.sessions import incoming_session, stored_session

if TYPE_CHECKING:
    from xnat_import_core.testing.conformance import HandlerContract

__all__ = ["HandlerContract", "MemoryMember", "MemoryUpload", "incoming_session", "stored_session"]


def __getattr__(name: str) -> object:
    if name == "HandlerContract":
        from xnat_import_core.testing.conformance import HandlerContract  # noqa: PLC0415 - it needs pytest, members do not

        return HandlerContract
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
