"""The example extensions in real imports of real files."""

from __future__ import annotations

import sys

import pytest
import xnat_import_si.handler

from xnat_import_core import ExplicitPlugins, Fate


@pytest.fixture
def example(request, monkeypatch):
    """Give a function that loads a module of an example, installed or not."""

    def load(folder, module):
        monkeypatch.syspath_prepend(str(request.config.rootpath / "examples" / folder / "src"))
        __import__(module)
        return sys.modules[module]

    return load


@pytest.fixture
def imported(import_service):
    """Give a function that imports a path by SI with one extension, into a store that has the project ROUTED."""

    def run(path, name, extension):
        service = import_service(ExplicitPlugins({"SI": xnat_import_si.handler}, {name: extension}))
        service.projects.create("ROUTED")
        return service.import_upload(path, import_handler="SI")

    return run


def test_a_station_of_the_table_chooses_the_project(example, imported, shipped):
    routing = example("station_routing", "xnat_import_station_routing.routing")
    mine = routing.StationRouting({"CT01_OC0": "ROUTED"})
    outcome = imported(shipped / "pydicom" / "test_files" / "CT_small.dcm", "station-routing", mine)
    (session,) = outcome.sessions
    assert session.project == "ROUTED"
    assert "Station Name" in session.reasons["project"]


def test_a_project_that_does_not_exist_is_passed_over(example, imported, shipped):
    routing = example("station_routing", "xnat_import_station_routing.routing")
    mine = routing.StationRouting({"CT01_OC0": "NOT-THERE"})
    outcome = imported(shipped / "pydicom" / "test_files" / "CT_small.dcm", "station-routing", mine)
    assert outcome.sessions[0].project is None


def test_an_incomplete_series_is_filtered_out_of_a_real_study(example, imported, shipped, xnat_import_store):
    gate = example("quality_gate", "xnat_import_quality_gate.gate")
    study = shipped / "pydicom" / "test_files" / "dicomdirtests" / "98892003"
    outcome = imported(study, "quality-gate", gate)
    assert (outcome.counts[Fate.FILTERED], outcome.sessions[0].scans) == (7, 2)
    scans = {path.name for path in xnat_import_store.glob("prearchive/**/SCANS/*")}
    assert scans == {"1", "2"}
