"""Addresses: one spelling for those that mean the same (rest-api 1.1), and URIs in answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.types import Scope

__all__ = ["canonical", "data_uri", "local_path"]

_TWINS = (
    (re.compile(r"^/REST(?=/|$)"), "/data"),
    (re.compile(r"^/data/archive/(projects|experiments)(?=/|$)"), r"/data/\1"),
    (re.compile(r"^/healthz$"), "/health/live"),
    (re.compile(r"^/readyz$"), "/health/ready"),
)


def local_path(scope: Scope) -> str:
    """The path below the place where the app is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(root) else path


def canonical(scope: Scope) -> Scope:
    """The same request under its first spelling: no ``/REST``, no trailing slash.

    Raises:
        HTTPException: 404, a path segment holds an encoded ``/`` or NUL: no name has one.
    """
    raw = scope.get("raw_path", b"").partition(b"?")[0].lower()
    if b"%2f" in raw or b"%00" in raw or "\0" in scope["path"]:
        raise HTTPException(404)
    path = local_path(scope)
    for twin, name in _TWINS:
        path = twin.sub(name, path)
    return {**scope, "path": scope.get("root_path", "") + (path.rstrip("/") or "/")}


def data_uri(uri: str) -> str:
    """A URI as an answer gives it: ``/data`` in front, reserved characters encoded; never prefixed twice."""
    encoded = quote(uri, safe="/-_.~,:@!$&'()*+;=")
    return encoded if encoded.startswith(("/data/", "/xapi/")) else f"/data{encoded}"
