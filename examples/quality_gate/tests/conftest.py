from __future__ import annotations

import sys
from pathlib import Path

# Not installed for development: it would filter out the incomplete series among the project's own test data.
sys.path.append(str(Path(__file__).resolve().parents[1] / "src"))
