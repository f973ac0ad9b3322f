"""Parameters that are fields of the session's document: XNAT's element paths and their shortcuts."""

from __future__ import annotations

import re

__all__ = ["SHORTCUTS", "alias_of", "field_name"]

SHORTCUTS = frozenset(
    {
        "ID",
        "visit_id",
        "date",
        "time",
        "note",
        "pi_firstname",
        "pi_lastname",
        "validation_method",
        "validation_status",
        "validation_date",
        "validation_notes",
        "scanner",
        "operator",
        "dcmAccessionNumber",
        "dcmPatientId",
        "dcmPatientName",
        "session_type",
        "modality",
        "UID",
        "studyInstanceUID",
        "coil",
        "fieldStrength",
        "marker",
        "stabilization",
        "studyType",
        "patientID",
        "patientName",
        "scan_start_time",
        "injection_start_time",
        "tracer_name",
        "tracer_startTime",
        "tracer_dose",
        "tracer_sa",
        "tracer_totalmass",
        "tracer_intermediate",
        "tracer_isotope",
        "tracer_transmissions",
        "tracer_transmissions_start",
    }
)
"""Short names of experiment fields; those of ``alias_of`` are read apart."""

_ON_BUILD = "onBuild:"
_PATH = re.compile(r"[A-Za-z_][\w.-]*:[A-Za-z_][\w.-]*/.+", re.ASCII)
_NAMING = re.compile(
    r"[A-Za-z_][\w.-]*:(?:\w*SessionData|subjectAssessorData|experimentData)/(project|label|subject_ID|visit|protocol)",
    re.ASCII,
)
_NAMES = frozenset({"project", "label", "subject_ID", "visit", "protocol"})


def field_name(parameter: str) -> str | None:
    """The element path or shortcut that a parameter's name is, ``onBuild:`` dropped; ``None``: it is no field."""
    name = parameter.removeprefix(_ON_BUILD)
    return name if name in SHORTCUTS or _PATH.fullmatch(name) else None


def alias_of(parameter: str) -> str | None:
    """Which of ``project``, ``label``, ``subject_ID``, ``visit``, ``protocol`` a path or ``onBuild:`` name stands for.

    ``xnat:mrSessionData/label`` is ``label``. ``None``: for none of them, or it is the plain name itself.
    """
    name = parameter.removeprefix(_ON_BUILD)
    if name in _NAMES:
        return name if name != parameter else None
    found = _NAMING.fullmatch(name)
    return found[1] if found else None
