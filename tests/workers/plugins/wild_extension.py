"""An extension that does wrong when it is told to, and changes files whose second reading has an order."""

from __future__ import annotations

import misdeeds

from xnat_import_core import Extension, hookimpl

EXTENSION = Extension(summary="obeys orders")


@hookimpl
def transform_files(files):
    for file in files:
        if "--again--" in file.name:
            with file.path.open("ab") as stream:
                stream.write(bytes(2))
    return misdeeds.done("transform_files", (file.name for file in files))


@hookimpl
def import_finished(outcome):
    misdeeds.done("import_finished", (session.label for session in outcome.sessions))
