"""growing.py STORE UPLOAD...: import each; print the peak memory of each import, in KiB. Run by ``test_growth.py``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import tiny_handler

from xnat_import_core import ExplicitPlugins, Service, Settings


def peak() -> int:
    """Of this process since it was last asked."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("ascii").splitlines())
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return int(status["VmHWM"].split()[0])


def main(store: Path, *uploads: Path) -> None:
    peaks = []
    with Service(Settings(store=store), ExplicitPlugins(handlers={"tiny": tiny_handler})) as service:
        for upload in uploads:
            peak()
            service.import_upload(upload, import_handler="tiny", session=upload.stem)
            peaks.append(peak())
    print(json.dumps(peaks))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
