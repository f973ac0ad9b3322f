"""A handler of DICOM files that does wrong when it is told to."""

from __future__ import annotations

import misdeeds
import xnat_import_si.handler as si
from attrs import evolve

from xnat_import_core import ImportedFile, hookimpl

HANDLER = evolve(si.HANDLER, summary="SI that obeys orders")

ORDERS = "wild:orders"


@hookimpl
def arrange(upload):
    return misdeeds.done("arrange", (member.name for member in upload.members))


@hookimpl
def extract(members, context):
    records = tuple(map(_with_orders, members, si.extract(members, context)))
    hook = "extract" if members[0].stored is None else "again"
    return misdeeds.done(hook, (member.name for member in members), records)


@hookimpl
def map_destination(session):
    return misdeeds.done("map_destination", _orders(session.facts), si.map_destination(session))


@hookimpl
def review_session(session):
    return misdeeds.done("review_session", _orders(session.facts))


@hookimpl
def describe(session, context):
    return misdeeds.done("describe", _orders(session.facts), si.describe(session, context))


def _with_orders(member, record):
    if "--" in member.name and isinstance(record, ImportedFile):
        return evolve(record, facts={**record.facts, ORDERS: member.name})
    return record


def _orders(facts):
    return facts.values_of(ORDERS)
