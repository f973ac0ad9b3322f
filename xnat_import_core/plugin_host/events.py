"""Where the host tells what its plugins did. structlog is loaded at the first event: a worker never pays for it."""

from __future__ import annotations

from typing import Protocol

from xnat_import_core.logs import event_logger, structlog_is_configured

__all__ = ["EventLog", "StructlogEvents"]


class EventLog(Protocol):
    """Takes events: a name, and facts that hold no patient data."""

    def debug(self, event: str, **facts: object) -> None:
        """Something normal: a call and its time."""

    def error(self, event: str, **facts: object) -> None:
        """A plugin failed."""


class StructlogEvents:
    """Events for the program's log. Where nobody configured structlog, calls are not told: only faults are."""

    def debug(self, event: str, **facts: object) -> None:
        """Hand on at DEBUG."""
        if structlog_is_configured():
            event_logger().debug(event, **facts)

    def error(self, event: str, **facts: object) -> None:
        """Hand on at ERROR."""
        event_logger().error(event, **facts)
