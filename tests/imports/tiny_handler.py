"""A handler that takes any bytes for a file of one scan: what is measured with it is the core."""

from __future__ import annotations

from xnat_import_core import Handler, ImportedFile, Scan, ScanDocument, SessionDocument, hookimpl

HANDLER = Handler(summary="any bytes")


@hookimpl
def extract(members):
    return tuple(
        ImportedFile(
            member.index, "session", Scan("1"), "DICOM", member.name.rpartition("/")[2], f"{member.index}.dcm",
            "DICOM", "RAW", f"class\n1.2.{member.index}", f"1.2.{member.index}", member.index, {"session": "S"},
        )
        for member in members
    )  # fmt: skip


@hookimpl
def describe(session):
    scans = tuple(ScanDocument(scan.key, "1", "xnat:mrScanData", {}) for scan in session.scans)
    return SessionDocument("xnat:mrSessionData", {}, scans)
