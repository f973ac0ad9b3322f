"""``python -m xnat_import_core.cli``: the program where its script is not on the path."""

from __future__ import annotations

from xnat_import_core.cli import main

if __name__ == "__main__":
    main()
