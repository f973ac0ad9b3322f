"""PET with MR: one session, one PET session, or two; what site and project say, labels, which scan goes where."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from xnat_import_core.database.tables import project as project_table
from xnat_import_core.storage.names import MAX_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

    from xnat_import_core.store import Store

__all__ = ["MR", "PET", "SEPARATE", "half_label", "half_of", "pet_label", "pet_mr_of", "preferences_for"]

MR: Final = "MR"
PET: Final = "PET"
SEPARATE: Final = "separate"
_LAST_PETMR: Final = re.compile(r"(.*)petmr", re.IGNORECASE | re.DOTALL)
_ATTENUATION: Final = "MRAC"


def pet_mr_of(store: Store, project: str | None) -> str:
    """``petmr``, ``pet``, ``separate`` or nothing: what the project says, else the site."""
    asked = select(project_table.c.separate_pet_mr).where(project_table.c.id == (project or ""))
    with store.database.read() as connection:
        said = connection.execute(asked).scalar()
    return said or store.settings.preferences.separate_pet_mr


def preferences_for(store: Store, project: str | None) -> Mapping[str, object]:
    """The site's preferences as plugins see them, with what the project says otherwise."""
    return {**store.settings.plugin_preferences(), "sitewidePetMr": pet_mr_of(store, project)}


def pet_label(label: str) -> str:
    """The label with its last ``PETMR``, in any case, as ``PET``."""
    return _LAST_PETMR.sub(rf"\1{PET}", label, count=1)


def half_label(label: str, half: str) -> str:
    """The label of a half: ``PETMR`` becomes its name, which else is appended."""
    replaced = _LAST_PETMR.sub(rf"\1{half}", label, count=1)
    return replaced if replaced != label else f"{label[: MAX_LABEL - 8]}_{half}"


def half_of(scan: Row[Any]) -> str:
    """Where a scan goes: PET with its attenuation maps, everything else to MR."""
    attenuation = scan.type == "xnat:mrScanData" and _ATTENUATION in scan.series_description
    return PET if scan.type == "xnat:petScanData" or attenuation else MR
