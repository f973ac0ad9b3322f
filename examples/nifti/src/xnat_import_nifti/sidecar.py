"""The JSON sidecar of an image, as dcm2niix writes it, in XNAT's words."""

from __future__ import annotations

import json
import math
from typing import TypeAlias

__all__ = ["MAX_SIDECAR_BYTES", "read_sidecar", "scan_facts", "series_number"]

MAX_SIDECAR_BYTES = 1024 * 1024
"""A larger one is not read; real ones have a few KiB."""

Sidecar: TypeAlias = dict[str, object]

_TEXTS = {
    "SeriesDescription": "scan:series_description",
    "ProtocolName": "scan:protocolName",
    "BodyPartExamined": "scan:bodyPartExamined",
    "Manufacturer": "scan:scanner/@manufacturer",
    "ManufacturersModelName": "scan:scanner/@model",
}
_NUMBERS = {
    "RepetitionTime": ("scan:parameters/tr", 1000.0),
    "EchoTime": ("scan:parameters/te", 1000.0),
    "InversionTime": ("scan:parameters/ti", 1000.0),
    "FlipAngle": ("scan:parameters/flip", 1.0),
}


def read_sidecar(data: bytes) -> Sidecar | None:
    """Parse a sidecar; ``None`` where it is no JSON object."""
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def scan_facts(sidecar: Sidecar) -> dict[str, str | float]:
    """What the core's default ``describe`` writes: facts named by XNAT's paths; times in ms."""
    facts: dict[str, str | float] = {}
    for key, path in _TEXTS.items():
        value = sidecar.get(key)
        if isinstance(value, str) and value:
            facts[path] = value
    if sidecar.get("Modality", "MR") == "MR":
        facts |= _numbers(sidecar)
    return facts


def _numbers(sidecar: Sidecar) -> dict[str, float]:
    facts: dict[str, float] = {}
    for key, (path, factor) in _NUMBERS.items():
        value = sidecar.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            facts[path] = value * factor
    return facts


def series_number(sidecar: Sidecar) -> str | None:
    """The DICOM series that an image was made of: a good ID for its scan."""
    number = sidecar.get("SeriesNumber")
    return str(number) if isinstance(number, int) and not isinstance(number, bool) and number > 0 else None
