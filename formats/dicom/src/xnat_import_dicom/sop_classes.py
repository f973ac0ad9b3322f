"""Storage classes and modalities: which scan type, which session type, primary or not (session XML chapter, 2.2-2.4).

SOP classes are written as the last part of ``1.2.840.10008.5.1.4.1.1.``, types without ``ScanData``/``SessionData``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MEDIA_DIRECTORY", "is_primary", "lead_modality", "scan_type", "session_type"]

MEDIA_DIRECTORY: Final = "1.2.840.10008.1.3.10"
"""Media Storage Directory: the class of a DICOMDIR."""

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_OTHER: Final = "otherDicom"


@frozen
class _Kind:
    scan: str
    session: str = ""
    primary: bool = False


def _rows(text: str) -> dict[str, _Kind]:
    """A table of ``classes | scan type | session type | primary``; ``-`` is none."""
    kinds: dict[str, _Kind] = {}
    for line in text.strip().splitlines():
        classes, scan, session, primary = (cell.strip() for cell in line.split("|"))
        kind = _Kind(scan.replace("-", ""), session.replace("-", ""), primary == "primary")
        kinds.update(dict.fromkeys(classes.split(), kind))
    return kinds


def _order(text: str) -> tuple[str, ...]:
    """Names in the order in which they lead."""
    return tuple(text.split())


_XNAT: Final = _rows("""
128 130                 | pet     | pet | primary
4 4.1                   | mr      | mr  | primary
4.3                     | mr      | mr  | secondary
2 2.1                   | ct      | ct  | primary
12.1 13.1.1             | xa      | xa  | primary
6.1 3.1                 | us      | us  | primary
481.1 481.2             | rtImage | -   | primary
481.3 481.4 481.5 481.6 481.7 481.8 481.9 | rtImage | - | secondary
1                       | cr      | cr  | primary
77.1.5.4                | opt     | opt | primary
77.1.5.1 77.1.5.2       | -       | -   | primary
1.2 1.2.1               | mg      | mg  | primary
13.1.3                  | -       | -   | primary
1.1 1.1.1               | dx      | dx  | primary
1.3 1.3.1               | -       | -   | primary
20                      | nm      | nm  | primary
12.2                    | rf      | -   | primary
77.1.6                  | sm      | sm  | primary
77.1.2                  | gm      | gm  | primary
9.1.1 9.1.3             | ecg     | ecg | primary
9.7.1                   | eeg     | eeg | secondary
9.2.1 9.3.1 77.1.1.1 77.1.2.1 77.1.4.1 | - | - | primary
88.11 88.22             | sr      | sr  | primary
88.33 88.50 88.65 88.67 88.69 88.70 | sr | - | secondary
66.4                    | seg     | -   | secondary
7                       | sc      | -   | secondary
77.1.7 77.1.8 6.3 91.1 9.7.2 9.7.3 9.6.1 9.6.2 9.8.1 104.4 104.5 | - | - | primary
""")

_BETTER: Final = _XNAT | _rows("""
128.1                   | pet     | pet | primary
4.3 4.4                 | mr      | mr  | primary
4.2                     | mrs     | mr  | primary
2.2                     | ct      | ct  | primary
481.1 481.2             | rtImage | rt  | primary
481.3 481.4 481.5 481.6 481.7 481.8 481.9 | rtImage | rt | secondary
77.1.5.1 77.1.5.2       | op      | op  | primary
1.3 1.3.1               | io      | io  | primary
13.1.2                  | dx3DCraniofacial | - | primary
12.2                    | rf      | rf  | primary
9.7.1                   | eeg     | eeg | primary
9.2.1                   | hd      | hd  | primary
9.3.1                   | eps     | eps | primary
77.1.1.1                | esv     | es  | primary
77.1.2.1                | gmv     | gm  | primary
77.1.4.1                | xcv     | xc  | primary
66.7 7.1 7.2 7.3 7.4 30 | -       | -   | primary
""")

_MODALITIES: Final = _order(
    "PT MR CT XA US RT CR OPT MG DX NM EEG ECG EMG EOG IVUS SM GM RF ES XC RG DMS CFM PA RESP POS OBJ OT SR SC ANN"
)
_SESSION_OF_MODALITY: Final[Mapping[str, str]] = {
    "PT": "pet", "MR": "mr", "CT": "ct", "XA": "xa", "US": "us", "CR": "cr", "OPT": "opt", "MG": "mg", "DX": "dx",
    "NM": "nm", "EEG": "eeg", "ECG": "ecg", "IVUS": "us", "SM": "sm", "GM": "gm", "RF": "rf", "ES": "es", "XC": "xc",
    "RG": "rg", "OT": _OTHER, "SR": "sr", "SC": _OTHER,
}  # fmt: skip
_BETTER_SESSION_OF_MODALITY: Final[Mapping[str, str]] = {
    **_SESSION_OF_MODALITY,
    "RTIMAGE": "rt", "RTDOSE": "rt", "RTSTRUCT": "rt", "RTPLAN": "rt", "RTRECORD": "rt", "OP": "op", "IO": "io",
    "HD": "hd", "EPS": "eps",
}  # fmt: skip

_SESSIONS: Final = _order("pet mr ct xa us cr opt mg dx nm sr sm gm rf es rg ecg eeg")
_BETTER_SESSIONS: Final = _order("pet mr ct xa us rt cr opt op mg dx io nm sm gm rf es xc rg ecg hd eps eeg")
_SCANS: Final = _order("pet mr ct xa us rtImage cr opt mg dx nm sr seg sc sm gm rf es rg ecg eeg")
_BETTER_SCANS: Final = _order(
    "pet mr mrs ct xa us rtImage cr opt op mg dx dx3DCraniofacial io nm sr seg sc sm gm gmv rf es esv xcv rg ecg hd eps"
    " eeg"
)


def is_primary(sop_class: str, *, xnat: bool = False) -> bool:
    """Whether a file of this class goes to the resource ``DICOM`` and counts in ``frames``, else to ``secondary``."""
    return _kind(sop_class, xnat=xnat).primary


def scan_type(sop_classes: Iterable[str], *, xnat: bool = False) -> str:
    """The scan type (``mr``, ``otherDicom``) of a series: the first of its classes' types in the lead list."""
    types = {_kind(sop_class, xnat=xnat).scan for sop_class in sop_classes}
    return _first(_SCANS if xnat else _BETTER_SCANS, types) or _OTHER


def lead_modality(modalities: Iterable[str], *, otherwise: str = "") -> str:
    """The first of XNAT's lead modalities among these, else ``otherwise``."""
    return _first(_MODALITIES, set(modalities)) or otherwise


def session_type(sop_classes: Iterable[str], modalities: Iterable[str], *, xnat: bool = False) -> str:
    """The session type (``mr``, ``petmr``, ``otherDicom``) of a study.

    PET with MR comes first, then the classes' types, then the modalities'. Documents beside images (SR) never decide,
    except with ``xnat``, which gives XNAT's own order.
    """
    kinds = {sop_class.removeprefix(_STORAGE) for sop_class in sop_classes}
    if kinds & {"128", "130"} and kinds & {"4", "4.1"}:
        return "petmr"
    by_class = {_kind(_STORAGE + kind, xnat=xnat).session for kind in kinds}
    if xnat:
        return _first(_SESSIONS, by_class) or _SESSION_OF_MODALITY.get(lead_modality(modalities), _OTHER)
    by_modality = {_BETTER_SESSION_OF_MODALITY.get(modality, "") for modality in modalities}
    images = _first(_BETTER_SESSIONS, by_class) or _first(_BETTER_SESSIONS, by_modality)
    return images or _first(["sr"], by_class | by_modality) or _OTHER


def _kind(sop_class: str, *, xnat: bool) -> _Kind:
    table = _XNAT if xnat else _BETTER
    return table.get(sop_class.removeprefix(_STORAGE), _Kind("")) if sop_class.startswith(_STORAGE) else _Kind("")


def _first(order: Iterable[str], among: set[str]) -> str:
    return next((name for name in order if name in among), "")
