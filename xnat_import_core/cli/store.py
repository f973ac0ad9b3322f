"""The option ``--store``, and the service on it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from xnat_import_core.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xnat_import_core.service import Service

__all__ = ["json_option", "open_service", "store_option"]

_FEW_MEMBERS = 64
_Command = TypeVar("_Command", bound=Callable[..., Any])


def store_option(command: _Command) -> _Command:
    """Add ``--store DIR`` (or ``XNAT_IMPORT_STORE``) to a command."""
    return click.option(
        "--store",
        required=True,
        envvar="XNAT_IMPORT_STORE",
        show_envvar=True,
        type=click.Path(file_okay=False, path_type=Path),
        help="The folder that holds everything; made if it is not there.",
    )(command)


def json_option(command: _Command) -> _Command:
    """Add ``--json`` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


@contextmanager
def open_service(store: Path, *, make: bool = True) -> Iterator[Service]:
    """The service on a store, with settings from its file and the environment.

    Only errors are logged, to standard error: what an import refuses is told by the command.

    Args:
        store: The store's folder.
        make: Whether to make a store that is not there; a command that only reads would answer a typing error with
            "nothing found" and a new folder.

    Raises:
        NotFoundError: There is no store, and none is to be made.
    """
    if not make and not store.is_dir():
        message = f"There is no store at {store}; an import makes it."
        raise NotFoundError(message)
    import structlog  # noqa: PLC0415 - slow to import; help and usage errors do not need it

    from xnat_import_core.service import Service  # noqa: PLC0415
    from xnat_import_core.settings import load_settings  # noqa: PLC0415

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("error"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    with Service(load_settings(store).as_program(_FEW_MEMBERS)) as service:
        yield service
