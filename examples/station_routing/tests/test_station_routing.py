from __future__ import annotations

import pytest
from xnat_import_station_routing.routing import ROUTES, STATION_NAME, StationRouting, station_routing

from xnat_import_core import Handler, Ignored, ImportedFile, Plugins, Scan, hookimpl
from xnat_import_core.plugin_host import ExplicitPlugins, PluginHost
from xnat_import_core.testing import incoming_session


class AnyHandler:
    HANDLER = Handler(summary="stands in for any handler")

    @hookimpl
    def extract(self, members):
        return tuple(Ignored(member.index, "not asked here") for member in members)


def calls_with(extension):
    host = PluginHost(ExplicitPlugins({"any": AnyHandler()}, {"station-routing": extension}), Plugins())
    return host.calls("any")


def session_of(*stations):
    return incoming_session(
        ImportedFile(index, "study", Scan("1"), "DICOM", f"{index}", facts={STATION_NAME: station} if station else {})
        for index, station in enumerate(stations)
    )


def proposals(extension, *stations):
    found = calls_with(extension).map_destination(session_of(*stations), None)
    return [proposal.project for who, proposal in found if who == "station-routing"]


def test_it_asks_handlers_for_the_station_name():
    assert calls_with(station_routing).wants == {"dicom:00081010"}


@pytest.mark.parametrize(("station", "project"), ROUTES.items())
def test_a_station_of_the_table_names_the_project(station, project):
    assert proposals(station_routing, station) == [(project,)]
    assert proposals(station_routing, f" {station.lower()} ") == [(project,)]


def test_it_has_no_opinion_on_other_stations():
    assert proposals(station_routing, "ELSEWHERE") == []
    assert proposals(station_routing, "") == []


def test_a_site_brings_its_own_table_and_the_most_frequent_station_is_first():
    mine = StationRouting({"A": "P1", "B": "P2", "C": "P2"})
    assert proposals(mine, "A", "B", "B", "C") == [("P2", "P1")]
