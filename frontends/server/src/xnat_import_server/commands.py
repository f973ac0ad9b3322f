"""``xnat-import serve`` and ``xnat-import user``."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import evolve

from xnat_import_core.errors import NotFoundError, XnatImportError
from xnat_import_core.settings import load_settings
from xnat_import_server.accounts import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xnat_import_core.service import Service
    from xnat_import_server.users import Users

__all__ = ["serve", "user"]

_STORE = click.option(
    "--store", type=click.Path(path_type=Path), required=True, envvar="XNAT_IMPORT_STORE", help="Folder of the store."
)
_DATABASE = click.option("--database", default="", help="SQLAlchemy URL of the database; default: SQLite in the store.")


@click.command()
@_STORE
@_DATABASE
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=8080, type=click.IntRange(0, 65535), show_default=True, help="Port to listen at; 0: a free one."
)
@click.option("--body-timeout", default=60.0, show_default=True, help="Seconds an upload may stand still.")
def serve(store: Path, database: str, host: str, port: int, body_timeout: float) -> None:
    """Serve XNAT's REST interface on a store.

    The first start makes the user admin, with the password in XNAT_IMPORT_ADMIN_PASSWORD or a random one that is shown
    once.
    """
    from xnat_import_server.memory import give_back_what_is_freed  # noqa: PLC0415 - help need not wait for it
    from xnat_import_server.serving import claim_port, leave, run  # noqa: PLC0415

    give_back_what_is_freed()
    _log("info")
    with _told(), _service(store, database) as service, service.upkeep():
        run(service, host, claim_port(host, port), body_timeout, tell=click.echo)
    leave()


@click.group()
def user() -> None:
    """Users of the REST interface, and their roles in projects."""


@user.command("add")
@click.argument("name")
@_STORE
@_DATABASE
@click.option("--admin", is_flag=True, help="May do everything.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else one is made.")
def add_user(name: str, store: Path, database: str, *, admin: bool, password_stdin: bool) -> None:
    """Make a user, or give one a new password."""
    from xnat_import_server.passwords import new_password  # noqa: PLC0415 - argon2, only needed here

    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else new_password()
    with _told(), _service(store, database) as service:
        _users(service).add(name, password, admin=admin)
    click.echo(f"User {name} is ready." if password_stdin else f"User {name} is ready. Password: {password}")


@user.command("disable")
@click.argument("name")
@_STORE
@_DATABASE
def disable_user(name: str, store: Path, database: str) -> None:
    """Shut a user out; 'user add' lets the user in again."""
    with _told(), _service(store, database) as service:
        _users(service).disable(name)
    click.echo(f"User {name} is disabled.")


@user.command("role")
@click.argument("name")
@click.argument("project")
@click.argument("role", type=click.Choice([*(role.value for role in Role), "none"]))
@_STORE
@_DATABASE
def give_role(name: str, project: str, role: str, store: Path, database: str) -> None:
    """Give a user a role in a project, or take it away with 'none'."""
    with _told(), _service(store, database) as service:
        found = service.projects.find(project)
        if found is None:
            message = f"There is no project {project!r}; make it with PUT /data/projects/{project}."
            raise NotFoundError(message)
        _users(service).set_role(name, found.id, None if role == "none" else Role(role))
    click.echo(f"User {name} is {role} of project {found.id}.")


def _log(level: str) -> None:
    """Plain lines on standard error; nothing below the level, for details may hold patients' data."""
    with _absent("rich"):  # structlog loads it for a console that serve has not: 4 MB, and 40 ms of the start
        import structlog  # noqa: PLC0415 - slow to import; help and usage errors do not need it

    logging.basicConfig(level=logging.ERROR)  # libraries quote bytes of uploads in their warnings
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso", utc=True),
            structlog.processors.LogfmtRenderer(bool_as_flag=False),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


@contextmanager
def _absent(module: str) -> Iterator[None]:
    """Let an optional import of a module that nobody has loaded fail."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # how Python spells "not to be found"
    try:
        yield
    finally:
        del sys.modules[module]


@contextmanager
def _service(store: Path, database: str) -> Iterator[Service]:
    from xnat_import_core.service import Service  # noqa: PLC0415 - pulls in the database; --help need not wait for it

    settings = load_settings(store).as_program()
    with Service(evolve(settings, database=database) if database else settings) as service:
        yield service


def _users(service: Service) -> Users:
    from xnat_import_server.users import Users  # noqa: PLC0415 - with the service, above

    users = Users(service.database)
    users.migrate()
    return users


@contextmanager
def _told() -> Iterator[None]:
    """An error as one clear line, not as a traceback."""
    try:
        yield
    except XnatImportError as error:
        raise click.ClickException(error.message) from error
