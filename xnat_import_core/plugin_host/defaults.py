"""What the core answers where no plugin does. Only facts with reserved names are read (architecture, ruling 8).

``project``, ``subject`` and ``session`` say where a session goes. ``type`` is the session's type, ``scan:type`` a
scan's; ``modality`` and ``scan:modality`` serve where they are missing. Every other reserved name is a path of XNAT's
schema: ``scanner/@model`` for the session, ``scan:series_description`` for a scan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xnat_import_core.hookspecs import hookimpl
from xnat_import_core.models import (
    IncomingSession,
    Proposal,
    ScanDocument,
    SessionDocument,
    StoredScan,
    StoredSession,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from xnat_import_core.folds import Facts, FactValue

__all__ = ["describe", "map_destination"]

_SCAN = "scan:"
_ROUTING = frozenset({"project", "subject", "session"})
_TYPES = {
    "PT": "pet",
    "MR": "mr",
    "CT": "ct",
    "XA": "xa",
    "US": "us",
    "CR": "cr",
    "OPT": "opt",
    "MG": "mg",
    "DX": "dx",
    "NM": "nm",
    "EEG": "eeg",
    "ECG": "ecg",
    "SM": "sm",
    "GM": "gm",
    "RF": "rf",
    "ES": "es",
    "XC": "xc",
    "RG": "rg",
    "SR": "sr",
}
_OTHER = "otherDicom"


@hookimpl(trylast=True)
def map_destination(session: IncomingSession) -> Proposal:
    """Propose what the reserved facts say, the most frequent value first."""
    facts = session.facts
    return Proposal(
        project=_texts(facts, "project"),
        subject=_texts(facts, "subject"),
        label=_texts(facts, "session"),
        reason="said by the files",
    )


@hookimpl(trylast=True)
def describe(session: StoredSession) -> SessionDocument:
    """Write each fact on which all files agree; leave out and note the others; take types from facts or modality."""
    notes: list[str] = []
    ids = _scan_ids(session.scans)
    scans = tuple(_scan_document(scan, ids[scan.key], notes) for scan in session.scans)
    fields = {path: value for path, value in _agreed(session.facts, "the session", notes) if _is_session_path(path)}
    return SessionDocument(_session_type(session), fields, scans, tuple(notes))


def _texts(facts: Facts, name: str) -> tuple[str, ...]:
    return tuple(str(value) for value in facts.values_of(name))


# ---- fields --------------------------------------------------------------------------------------------------------


def _scan_document(scan: StoredScan, scan_id: str, notes: list[str]) -> ScanDocument:
    agreed = _agreed(scan.facts, f"scan {scan_id}", notes, _SCAN)
    fields = {path.removeprefix(_SCAN): value for path, value in agreed if path != "scan:type"}
    return ScanDocument(scan.key, scan_id, _scan_type(scan), fields)


def _is_session_path(name: str) -> bool:
    return ":" not in name and name not in _ROUTING and name != "type"


def _agreed(facts: Facts, where: str, notes: list[str], prefix: str = "") -> Iterator[tuple[str, str | int | float]]:
    for name in sorted((*facts, *facts.overflown)):
        if not (name.startswith(prefix) if prefix else _is_session_path(name)) or name == "scan:type":
            continue
        value = facts.only(name)
        if value is None:
            notes.append(f"{name.removeprefix(_SCAN)} of {where} is left out: the files differ")
        elif not isinstance(value, tuple):
            yield name, value


# ---- types ---------------------------------------------------------------------------------------------------------


def _session_type(session: StoredSession) -> str:
    said = session.facts.lead("type")
    if isinstance(said, str):
        return said
    modalities = {*session.facts.values_of("modality"), *session.facts.values_of("scan:modality")}
    return _type_of(modalities, "SessionData")


def _scan_type(scan: StoredScan) -> str:
    said = scan.facts.lead("scan:type")
    if isinstance(said, str):
        return said
    modality = scan.facts.lead("scan:modality") or scan.facts.lead("modality")
    return _type_of({modality} if modality is not None else (), "ScanData")


def _type_of(modalities: Sequence[FactValue] | set[FactValue], suffix: str) -> str:
    lead = next((kind for modality, kind in _TYPES.items() if modality in modalities), _OTHER)
    return f"xnat:{lead}{suffix}"


# ---- scan IDs ------------------------------------------------------------------------------------------------------


def _scan_ids(scans: Sequence[StoredScan]) -> Mapping[str, str]:
    """Keep an ID that was given; number the others from 1, in the order of their keys, passing over taken numbers."""
    ids = {scan.key: scan.id for scan in scans if scan.id}
    taken = set(ids.values())
    free = (str(number) for number in range(1, len(scans) * 2 + 1) if str(number) not in taken)
    return ids | {key: next(free) for key in sorted(scan.key for scan in scans if not scan.id)}
