"""The errors of an import: one small tree, one meaning each, and the HTTP status that follows from the class.

A message says what was wrong, where (file, member, tag, parameter) and what to do. It goes to clients as it is, so it
never holds a path of the server or a patient's data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xnat_import_core.models import Conflict

__all__ = [
    "ArchiveConflictError",
    "ClientError",
    "ForbiddenError",
    "InvalidRequestError",
    "LimitExceededError",
    "NotAcceptableError",
    "NotFoundError",
    "NotSupportedError",
    "PluginError",
    "RefusedImportError",
    "ServerError",
    "ServiceBusyError",
    "SessionConflictError",
    "StorageError",
    "StorageFullError",
    "UnknownHandlerError",
    "UnreadableUploadError",
    "XnatImportError",
]


_SHOWN = 20


class XnatImportError(Exception):
    """Root of everything that this service raises on purpose.

    Attributes:
        status: HTTP status that follows from the class.
        message: One clear sentence for the caller.
        members: Names of the members of the upload that caused it, as sent; may be empty.
        import_id: The import that failed, once there is one; its receipt has every member's fate.
    """

    status: ClassVar[int] = 500

    def __init__(self, message: str, *, members: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.members = tuple(members)
        self.import_id: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """An error of a worker process is raised again in the service."""
        return _restored, (type(self), self.__dict__.copy())


class ClientError(XnatImportError):
    """The caller can mend it: another file, parameter, project or name."""

    status = 400


class InvalidRequestError(ClientError):
    """A parameter, address or combination of them that means nothing or contradicts itself."""


class UnreadableUploadError(ClientError):
    """The upload, or a member that must be readable, is not what it should be: cut short, encrypted, not its format."""


class ForbiddenError(ClientError):
    """The caller may see it, but not do it."""

    status = 403


class NotFoundError(ClientError):
    """There is no such thing, or the caller may not know of it."""

    status = 404


class UnknownHandlerError(NotFoundError):
    """No installed handler has this key."""


class NotAcceptableError(ClientError):
    """The body and what the request says of it exclude each other."""

    status = 406


class SessionConflictError(ClientError):
    """The session, or a file of it, is there already or is busy, and the request does not allow to change it."""

    status = 409


class ArchiveConflictError(SessionConflictError):
    """What is to be archived clashes with what is there; nothing was changed.

    Attributes:
        conflicts: Every reason, the one that ``message`` tells first.
    """

    def __init__(self, message: str, conflicts: Sequence[Conflict]) -> None:
        super().__init__(message, members=[each.file for each in conflicts if each.file][:_SHOWN])
        self.conflicts = tuple(conflicts)


class RefusedImportError(ArchiveConflictError):
    """The same, from a handler whose clients know it as a bad request (spec ruling 26)."""

    status = 400


class LimitExceededError(ClientError):
    """The upload is larger, deeper or more inflated than the settings allow."""

    status = 413


class ServerError(XnatImportError):
    """Nothing the caller could mend."""


class PluginError(ServerError):
    """A plugin raised, or answered what it must not answer.

    Attributes:
        plugin: Entry-point name.
        distribution: The distribution that brought it.
        hook: Name of the hook.
    """

    def __init__(self, message: str, *, plugin: str, distribution: str, hook: str, members: Sequence[str] = ()) -> None:
        super().__init__(message, members=members)
        self.plugin = plugin
        self.distribution = distribution
        self.hook = hook


class StorageError(ServerError):
    """The disk or the database failed; nothing of the import is left behind."""


class NotSupportedError(ServerError):
    """The request is right, but this release does not do it yet."""

    status = 501


class ServiceBusyError(ServerError):
    """Too much at once, or a lock that did not come free in time; try again."""

    status = 503


class StorageFullError(StorageError):
    """The disk is full; nothing was stored."""

    status = 507


def _restored(kind: type[XnatImportError], state: Mapping[str, Any]) -> XnatImportError:
    error = kind.__new__(kind, state["message"])
    error.__dict__.update(state)
    return error
