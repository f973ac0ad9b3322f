"""What a plugin may answer. Each function says what is wrong with an answer, without data; ``None``: nothing."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Mapping, Sequence

from xnat_import_core.models import (
    Archived,
    Arrangement,
    Assessor,
    Conflict,
    Detection,
    Fields,
    Group,
    Ignored,
    ImportedFile,
    Member,
    Proposal,
    Reconstruction,
    Refused,
    Rejected,
    Scan,
    ScanDocument,
    SessionDocument,
    SessionResource,
    Space,
)

__all__ = [
    "MAX_FACTS_SIZE",
    "MAX_HINT_BYTES",
    "check_archive",
    "check_arrangement",
    "check_detection",
    "check_document",
    "check_extracted",
    "check_proposal",
    "check_refusals",
    "check_rejections",
]

MAX_HINT_BYTES = 64 * 1024
"""A group's hint, pickled, is no larger."""

MAX_FACTS_SIZE = 256 * 1024
"""Characters of one file's facts, names and values together."""

_ALWAYS_PLAIN = frozenset({str, int})
_MAYBE_TEXT = frozenset({str, type(None)})
_PLACES = (Scan, SessionResource, Assessor, Reconstruction)


def _not_a(wanted: str, answer: object) -> str:
    return f"{wanted} is wanted, not {type(answer).__name__}"


def check_detection(answer: object) -> str | None:
    """``detect``: a ``Detection``."""
    return None if isinstance(answer, Detection) else _not_a("Detection or None", answer)


# ---- arrange -------------------------------------------------------------------------------------------------------


def check_arrangement(answer: object, indices: Sequence[int]) -> str | None:
    """``arrange``: each member that is named is there and named once; hints are small and can travel."""
    if not isinstance(answer, Arrangement):
        return _not_a("Arrangement or None", answer)
    wrong = _tuple_of(Group, answer.groups, "groups") or _tuple_of(Ignored, answer.ignored, "ignored")
    return wrong or _check_named(answer, frozenset(indices)) or _check_hints(answer.groups)


def _check_named(arrangement: Arrangement, indices: frozenset[int]) -> str | None:
    if not all(group.members and _tuple_of(int, group.members, "") is None for group in arrangement.groups):
        return "a group's members are not a tuple of at least one index"
    named = Counter(index for group in arrangement.groups for index in group.members)
    named.update(ignored.member for ignored in arrangement.ignored)
    unknown = [index for index in named if index not in indices]
    if unknown:
        return f"it names the member {unknown[0]!r}, which is not there"
    double = [index for index, times in named.items() if times > 1]
    return f"it names the member {double[0]} more than once" if double else None


def _check_hints(groups: Sequence[Group]) -> str | None:
    for group in groups:
        if group.hint is None:
            continue
        try:
            size = len(pickle.dumps(group.hint))
        except Exception as error:  # noqa: BLE001 - pickling calls the plugin's own code
            return f"a hint cannot be pickled ({type(error).__name__})"
        if size > MAX_HINT_BYTES:
            return f"a hint has {size} bytes pickled, more than {MAX_HINT_BYTES}"
    return None


# ---- extract -------------------------------------------------------------------------------------------------------


def check_extracted(answer: object, members: Sequence[Member]) -> str | None:
    """``extract``: a tuple with one record for each member, in member order, of plain values."""
    if not isinstance(answer, tuple):
        return _not_a("a tuple", answer)
    if len(answer) != len(members):
        return f"it has {len(answer)} records for {len(members)} members"
    checked: object = None  # files that say the same may share one mapping: it is checked once
    for record, member in zip(answer, members, strict=True):
        if not isinstance(record, (ImportedFile, Rejected, Ignored)):
            return _not_a("ImportedFile, Rejected or Ignored", record)
        if record.member != member.index:
            return f"the record for member {member.index} says {record.member!r}"
        wrong = _check_file(record) if isinstance(record, ImportedFile) else _check_reason(record.reason)
        if not wrong and isinstance(record, ImportedFile) and record.facts is not checked:
            wrong, checked = _check_facts(record.facts), record.facts
        if wrong:
            return f"member {member.index}: {wrong}"
    return None


def _check_file(file: ImportedFile) -> str | None:
    if not isinstance(file.place, _PLACES):
        return _not_a("place: Scan, SessionResource, Assessor or Reconstruction", file.place)
    key = file.place.key if isinstance(file.place, Scan) else "-"
    required = {"session": file.session, "scan key": key, "resource": file.resource}
    for name, value in required.items():
        if not _is_text(value):
            return f"{name} is not a text of at least one character"
    return _check_optional(file)


def _check_optional(file: ImportedFile) -> str | None:
    scan_id = file.place.id if isinstance(file.place, Scan) else None
    plain = {str}.issuperset(map(type, (file.name, file.format, file.content, file.uid)))
    if plain and _MAYBE_TEXT.issuperset(map(type, (file.fallback_name, file.identity, scan_id))):
        return _check_number(file.instance_number)
    texts = {"name": file.name, "format": file.format, "content": file.content, "uid": file.uid}
    maybe = {"fallback_name": file.fallback_name, "identity": file.identity, "scan id": scan_id}
    for name, value in texts.items():
        if not isinstance(value, str):
            return f"{name}: {_not_a('text', value)}"
    for name, option in maybe.items():
        if option is not None and not isinstance(option, str):
            return f"{name}: {_not_a('text or None', option)}"
    return _check_number(file.instance_number)


def _check_number(number: object) -> str | None:
    return None if number is None or type(number) is int else f"instance_number: {_not_a('int or None', number)}"


def _check_facts(facts: object) -> str | None:
    if not isinstance(facts, Mapping):
        return f"facts: {_not_a('a mapping', facts)}"
    return _check_values(facts) or _check_size(facts)


def _check_size(facts: Mapping[str, object]) -> str | None:
    """What is the same for a whole scan is small; pixels and tables are no facts."""
    values = (part for value in facts.values() for part in (value if isinstance(value, tuple) else (value,)))
    size = sum(map(len, facts)) + sum(len(value) if isinstance(value, str) else 8 for value in values)
    return f"its facts have {size} characters, more than {MAX_FACTS_SIZE}" if size > MAX_FACTS_SIZE else None


def _check_values(facts: Mapping[str, object]) -> str | None:
    if _ALWAYS_PLAIN.issuperset(map(type, facts.values())) and {str}.issuperset(map(type, facts)):
        return None
    for name, value in facts.items():
        if not isinstance(name, str):
            return f"the name of a fact: {_not_a('text', name)}"
        values = value if isinstance(value, tuple) else (value,)
        if not all(_is_plain(part) or (part is None and values is value) for part in values):
            return f"fact {name!r}: text, int, finite float or a tuple of them is wanted, not {type(value).__name__}"
    return None


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return value - value == 0  # NaN and infinities differ from themselves or from text that XML knows
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _check_reason(reason: object) -> str | None:
    return None if _is_text(reason) else "the reason is not a text of at least one character"


# ---- destination and reviews ---------------------------------------------------------------------------------------


def check_proposal(answer: object) -> str | None:
    """``map_destination``: tuples of candidates."""
    if not isinstance(answer, Proposal):
        return _not_a("Proposal or None", answer)
    for name in ("project", "subject", "label"):
        wrong = _tuple_of(str, getattr(answer, name), name)
        if wrong:
            return wrong
    if answer.space is not None and not isinstance(answer.space, Space):
        return f"space: {_not_a('Space or None', answer.space)}"
    if answer.auto_archive is not None and not isinstance(answer.auto_archive, bool):
        return f"auto_archive: {_not_a('bool or None', answer.auto_archive)}"
    return _tuple_of(str, (answer.reason,), "reason")


def check_refusals(answer: object, scans: Sequence[str]) -> str | None:
    """``review_session``: ``Refused`` records about scans that are there."""
    wrong = _tuple_of(Refused, answer, "the answer")
    if wrong or not isinstance(answer, tuple):
        return wrong
    for refused in answer:
        if refused.scan is not None and refused.scan not in scans:
            return "it refuses a scan that is not there"
        if refused.member is not None and type(refused.member) is not int:
            return f"member: {_not_a('int or None', refused.member)}"
    return next(filter(None, (_check_reason(refused.reason) for refused in answer)), None)


def check_rejections(answer: object, members: Sequence[int]) -> str | None:
    """``transform_files``: ``Rejected`` records about files that were given."""
    wrong = _tuple_of(Rejected, answer, "the answer")
    if wrong or not isinstance(answer, tuple):
        return wrong
    if any(rejected.member not in members for rejected in answer):
        return "it rejects a file that it was not given"
    return next(filter(None, (_check_reason(rejected.reason) for rejected in answer)), None)


# ---- describe and archive ------------------------------------------------------------------------------------------


def check_document(answer: object, scans: Sequence[str]) -> str | None:
    """``describe``: every scan once, with ID and type."""
    if not isinstance(answer, SessionDocument):
        return _not_a("SessionDocument or None", answer)
    wrong = _tuple_of(ScanDocument, answer.scans, "scans") or _tuple_of(str, answer.notes, "notes")
    if wrong:
        return wrong
    if Counter(scan.key for scan in answer.scans) != Counter(scans):
        return f"it has {len(answer.scans)} scans by key, the session has {len(scans)}; each must be there once"
    if not all(_is_text(scan.id) for scan in answer.scans):
        return "a scan has no ID"
    types = (answer.type, *(scan.type for scan in answer.scans))
    if not all(_is_text(name) and ":" in name for name in types):
        return "a type is not of the form xnat:mrSessionData"
    mappings = (answer.fields, *(scan.fields for scan in answer.scans), *(scan.catalog for scan in answer.scans))
    return next(filter(None, map(_check_fields, mappings)), None)


def check_added_fields(answer: object) -> str | None:
    """``describe`` of an extension: ``Fields``, by path, with plain values."""
    if not isinstance(answer, Fields):
        return _not_a("Fields or None", answer)
    if not isinstance(answer.scans, Mapping):
        return f"scans: {_not_a('a mapping', answer.scans)}"
    return next(filter(None, map(_check_fields, (answer.session, *answer.scans.values()))), None)


def _check_fields(fields: object) -> str | None:
    if not isinstance(fields, Mapping):
        return f"fields: {_not_a('a mapping', fields)}"
    for path, value in fields.items():
        if not isinstance(path, str):
            return f"the path of a field: {_not_a('text', path)}"
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            return f"field {path}: {_not_a('text, int or float', value)}"
    return None


def check_archive(answer: object) -> str | None:
    """``archive``: ``Archived`` or ``Conflict``."""
    return None if isinstance(answer, (Archived, Conflict)) else _not_a("Archived, Conflict or None", answer)


def _tuple_of(kind: type[object], answer: object, name: str) -> str | None:
    if not isinstance(answer, tuple):
        return f"{name}: {_not_a('a tuple', answer)}"
    odd = [part for part in answer if not isinstance(part, kind)]
    return f"{name}: {_not_a(f'a tuple of {kind.__name__}', odd[0])}" if odd else None
