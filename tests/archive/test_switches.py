"""Merge, override, files: how requests set the three switches (chapter 8.1, rulings 13 and 23)."""

from __future__ import annotations

import pytest

from xnat_import_core import Compat, Overwrite
from xnat_import_core.archive import ArchiveRequest, Entry, switches_for

# merge, override, files
NO, ADD, FILES, ALL = "---", "m--", "m-f", "mof"

# fmt: off
STRICT = (
    # overwrite         overwrite_files  project  row's own policy         switches
    (Overwrite.NONE,    False,           0,       None,                    NO),
    (Overwrite.NONE,    True,            0,       None,                    NO),
    (Overwrite.NONE,    False,           0,       "Manual",                NO),
    (Overwrite.NONE,    False,           11,      None,                    NO),
    (Overwrite.NONE,    False,           4,       "AutoArchive",           ADD),
    (Overwrite.NONE,    False,           4,       None,                    ADD),
    (Overwrite.NONE,    True,            4,       None,                    FILES),
    (Overwrite.NONE,    False,           0,       "AutoArchive",           ADD),
    (Overwrite.NONE,    False,           5,       "AutoArchiveOverwrite",  FILES),
    (Overwrite.NONE,    False,           5,       None,                    FILES),
    (Overwrite.NONE,    False,           0,       "AutoArchiveOverwrite",  FILES),
    (Overwrite.APPEND,  False,           0,       None,                    ADD),
    (Overwrite.APPEND,  True,            0,       None,                    FILES),
    (Overwrite.APPEND,  False,           5,       "AutoArchiveOverwrite",  ADD),
    (Overwrite.DELETE,  False,           0,       None,                    ALL),
    (Overwrite.DELETE,  True,            4,       "AutoArchive",           ALL),
)

XNAT = (
    # entry               overwrite         project  switches
    (Entry.IMPORT,        Overwrite.NONE,   0,       NO),
    (Entry.IMPORT,        Overwrite.APPEND, 0,       ADD),
    (Entry.IMPORT,        Overwrite.DELETE, 0,       ALL),
    (Entry.IMPORT,        Overwrite.NONE,   4,       ADD),
    (Entry.COMMIT,        Overwrite.NONE,   0,       ADD),
    (Entry.REBUILDER,     Overwrite.NONE,   0,       NO),
    (Entry.REBUILDER,     Overwrite.NONE,   4,       ADD),
    (Entry.REBUILDER,     Overwrite.NONE,   5,       FILES),
    (Entry.SERVICE,       Overwrite.NONE,   0,       ADD),
    (Entry.SERVICE,       Overwrite.NONE,   5,       FILES),
    (Entry.SERVICE,       Overwrite.APPEND, 0,       ALL),
    (Entry.SERVICE,       Overwrite.DELETE, 0,       ALL),
    (Entry.SERVICE_MANY,  Overwrite.NONE,   0,       NO),
    (Entry.SERVICE_MANY,  Overwrite.APPEND, 0,       ADD),
    (Entry.SERVICE_MANY,  Overwrite.DELETE, 0,       ALL),
)
# fmt: on


def shown(switches):
    return "".join(
        letter if on else "-"
        for letter, on in zip("mof", (switches.merge, switches.override, switches.files), strict=True)
    )


@pytest.mark.parametrize("entry", Entry)
@pytest.mark.parametrize(("overwrite", "files", "code", "own", "expected"), STRICT)
def test_every_entry_means_the_same(entry, overwrite, files, code, own, expected):
    request = ArchiveRequest(overwrite=overwrite, overwrite_files=files)
    assert shown(switches_for(entry, request, code, own, Compat())) == expected


@pytest.mark.parametrize(("entry", "overwrite", "code", "expected"), XNAT)
def test_the_readings_of_xnat_can_be_had(entry, overwrite, code, expected):
    compat = Compat(overwrite="xnat")
    assert shown(switches_for(entry, ArchiveRequest(overwrite=overwrite), code, None, compat)) == expected


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Entry.IMPORT, "standard upload"),
        (Entry.SERVICE, "standard upload"),
        (Entry.COMMIT, "auto-archive"),
        (Entry.REBUILDER, "auto-archive"),
        (Entry.SERVICE_MANY, "Batch archive"),
    ],
)
def test_the_record_is_justified_as_in_xnat(entry, words):
    assert entry.justification == words


def test_10_the_policy_of_the_project_decides_where_nothing_is_said(site, frames):
    for code, files in ((4, {"1": 3}), (5, {"1": 3})):
        site.service.projects.set_code("P", code)
        label = f"CODE{code}"
        site.store(frames(1, 2, label=label, study=label))
        found = site.store(frames(3, label=label, study=label))
        assert site.scans(found) == files
    row = site.send(frames(3, version=2, label="CODE5", study="CODE5"))
    assert site.put(row).plan.replaced == ("SCANS/1/DICOM/A003.dcm",)
    site.check()
