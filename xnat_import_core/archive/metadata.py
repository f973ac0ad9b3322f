"""The document of an archived session: the session's own, or two made one, where what is archived wins (8.7.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import evolve

from xnat_import_core.models import ScanDocument, SessionDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xnat_import_core.documents import ParsedScan, ParsedSession
    from xnat_import_core.models import FieldValue

__all__ = ["as_document", "merged_document"]

_OF_THE_CORE: Final = frozenset({"@ID", "@project", "@label", "@visit", "@protocol", "subject_ID", "prearchivePath"})
_OF_A_SCAN: Final = frozenset({"@ID", "@project", "image_session_ID"})


def as_document(parsed: ParsedSession, keys: Mapping[str, str]) -> SessionDocument:
    """A document from disk as a handler would have given it; ``keys``: the scans' keys by their IDs."""
    fields = {path: value for path, value in parsed.fields.items() if path not in _OF_THE_CORE}
    scans = tuple(_scan(scan, keys[scan.id]) for scan in parsed.scans if scan.id in keys)
    return SessionDocument(parsed.type, fields, scans)


def merged_document(
    archived: SessionDocument, incoming: SessionDocument, before: SessionDocument | None, after: SessionDocument
) -> SessionDocument:
    """One document of two.

    Values of the archived session win, so what was set by hand survives; new fields are added where both are of one
    type. A scan that gets files says what they say now, where nobody had set it by hand. New scans are as their own
    document has them.

    Args:
        archived: As it lies on disk.
        incoming: As it lies on disk.
        before: What the handler says of the archived scans as they are; ``None`` where none gets files.
        after: What it says of all scans as they will be, with their IDs, in order.
    """
    fields: Mapping[str, FieldValue] = archived.fields
    if archived.type == incoming.type:
        fields = {**incoming.fields, **archived.fields}
    there = {scan.key: scan for scan in archived.scans}
    came = {scan.key: scan for scan in incoming.scans}
    was = {scan.key: scan for scan in before.scans} if before is not None else {}
    scans = []
    for scan in after.scans:
        if scan.key not in there:
            own = came[scan.key]
            scans.append(evolve(scan, type=own.type, fields={**scan.fields, **own.fields}))
        elif scan.key in came:
            scans.append(_with_new_files(there[scan.key], was.get(scan.key), scan))
        else:
            scans.append(there[scan.key])
    return evolve(archived, fields=fields, scans=tuple(scans))


def _with_new_files(there: ScanDocument, was: ScanDocument | None, will_be: ScanDocument) -> ScanDocument:
    """An archived scan that gets files: a value that only the files had said is what they say now."""
    said = {path: _text(value) for path, value in (was.fields if was else {}).items()}
    kept = {
        path: will_be.fields[path] if path in will_be.fields and said.get(path) == _text(value) else value
        for path, value in there.fields.items()
    }
    return evolve(there, fields={**will_be.fields, **kept}, catalog=will_be.catalog)


def _scan(scan: ParsedScan, key: str) -> ScanDocument:
    fields = {path: value for path, value in scan.fields.items() if path not in _OF_A_SCAN}
    return ScanDocument(key, scan.id, scan.type, fields)


def _text(value: FieldValue) -> str:
    """One form for a number, which is text in a document and a number in a description."""
    try:
        return repr(float(value))
    except ValueError:
        return str(value)
