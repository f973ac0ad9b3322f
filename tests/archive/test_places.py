"""What is no scan: resources of the session, of assessors; and several resources of one scan."""

from __future__ import annotations

import pytest

from xnat_import_core import (
    Assessor,
    ExplicitPlugins,
    Handler,
    ImportedFile,
    Scan,
    SessionResource,
    hookimpl,
)
from xnat_import_core.errors import ArchiveConflictError

PLACES = {"notes": SessionResource(), "assessor": Assessor("A 1"), "one": Scan("one"), "two": Scan("two")}


class Texts:
    """A handler of text files: their folder says where they belong, the next one of which resource."""

    HANDLER = Handler("texts", second_study="merge")

    @hookimpl
    def extract(self, members):
        return tuple(self._file(member) for member in members)

    @staticmethod
    def _file(member):
        place, resource, name = member.name.split("/")
        facts = {"project": "P", "subject": "S", "session": "SESS", "scan:modality": "MR", "modality": "MR"}
        return ImportedFile(member.index, "texts", PLACES[place], resource, name, format="TXT", facts=facts)


@pytest.fixture
def texts(make_site):
    return make_site(ExplicitPlugins({"T": Texts()}))


def send(site, **texts):
    members = {name.replace("__", "/") + ".txt": text.encode() for name, text in texts.items()}
    return site.send(members, import_handler="T", project="P")


def test_all_places_are_archived_merged_and_taken_back(texts, whole):
    site = texts
    first = send(site, notes__N__a="a", assessor__X__b="b", one__R__c="c", one__Q__d="d")
    site.put(first)
    site.check()
    before = whole.archive_bytes(site.service)
    row = send(site, notes__N__z="z", notes__M__m="m", assessor__X__y="y", one__R__c="c2", one__S__s="s", two__R__t="t")
    with pytest.raises(ArchiveConflictError) as caught:
        site.put(row, "append")
    assert [each.file for each in caught.value.conflicts] == ["SCANS/1/R/c.txt"]
    outcome = site.put(site.again(row), "append+files")
    assert outcome.plan.replaced == ("SCANS/1/R/c.txt",)
    assert outcome.plan.added == (
        "ASSESSORS/A_1/X/y.txt", "RESOURCES/M/m.txt", "RESOURCES/N/z.txt", "SCANS/1/S/s.txt", "SCANS/2/R/t.txt",
    )  # fmt: skip
    found = site.archive.find(outcome.experiment)
    assert {each.label: each.file_count for each in site.archive.resources(found)} == {"M": 1, "N": 2}
    assert {each.label: each.file_count for each in site.archive.resources(found, "1")} == {"Q": 1, "R": 1, "S": 1}
    site.check()
    site.archiver.undo(outcome.deed, site.owner)
    assert whole.archive_bytes(site.service) == before
    site.check()


def test_31_a_session_resource_survives_a_merge(texts):
    site = texts
    site.put(send(site, notes__N__a="a", one__R__c="c"))
    found = site.archive.find(site.put(send(site, two__R__t="t"), "append").experiment)
    assert [each.name for each in site.archive.files(found, None, "N")] == ["a.txt"]
    site.check()
