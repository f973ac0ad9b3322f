"""Archived sessions as a caller may read them, by any of their addresses (rest-api 1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from xnat_import_core.errors import NotFoundError
from xnat_import_core.models import Action
from xnat_import_server.routes.projects import visible_project
from xnat_import_server.site import Site, caller_of, site_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from starlette.requests import Request

    from xnat_import_core.archive import Archive, ExperimentRow, SubjectRow
    from xnat_import_core.documents import ParsedSession
    from xnat_import_core.models import Principal
    from xnat_import_core.prearchive import FileRow, ResourceRow

__all__ = ["Archived", "Holding"]

_ALL = {"ALL", "*"}


@frozen
class Holding:
    """A resource, and the scan that it is of; ``None``: of the session itself."""

    scan: str | None
    resource: ResourceRow


@frozen
class Archived:
    """What a request asks of the archive, without the request: threads work on this."""

    site: Site
    caller: Principal
    path: Mapping[str, str]

    @classmethod
    def by(cls, request: Request) -> Archived:
        """From the path of a request."""
        return cls(site_of(request), caller_of(request), request.path_params)

    @property
    def archive(self) -> Archive:
        """The service's."""
        return self.site.service.archive

    def projects(self) -> list[str]:
        """The project that is named, or all that the caller may read. Raises NotFoundError."""
        if "project" in self.path:
            return [self._project()]
        return [each.id for each in self.site.service.projects.all() if self.caller.may(Action.READ, each.id)]

    def subject(self) -> SubjectRow:
        """The subject that is named. Raises NotFoundError."""
        project = self._project()
        try:
            return self.archive.subject(project, self.path["subject"])
        except NotFoundError as error:
            message = "Unable to find the specified subject."
            raise NotFoundError(message) from error

    def experiments(self) -> list[ExperimentRow]:
        """All of a subject, of a project, or that the caller may read."""
        subject_id = self.subject().id if "subject" in self.path else None
        return self.archive.experiments(self.projects(), subject_id=subject_id)

    def experiment(self) -> ExperimentRow:
        """The experiment that is named: by its ID, within a project by its label too. Raises NotFoundError."""
        project = self._project() if "project" in self.path else None
        row = self.archive.find(self.path["experiment"], project)
        elsewhere = "subject" in self.path and self.subject().id != row.subject_id
        if (
            elsewhere
            or (project is not None and row.project != project)
            or not self.caller.may(Action.READ, row.project)
        ):
            message = "Unable to find the specified experiment."
            raise NotFoundError(message)
        return row

    def document(self, row: ExperimentRow) -> ParsedSession:
        """An experiment's document."""
        from xnat_import_core.documents import read_session_xml  # noqa: PLC0415 - lxml is needed for documents only

        return read_session_xml(self.archive.document(row))

    def scans(self, row: ExperimentRow) -> list[str | None]:
        """The scans that are named: one, several by comma, or ``ALL``; without any, the session itself."""
        if "scan" not in self.path:
            return [None]
        known = [scan.id for scan in self.archive.scans(row)]
        named = known if self.path["scan"] in _ALL else self.path["scan"].split(",")
        if not set(named) <= set(known):
            message = "Unable to find the specified scan."
            raise NotFoundError(message)
        return list(named)

    def holdings(self, row: ExperimentRow, *, of_all: bool = False) -> list[Holding]:
        """The resources of what is named; ``of_all``: of a session those of its scans too."""
        places = self.scans(row)
        if of_all and places == [None]:
            places = [*(scan.id for scan in self.archive.scans(row)), None]
        found = [Holding(place, each) for place in places for each in self.archive.resources(row, place)]
        wanted = self.path.get("resource")
        named = [each for each in found if wanted in {None, each.resource.label}]
        if wanted is not None and not named:
            message = "Unable to find the specified resource."
            raise NotFoundError(message)
        return named

    def paths(self, row: ExperimentRow) -> Iterator[tuple[Holding, FileRow, Path]]:
        """The files of what is named, and where they lie."""
        for holding in self.holdings(row):
            folder = self._folder(row, holding)
            for file in self.archive.files(row, holding.scan, holding.resource.label):
                yield holding, file, folder / file.name

    def files(self, row: ExperimentRow) -> Iterator[tuple[Holding, FileRow]]:
        """The files of what is named."""
        for holding in self.holdings(row):
            for file in self.archive.files(row, holding.scan, holding.resource.label):
                yield holding, file

    def catalog(self) -> Path:
        """The catalog of the resource that is named. Raises NotFoundError."""
        row = self.experiment()
        document, (holding, *_) = self.document(row), self.holdings(row)
        scans = {scan.id: scan.resources for scan in document.scans}
        entries = document.resources if holding.scan is None else scans.get(holding.scan, ())
        names = [entry.uri.rpartition("/")[2] for entry in entries if entry.label == holding.resource.label]
        if not names:
            message = "Unable to find the specified resource."
            raise NotFoundError(message)
        return self._folder(row, holding) / names[0]

    def file(self) -> Path:
        """The file that is named. Raises NotFoundError."""
        path = self.path
        return self.archive.file(self.experiment(), path.get("scan"), path["resource"], path["file"])

    def _folder(self, row: ExperimentRow, holding: Holding) -> Path:
        label = holding.resource.label
        name = self.archive.files(row, holding.scan, label)[0].name
        return self.archive.file(row, holding.scan, label, name).parents[name.count("/")]

    def _project(self) -> str:
        return visible_project(self.site, self.caller, self.path["project"]).id
