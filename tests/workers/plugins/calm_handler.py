"""SI that waits at the gate before it says what the members are: an import that is under way beside another."""

from __future__ import annotations

import gate
import xnat_import_si.handler as si
from attrs import evolve

from xnat_import_core import hookimpl

HANDLER = evolve(si.HANDLER, summary="SI that waits at a gate")


@hookimpl
def extract(members, context):
    gate.come()
    return si.extract(members, context)


@hookimpl
def map_destination(session):
    return si.map_destination(session)


@hookimpl
def describe(session, context):
    return si.describe(session, context)
