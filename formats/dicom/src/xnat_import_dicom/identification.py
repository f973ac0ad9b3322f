"""Which project, subject and session a study belongs to, by its headers (session XML chapter, section 1)."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

from xnat_import_core import Proposal, clean_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xnat_import_core import Facts, IncomingSession

__all__ = ["assigned", "label_from_name", "propose"]

_COMMENTS: Final = ("PatientComments", "StudyComments", "AdditionalPatientHistory")
_ASKED: Final = ("StudyDescription", "AccessionNumber", "PatientName", "PatientID", *_COMMENTS)
_TRUTH: Final = {"t": True, "true": True, "f": False, "false": False}


def propose(session: IncomingSession) -> Proposal:
    """Candidates from assignments in comments (``Project:P1``), then from plain tags.

    Project: StudyDescription, AccessionNumber. Subject: PatientName, by ``label_from_name``. Session: PatientID. Each
    tag speaks with its most frequent value. Labels of which nothing would be left are no candidates.
    """
    facts = session.facts
    names = _leads(facts, "PatientName")
    subject = [label_from_name(name) for name in names] + (_leads(facts, "PatientID") if names else [])
    return Proposal(
        project=_distinct(_assignments(facts, "Project") + _leads(facts, "StudyDescription", "AccessionNumber")),
        subject=_labels(_assignments(facts, "Subject") + subject),
        label=_labels(_assignments(facts, "Session") + _leads(facts, "PatientID")),
        auto_archive=_truth(_assignments(facts, "AA")),
        reason="from the DICOM headers",
        notes=tuple(_dissent(facts)),
    )


def assigned(keyword: str, comment: str) -> str:
    """The value of ``keyword:value`` in a comment, ``""`` without one (section 1.2).

    Assignments are separated by white space, comma or semicolon; one at the very start wins, else the last.
    """
    found = _pattern(keyword).fullmatch(comment)
    return found[1] if found else ""


def label_from_name(name: str) -> str:
    """What of a person name can be a label: the first group of whose letters at least half are ASCII, else ``""``.

    Accents count as folded. A name in Greek letters only would become underscores, the same for everybody.
    """
    groups = (group.strip() for group in name.split("="))
    return next((group for group in groups if _is_mostly_ascii(group) and clean_label(group)), "")


@cache
def _pattern(keyword: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?:\A|.*[\s,;]){keyword}\s*:\s*([\w-]*)(?:[\s,;].*\Z|\Z)", re.DOTALL | re.ASCII | re.IGNORECASE
    )


def _is_mostly_ascii(text: str) -> bool:
    letters = [letter for letter in unicodedata.normalize("NFKD", text) if letter.isalpha()]
    return 2 * sum(letter.isascii() for letter in letters) >= len(letters)


def _assignments(facts: Facts, keyword: str) -> list[str]:
    return [value for comment in _leads(facts, *_COMMENTS) if (value := assigned(keyword, comment))]


def _leads(facts: Facts, *names: str) -> list[str]:
    return [text for name in names if (text := str(facts.lead(name) or "").strip())]


def _dissent(facts: Facts) -> Iterator[str]:
    """Files that would have said otherwise: the label is mapped once for a study. Counts only, no values."""
    for name in _ASKED:
        counts = list(facts.get(name, {}).values())
        if len(counts) > 1:
            yield f"{name}: {sum(counts[1:])} of {sum(counts)} files have another value than the one that counts"


def _labels(candidates: Iterable[str]) -> tuple[str, ...]:
    return _distinct(text for text in candidates if clean_label(text))


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _truth(values: Iterable[str]) -> bool | None:
    return next((_TRUTH[word] for value in values if (word := value.lower()) in _TRUTH), None)
