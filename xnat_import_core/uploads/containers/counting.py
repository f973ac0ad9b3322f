"""How many members an upload will have, as far as that is cheap to know: for a progress bar, not for a limit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from xnat_import_core.errors import XnatImportError
from xnat_import_core.uploads.containers.recognise import HEAD, Form, form_of
from xnat_import_core.uploads.containers.windows import DamagedError, SharedFile, Window
from xnat_import_core.uploads.containers.zip_end import find_directory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xnat_import_core.uploads.containers.entries import Source

__all__ = ["expected_members"]


def expected_members(sources: Sequence[Source]) -> int | None:
    """Entries of zip directories and files of folders; ``None`` where only reading tells (tar, gzip)."""
    counts = [_expected(source.path) for source in sources]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _expected(path: Path) -> int | None:
    if path.is_dir():
        return sum(len(names) for _, _, names in os.walk(path))
    try:
        file = SharedFile(path, path.name, follow=True)
        with file:
            form = form_of(file.pread(HEAD, 0))
            if form is Form.ZIP:
                return find_directory(Window(file, 0, file.size)).count
    except (DamagedError, XnatImportError, OSError):
        return None
    return 1 if form is Form.OTHER else None
