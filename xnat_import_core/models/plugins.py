"""What the core must know of a plugin before it calls anything."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

__all__ = ["Extension", "Handler"]


@frozen
class Handler:
    """What the core must know of a handler before it calls anything: the module's ``HANDLER``.

    Attributes:
        summary: One line for ``xnat-import handlers``.
        containers: What it opens: any of ``"zip"``, ``"tar"``, ``"folder"``, ``"file"``. A kind that is not listed
            is taken as one single member. Compressed tars count as ``"tar"``.
        nested: ``"open"``: archives in archives are opened, their members count as members. ``"keep"``: they are files.
        after_place: Status of a session that was placed without ``action=commit`` and without a ``dest``.
        second_study: A second study for one named prearchive session: ``"merge"`` or ``"refuse"`` (400).
        unparsable: A member that ``extract`` rejects: ``"refuse"`` the import (400, unless the request says
            ``Ignore-Unparsable`` or ``action=commit``) or ``"skip"`` the member.
        differing: A later upload with other bytes for an instance or name that is there: ``"refuse"`` (409, unless
            ``overwrite=delete``) or ``"setting"`` (the site's ``duplicate_objects`` decides).
        conflicts: An import that may not be archived: ``"conflict"`` (409) or ``"setting"``
            (``compat.dicom_zip_conflict_status``).
        nameless_label: Session label where neither request nor file gives one; a second such session gets ``_2``.
        accepts_no_upload: May be called without any file.
        wrap_uris: The answer's URIs get ``/data`` in front.
        spec_version: Version of the hookspecs it was written for.
    """

    summary: str
    containers: tuple[str, ...] = ("zip", "tar", "folder", "file")
    nested: Literal["open", "keep"] = "open"
    after_place: Literal["ready", "receiving"] = "ready"
    second_study: Literal["merge", "refuse"] = "refuse"
    unparsable: Literal["refuse", "skip"] = "refuse"
    differing: Literal["refuse", "setting"] = "setting"
    conflicts: Literal["conflict", "setting"] = "conflict"
    nameless_label: str = "upload"
    accepts_no_upload: bool = False
    wrap_uris: bool = True
    spec_version: int = 1


@frozen
class Extension:
    """What the core must know of an extension: the module's ``EXTENSION``.

    Attributes:
        summary: One line for ``xnat-import handlers``.
        wants: Names of header facts that it needs beyond the usual ones, such as ``dicom:00081010``; handlers see
            their union as ``context.wants`` and add those they can to each file's facts under the same name.
    """

    summary: str
    wants: tuple[str, ...] = ()
    spec_version: int = 1
