"""Where the host tells what its plugins did. structlog is loaded at the first event: a worker never pays for it."""

from __future__ import annotations

import traceback
from typing import Protocol

__all__ = ["EventLog", "StructlogEvents", "frames_of"]


class EventLog(Protocol):
    """Takes events: a name, and facts that hold no patient data."""

    def debug(self, event: str, **facts: object) -> None:
        """Something normal: a call and its time."""

    def error(self, event: str, **facts: object) -> None:
        """A plugin failed."""


class StructlogEvents:
    """Events for structlog. Where nobody configured it, it would print every call: then DEBUG is left out."""

    def debug(self, event: str, **facts: object) -> None:
        """Hand on at DEBUG, if the program configured structlog."""
        import structlog  # noqa: PLC0415 - a worker that brings its own log never loads it

        if structlog.is_configured():
            structlog.get_logger().debug(event, **facts)

    def error(self, event: str, **facts: object) -> None:
        """Hand on at ERROR."""
        import structlog  # noqa: PLC0415 - as above

        structlog.get_logger().error(event, **facts)


def frames_of(error: BaseException) -> list[str]:
    """A traceback without texts: an exception's words and the source's values may hold a patient's data."""
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
