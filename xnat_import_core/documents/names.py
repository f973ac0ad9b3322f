"""XML names of session documents and catalogs."""

from __future__ import annotations

from typing import Final

__all__ = ["CATALOG", "XNAT", "XSI", "qualified"]

XNAT: Final = "http://nrg.wustl.edu/xnat"
CATALOG: Final = "http://nrg.wustl.edu/catalog"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"


def qualified(namespace: str, name: str) -> str:
    """A name with its namespace, in lxml's spelling."""
    return f"{{{namespace}}}{name}"
