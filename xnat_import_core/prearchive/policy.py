"""Whether a session is archived without being asked again: what is stored when it arrives, and what decides later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

    from xnat_import_core.prearchive.listing import PrearchiveRow

__all__ = ["ARCHIVING_CODES", "archives", "arrival_policy"]

ARCHIVING_CODES: Final = frozenset({4, 5, 11})
"""Projects of these codes archive by themselves (ruling 31)."""

_MANUAL: Final = "Manual"
_BY_CODE: Final = {0: _MANUAL, 4: "AutoArchive", 5: "AutoArchiveOverwrite"}


def arrival_policy(wish: bool | None, found: bool | None, code: int | None) -> Mapping[str, str | None]:  # noqa: FBT001 - three answers
    """Columns of the row of a session that arrives: ``autoarchive``, ``wish``, ``policy_origin``.

    Args:
        wish: ``AA`` of the request.
        found: ``AA:`` in the headers, or what a plugin proposes.
        code: The project's ``prearchive_code``; ``None`` without a project.
    """
    said = "" if wish is None else str(wish).lower()
    if code is None:
        return {"autoarchive": None, "wish": said, "policy_origin": "no project"}
    by_code = _BY_CODE.get(code)
    origin = f"prearchive_code {code} of the project"
    for asked, who in ((wish, "AA of the request"), (found, "AA: in the data")):
        if asked is not None:
            yes = by_code if code in ARCHIVING_CODES else _BY_CODE[4]
            return {"autoarchive": yes if asked else _MANUAL, "wish": said, "policy_origin": who}
    return {"autoarchive": by_code, "wish": said, "policy_origin": origin}


def archives(wish: bool | None, row: Row[Any] | PrearchiveRow, code: int | None) -> tuple[bool, str]:  # noqa: FBT001 - as above
    """Whether a session is archived by a commit or after its idle time, and what decides (ruling 35).

    Args:
        wish: ``AA`` of the request that commits.
        row: The session's.
        code: The project's ``prearchive_code``; ``None`` without a project.
    """
    origin = row.policy_origin or "the session's row"
    if code is None:
        return False, "no project"
    if wish is not None:
        return wish, "AA of the request"
    if row.wish:
        return row.wish == "true", origin
    if row.autoarchive:
        return row.autoarchive != _MANUAL, origin
    return code in ARCHIVING_CODES, f"prearchive_code {code} of the project"
