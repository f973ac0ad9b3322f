"""What the tests of documents share: XNAT's schemas, and sample values for everything that our table knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

SCHEMAS = Path(__file__).resolve().parents[3] / "shared" / "spec" / "schemas"

SAMPLES = {
    "text": "a < b & \"c\" 'd'\\é",
    "float": 2400,
    "size": 0.5,
    "integer": 12,
    "int": 3,
    "long": 4,
    "boolean": "true",
    "date": "2006-12-14",
    "time": "09:12:06",
    "dateTime": "2010-11-24T23:11:42",
    "duration": "PT1H",
}


def _sample(kind):
    base, _, limit = kind.partition("/")
    if "|" in base:
        return base.split("|")[0]
    return "x" * int(limit) if limit else SAMPLES[base]


def _paths(element, above=""):
    for name, attribute in element.attributes.items():
        if not attribute.core:
            yield f"{above}@{name}", _sample(attribute.kind)
    for child in element.children.values():
        if child.core:
            continue
        for number in (1, 2) if child.repeats else (0,):
            path = f"{above}{child.name}" + (f"[{number}]" if number else "")
            if child.kind:
                yield path, _sample(child.kind)
            yield from _paths(child, f"{path}/")


@pytest.fixture(scope="session")
def sample_fields():
    """A function: every path that our table knows for an element, with a value that is valid there."""
    return lambda element: dict(_paths(element))


@pytest.fixture(scope="session")
def schemas():
    """XNAT's own schemas; ``None`` where they are not beside this repository."""
    if not SCHEMAS.is_dir():
        return None
    return {name: etree.XMLSchema(etree.parse(SCHEMAS / name / f"{name}.xsd")) for name in ("xnat", "catalog")}


@pytest.fixture
def check_valid(schemas):
    """A function that checks XML bytes against XNAT's own schemas; a test's last call, for it may skip the rest."""

    def check(xml, schema="xnat"):
        if schemas is None:
            pytest.skip("XNAT's schemas are not part of this project: no ../shared/spec/schemas here")
        schemas[schema].assertValid(etree.fromstring(xml))

    return check
