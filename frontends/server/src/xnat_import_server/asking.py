"""Blocking questions, asked from threads: short ones apart from work that may take minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from anyio import to_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from xnat_import_server.site import Site

__all__ = ["ask", "work"]

T = TypeVar("T")


async def ask(site: Site, question: Callable[[], T]) -> T:
    """Read something."""
    return await to_thread.run_sync(question, limiter=site.reading)


async def work(site: Site, deed: Callable[[], T]) -> T:
    """Do something with a session: build, archive, move, delete."""
    return await to_thread.run_sync(deed, limiter=site.importing)
