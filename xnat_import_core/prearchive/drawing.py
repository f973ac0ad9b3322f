"""The state machine for people: a drawing and a table, made from ``RULES``. ``docs/statuses.md`` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xnat_import_core.prearchive.statuses import RESTING, RULES, Operation, Rule, Status, shown_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["drawing", "table"]

_REST: Final = "at_rest"
_EVERYWHERE: Final = "any"
_HEADER: Final = ("operation", "begins in", "in a batch", "while it works", "ends well in", "data that arrive")


def drawing() -> str:
    """The machine as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f'    state "at rest" as {_REST} {{', *(f"        {each}" for each in RESTING), "    }"]
    lines += [f'    state "any that nobody holds" as {_EVERYWHERE}', f"    [*] --> {Status.RECEIVING}: data"]
    for rule, operations in _groups():
        lines += [f"    {edge}" for edge in _edges(rule, ", ".join(operations))]
    return "\n".join(lines)


def table() -> str:
    """What each operation does, as a Markdown table."""
    rows = [_HEADER, ("---",) * len(_HEADER), *(_row(rule, operations) for rule, operations in _groups())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _groups() -> Iterator[tuple[Rule, Sequence[Operation]]]:
    """Operations of one rule are one."""
    for rule in dict.fromkeys(RULES.values()):
        yield rule, [operation for operation, its in RULES.items() if its is rule]


def _edges(rule: Rule, names: str) -> Iterator[str]:
    sources = _folded(rule.begins)
    if rule.working is None or rule.working in rule.begins:
        yield from (f"{source} --> {target}: {names}" for source in sources for target in _folded(rule.success))
        return
    working = rule.working
    yield from (f"{source} --> {working}: {names}" for source in sources)
    if rule.queued:
        yield from (f"{source} --> {rule.queued}: {names} (batch)" for source in sources)
        yield f"{rule.queued} --> {working}: its turn"
        yield f"{rule.queued} --> {_REST}: its batch died"
    yield from (f"{working} --> {target}" for target in rule.success or ("[*]",))
    yield f"{working} --> {rule.conflict}: refused (409)"
    yield f"{working} --> {rule.error}: failed"
    yield f"{working} --> {_REST}: given up, or its owner died"
    if rule.data_join:
        yield from (f"{status} --> {Status.RECEIVING_INTERRUPT}: data" for status in (rule.queued, working))


def _row(rule: Rule, operations: Sequence[Operation]) -> tuple[str, ...]:
    arrive = "join, and it begins again" if rule.data_join else "open a session beside it"
    return (
        ", ".join(f"`{operation}`" for operation in operations),
        _code(_folded(rule.begins)),
        _code([rule.queued]) if rule.queued else "",
        f"`{shown_status(rule.working, locked=True)}`" if rule.working else "one transaction",
        _code(_folded(rule.success)) or "the session is gone",
        arrive if rule.working else "wait",
    )


def _folded(statuses: Sequence[Status]) -> Sequence[str]:
    if statuses == RESTING:
        return [_REST]
    return [_EVERYWHERE] if set(statuses) > set(RESTING) else statuses


def _code(names: Iterable[str]) -> str:
    words = {_REST: "at rest", _EVERYWHERE: "any that nobody holds"}
    return ", ".join(words.get(name, f"`{name}`") for name in names)
