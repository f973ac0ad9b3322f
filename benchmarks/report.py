"""Tables for the reader, JSON for later."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Final

from attrs import asdict

from benchmarks.cases import FLOOR, NAIVE, ORTHANC

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.measure import Group
    from benchmarks.targets import Judged

__all__ = ["as_json", "group_table", "target_table"]

_PEERS: Final = {FLOOR: "in F", NAIVE: "in N", ORTHANC: "in O"}
_DOUBT: Final = "?"


def group_table(group: Group) -> str:
    """Medians of each case, against the peers or else the first case of the group; lower is better."""
    against = {case: title for case, title in _PEERS.items() if case in group} or {group.cases()[0]: "in first"}
    title = ["", "time", "us a file", *against.values(), "MB", "all MB", "create us", "others", ""]
    rows = [[group.name, *title[1:]]]
    rows += [_row(group, case, against) for case in group.cases()]
    return _aligned(rows)


def target_table(judged: Sequence[Judged]) -> str:
    """Each target, what it must be, what it is."""
    rows = [["target", "", "must", "measured", "met"]]
    for one in judged:
        must = f"{'<=' if one.at_most else '>='} {one.limit:g} {one.unit}"
        rows.append([one.target, one.what, must, f"{one.measured:.3g}", "yes" if one.is_met else "NO"])
    return _aligned(rows, left=3)


def as_json(circumstances: Mapping[str, object], groups: Iterable[Group], judged: Iterable[Judged], path: Path) -> None:
    """Everything, each sample alone."""
    document = {
        **circumstances,
        "targets": [{**asdict(one), "is_met": one.is_met} for one in judged],
        "groups": [asdict(group) for group in groups],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def _row(group: Group, case: str, against: Mapping[str, str]) -> list[str]:
    samples, together = group.of(case), group.together(case)
    known = [sample.others for sample in samples if sample.others is not None]
    return [
        f"  {case}",
        _time(group.seconds(case)),
        f"{group.seconds_a_file(case) * 1e6:,.0f}" if samples[0].measured.files > 1 else "",
        *(f"{group.ratio(case, to):.2f}" for to in against),
        " ".join(f"{part} {size:.0f}" for part, size in group.peaks(case).items()),
        f"{together:.0f}" if together else "",
        f"{statistics.median(sample.create_us for sample in samples):.0f}",
        f"{statistics.median(known):.0%}" if known else "",
        _DOUBT * sum(sample.is_doubtful for sample in samples),
    ]


def _time(seconds: float) -> str:
    return f"{seconds:.3f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"


def _aligned(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
