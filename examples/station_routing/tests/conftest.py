from __future__ import annotations

import sys
from pathlib import Path

# An example need not be installed to be tested: an installed extension would take part in every other import here.
sys.path.append(str(Path(__file__).resolve().parents[1] / "src"))
