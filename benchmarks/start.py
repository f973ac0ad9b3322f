"""What it costs to begin: an import of the core, and `xnat-import handlers`."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 7
BIN = Path(sys.executable).parent
COMMANDS = {
    "python alone": [sys.executable, "-c", "pass"],
    "import xnat_import_core": [sys.executable, "-c", "import xnat_import_core"],
    "from xnat_import_core import Service": [sys.executable, "-c", "from xnat_import_core import Service"],
    "xnat-import --help": [str(BIN / "xnat-import"), "--help"],
    "xnat-import handlers": [str(BIN / "xnat-import"), "handlers"],
}


def seconds(command: list[str]) -> float:
    """Median wall time of a program, after one run that fills the caches."""
    times = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


if __name__ == "__main__":
    print(json.dumps({name: round(seconds(command), 4) for name, command in COMMANDS.items()}))
