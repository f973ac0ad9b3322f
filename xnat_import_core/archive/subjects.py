"""Whose session it is: a subject is found by its label or ID, or made; and the IDs that the service gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from sqlalchemy import Connection, Table, insert, or_, select, update

from xnat_import_core.database.tables import counter, deed, experiment, subject, workflow
from xnat_import_core.storage.names import clean_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["ChosenSubject", "choose_subject", "new_id", "new_record", "open_claims", "subject_to_make"]

_LETTERS: Final = {"subject": "S", "experiment": "E"}
_TABLES: Final = {"subject": subject, "experiment": experiment}


@frozen
class ChosenSubject:
    """A subject: ``id`` is empty for one that is still to be made; ``is_new``: it is made now."""

    label: str
    id: str = ""
    is_new: bool = False


def choose_subject(connection: Connection, project_id: str, texts: Iterable[str | None]) -> ChosenSubject | None:
    """The subject that the first text names: by label in the project, whatever its case, or by its ID there.

    ``None`` where no text names one (ruling 10). Never a subject of another project.
    """
    text, label = next(((text, label) for text in texts if text and (label := clean_label(text))), ("", ""))
    if not label:
        return None
    named = or_(subject.c.folded == label.lower(), subject.c.id == text)
    found = select(subject.c.id, subject.c.label).where(subject.c.project == project_id, named)
    row = connection.execute(found.order_by(subject.c.folded != label.lower())).first()
    return ChosenSubject(row.label, row.id) if row else ChosenSubject(label)


def subject_to_make(connection: Connection, project_id: str, label: str, site_id: str) -> ChosenSubject:
    """The ID for a new subject, once it is claimed: two sessions of one new subject get one.

    The connection is of a transaction that writes. The subject itself is made when the first of them is shown.
    """
    chosen = choose_subject(connection, project_id, (label,))
    if chosen is not None and chosen.id:
        return chosen
    for claim in open_claims(connection, project_id):
        if claim.get("subject_label", "").lower() == label.lower():
            return ChosenSubject(claim["subject_label"], claim["subject_id"])
    return ChosenSubject(label, new_id(connection, "subject", site_id), is_new=True)


def open_claims(connection: Connection, project_id: str) -> Iterator[Mapping[str, Any]]:
    """What the deeds that are under way in a project will make, with ``deed``, the ID of each."""
    going_on = deed.c.state.in_(("begun", "forward"))
    for row in connection.execute(select(deed.c.id, deed.c.detail).where(deed.c.project == project_id, going_on)):
        yield {"deed": row.id, **json.loads(row.detail)}


def new_id(connection: Connection, kind: str, site_id: str) -> str:
    """The next free ID of a subject or experiment: ``SITE_S00001``, ``SITE_E00001``."""
    site = "".join(site_id.split()).replace("'", "").replace('"', "").replace("-", "_")
    table = _TABLES[kind]
    while True:
        made = f"{site}_{_LETTERS[kind]}{_next(connection, kind):05d}"
        if _is_free(connection, table, made):
            return made


def new_record(connection: Connection) -> int:
    """The next free ID of a workflow's record."""
    while True:
        made = _next(connection, "workflow")
        if _is_free(connection, workflow, made):
            return made


def _next(connection: Connection, name: str) -> int:
    """The next value of a counter, from 1, in a transaction that writes."""
    up = update(counter).where(counter.c.name == name).values(value=counter.c.value + 1).returning(counter.c.value)
    found = connection.execute(up).scalar()
    if found is None:
        connection.execute(insert(counter).values(name=name, value=1))
        return 1
    return int(found)


def _is_free(connection: Connection, table: Table, made: str | int) -> bool:
    """Counters may have been lost with a database that was made again from the tree."""
    return connection.execute(select(table.c.id).where(table.c.id == made)).first() is None
