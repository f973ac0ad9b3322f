"""Where events go: to structlog if the program configured it, else to the standard library's logger ``xnat_import``.

An embedder who configures nothing sees warnings and errors on standard error, and nothing on standard output.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any

__all__ = ["event_logger", "frames_of", "structlog_is_configured"]


def event_logger(**bound: str) -> Any:  # noqa: ANN401 - structlog's loggers have no common type
    """A logger for events: a name, and facts that hold no patient data. structlog is loaded at the first event."""
    import structlog  # noqa: PLC0415 - a worker that logs nothing never pays for it

    if structlog.is_configured():
        return structlog.get_logger(**bound)
    logger: Any = structlog.wrap_logger(
        logging.getLogger("xnat_import"),
        processors=[structlog.stdlib.filter_by_level, structlog.processors.KeyValueRenderer(key_order=["event"])],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return logger.bind(**bound)


def structlog_is_configured() -> bool:
    """Whether the program decided where events go."""
    import structlog  # noqa: PLC0415 - as above

    return structlog.is_configured()


def frames_of(error: BaseException) -> list[str]:
    """A traceback without texts: an exception's words and the source's values may hold a patient's data."""
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
