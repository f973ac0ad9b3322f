"""The session document of a study (session XML chapter, sections 2 and 3)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from xnat_import_core import SessionDocument
from xnat_import_dicom import sop_classes
from xnat_import_dicom.conversions import cut, date, plain_number, text, time
from xnat_import_dicom.describing.fields import Fields, Row
from xnat_import_dicom.describing.magnetic_resonance import put_field_strength
from xnat_import_dicom.describing.positron_emission import put_tracer
from xnat_import_dicom.describing.scan_ids import in_order, scan_ids
from xnat_import_dicom.describing.scans import describe_scan, sop_classes_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xnat_import_core import DescribeContext, FactValue, StoredSession

__all__ = ["SESSION_ROWS", "describe_session"]

_MR_CLASSES: Final = {"1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"}
_ATTENUATION: Final = "MRAC"
_SAME_WEIGHT: Final = 1e-3


def _comment(value: str) -> str | None:
    return None if value.strip() == "null" else text(value)


SESSION_ROWS: Final = (
    Row("date", "StudyDate", date),
    Row("acquisition_site", "InstitutionName"),
    Row('fields/field[@name="studyComments"]', "StudyComments", _comment),
    Row("@session_type", "StudyDescription"),
    Row("dcmAccessionNumber", "AccessionNumber"),
    Row("@study_id", "StudyID"),
    Row("dcmPatientId", "PatientID"),
    Row("dcmPatientName", "PatientName"),
    Row("dcmPatientBirthDate", "PatientBirthDate", date),
)
"""Fields of every session, whatever its type."""

_EQUIPMENT: Final = (
    ("scanner/@manufacturer", "Manufacturer", text),
    ("scanner/@model", "ManufacturerModelName", text),
    ("operator", "OperatorsName", cut),
)


def describe_session(session: StoredSession, context: DescribeContext) -> SessionDocument:
    """Type, fields and scans of a session, from what its files say; neither order nor batches matter.

    The preference ``xnatFields`` gives XNAT's own values where this service does better; ``sitewidePetMr`` says what
    a study with PET and MR becomes.
    """
    xnat = context.preferences.get("xnatFields") is True
    kind = _type(session, str(context.preferences.get("sitewidePetMr") or ""), xnat=xnat)
    fields = _fields(session, kind, xnat=xnat)
    ids = scan_ids(session.scans)
    described = [describe_scan(scan, ids[scan.key], xnat=xnat) for scan in in_order(session.scans, ids)]
    notes = (*_general_notes(session, fields), *(note for _, found in described for note in found))
    return SessionDocument(f"xnat:{kind}SessionData", fields.values, tuple(scan for scan, _ in described), notes)


def _type(session: StoredSession, pet_mr: str, *, xnat: bool) -> str:
    modalities = (str(value) for value in session.facts.values_of("Modality"))
    kind = sop_classes.session_type(sop_classes_of(session.facts), modalities, xnat=xnat)
    if kind != "petmr" or pet_mr in {"", "petmr"}:
        return kind
    return "pet" if pet_mr == "pet" or _has_only_attenuation_maps(session) else "petmr"


def _has_only_attenuation_maps(session: StoredSession) -> bool:
    series = (scan.facts for scan in session.scans if sop_classes_of(scan.facts) & _MR_CLASSES)
    return all(any(_ATTENUATION in str(value) for value in facts.values_of("SeriesDescription")) for facts in series)


def _fields(session: StoredSession, kind: str, *, xnat: bool) -> Fields:
    fields = Fields(session.facts, "session", xnat)
    fields.put("@UID", session.key)
    fields.put_rows(SESSION_ROWS)
    fields.put_only("time", "StudyTime", lambda value: time(value, pad=not xnat))
    _put_modality(fields)
    _put_scanner(fields)
    _put_weight(fields)
    if kind in {"mr", "petmr"}:
        put_field_strength(fields)
    if kind == "pet" or (kind == "petmr" and not xnat):
        put_tracer(fields)
    return fields


def _put_modality(fields: Fields) -> None:
    if fields.xnat:
        fields.put_only("@modality", "Modality")
        return
    modalities = [str(value) for value in fields.facts.values_of("Modality")]
    lead = sop_classes.lead_modality(modalities, otherwise=modalities[0] if modalities else "")
    fields.put("@modality", lead or None)


def _put_scanner(fields: Fields) -> None:
    """Stations joined; maker, model and operators of primary files, for a segmentation is made elsewhere."""
    stations = sorted({station for value in fields.facts.values_of("StationName") if (station := str(value).strip())})
    fields.put("scanner", ",".join(stations) or None)
    equipment = fields.tuples("Equipment")
    for place, (path, fact, convert) in enumerate(_EQUIPMENT):
        if fields.xnat or not equipment:
            fields.put_only(path, fact, convert)
            continue
        counts: Counter[str] = Counter()
        for values, count in equipment:
            if found := convert(values[place]):
                counts[found] += count
        if len(counts) == 1:
            fields.put(path, next(iter(counts)))
        elif counts:
            fields.note_several(path, counts.values())


def _put_weight(fields: Fields) -> None:
    """Weights within 0.1 % are one, as most files write it; XNAT wants them equal."""
    weights = list(fields.counts("dcmPatientWeight", "PatientWeight", plain_number).items())
    numbers = [float(weight) for weight, _ in weights]
    margin = 0.0 if fields.xnat else _SAME_WEIGHT * max(map(abs, numbers), default=0.0)
    if numbers and max(numbers) - min(numbers) <= margin:
        fields.put("dcmPatientWeight", numbers[0])
    elif numbers:
        fields.note_several("dcmPatientWeight", (count for _, count in weights))


def _general_notes(session: StoredSession, fields: Fields) -> Iterable[str]:
    yield from fields.notes
    for warning, count in _counted(session, "HeaderWarning"):
        yield f"{count} file(s) with text that could not be decoded: {warning}"
    for scan in session.scans:
        if len(scan.facts.values_of("SeriesNumber")) > 1:
            yield "a scan has files with several series numbers; the smallest is its ID"


def _counted(session: StoredSession, fact: str) -> Iterable[tuple[FactValue, int]]:
    return session.facts.get(fact, {}).items()
