"""BIDS-like names: ``sub-01_ses-02_task-rest_bold.nii.gz`` says subject, session and scan."""

from __future__ import annotations

import re

from attrs import frozen

__all__ = ["BidsName", "parse_name", "stem_of"]

_SUFFIXES = (".nii.gz", ".nii", ".json", ".bval", ".bvec", ".tsv")
_STEM = re.compile(r"(sub-[A-Za-z0-9]+)(?:_(ses-[A-Za-z0-9]+))?_([A-Za-z0-9_+-]+)", re.ASCII)


@frozen
class BidsName:
    """What a name says. ``subject`` is ``sub-01``, ``session`` ``sub-01_ses-02``, ``scan`` ``task-rest_bold``."""

    subject: str
    session: str
    scan: str
    suffix: str


def parse_name(name: str) -> BidsName | None:
    """Read a member's name, folders aside; ``None`` where it is not BIDS-like."""
    stem, suffix = _split(name)
    found = _STEM.fullmatch(stem)
    if found is None or not suffix:
        return None
    subject, session, scan = found.groups()
    return BidsName(subject, f"{subject}_{session}" if session else subject, scan, suffix)


def stem_of(name: str) -> str:
    """The whole name without its suffix: the same for an image and its sidecar."""
    folder, slash, _ = name.rpartition("/")
    return f"{folder}{slash}{_split(name)[0]}"


def _split(name: str) -> tuple[str, str]:
    last = name.rpartition("/")[2]
    suffix = next((suffix for suffix in _SUFFIXES if last.lower().endswith(suffix)), "")
    return last[: len(last) - len(suffix)], suffix
