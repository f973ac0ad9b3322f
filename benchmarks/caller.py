"""A program that embeds the service, as a process of its own: told which archive to import, it says how long it took.

Run: python -m benchmarks.caller STORE SETTINGS (JSON), then one path a line on standard input.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from xnat_import_core import Service, Settings
from xnat_import_core.models import Fate

PROJECT = "BENCH"


def main(store: Path, settings: dict[str, object]) -> None:
    """Import what comes, into one project, by the handler SI."""
    with Service(Settings(store=store, **settings)) as service:  # type: ignore[arg-type]  # checked by Settings
        service.projects.create(PROJECT)
        for line in sys.stdin:
            began = time.perf_counter()
            outcome = service.import_upload(line.rstrip("\n"), import_handler="SI", project=PROJECT)
            seconds = time.perf_counter() - began
            print(json.dumps({"seconds": seconds, "stored": outcome.counts[Fate.STORED]}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
