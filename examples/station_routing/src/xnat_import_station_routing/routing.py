"""The extension ``station-routing``: images of certain stations go to certain projects.

A site copies this file and changes ``ROUTES``, or gives its own table:
``ExplicitPlugins(extensions={"station-routing": StationRouting({"MR1": "NEURO"})})``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from xnat_import_core import Extension, IncomingSession, Proposal, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ROUTES", "STATION_NAME", "StationRouting", "station_routing"]

STATION_NAME = "dicom:00081010"
"""The fact in which handlers of DICOM give the Station Name (0008,1010) to those who want it."""

ROUTES = {
    "MR-RESEARCH-1": "NEURO",
    "MR-RESEARCH-2": "CARDIO",
}
"""Station Name, in capitals, to project ID or alias. Made-up stations: they do no harm where this is installed."""


@frozen(eq=False)
class StationRouting:
    """Proposes the project of a session by its stations. Compares by identity, as every plugin must."""

    routes: Mapping[str, str] = field(factory=dict)
    EXTENSION = Extension("Routes sessions to projects by Station Name (0008,1010)", wants=(STATION_NAME,))

    @hookimpl
    def map_destination(self, session: IncomingSession) -> Proposal | None:
        """Propose the projects of all stations that the table knows, the most frequent station first."""
        stations = (str(station).strip().upper() for station in session.facts.values_of(STATION_NAME))
        projects = tuple(dict.fromkeys(self.routes[station] for station in stations if station in self.routes))
        return Proposal(project=projects, reason="routed by Station Name (0008,1010)") if projects else None


station_routing = StationRouting(ROUTES)
"""What the entry point names: an instance, not the class."""
