"""Who does the work of an import: small ones stay in the thread that asks, others go to the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from xnat_import_core.workers.slots import slot_workers
from xnat_import_core.workers.threads import InlineWorkers, thread_workers

if TYPE_CHECKING:
    from xnat_import_core.plugin_host import PluginHost, PluginSource
    from xnat_import_core.settings import Settings
    from xnat_import_core.workers.pool import Pool, Workers

__all__ = ["Crew", "crew_for"]

_SMALL_BYTES = 16 * 1024 * 1024


@frozen
class Crew:
    """The workers of one service.

    Attributes:
        pool: Threads or processes.
        inline: For small uploads: crossing to another process would cost more than the work.
        inline_members: How many members are few.
    """

    pool: Pool
    inline: InlineWorkers
    inline_members: int

    def suited(self, members: int | None, size: int) -> Workers:
        """Those for an upload of so many members, if that is known, and bytes as they came."""
        small = members is not None and members <= self.inline_members and size <= _SMALL_BYTES
        return self.inline if small else self.pool

    def warm(self) -> None:
        """Have one process ready, where there are any."""
        if self.pool.kind == "slots":
            self.pool.warm()

    def close(self) -> None:
        """Finish what runs."""
        self.pool.close()


def crew_for(settings: Settings, host: PluginHost, source: PluginSource) -> Crew:
    """The workers that the settings ask for.

    Raises:
        InvalidRequestError: Processes, with plugins that another process cannot import.
    """
    deadline, width = settings.plugin_deadline, settings.workers
    if width > 0:
        memory = settings.limits.worker_bytes
        pool = slot_workers(host, source, settings.plugins, width=width, deadline=deadline, memory=memory)
    else:
        pool = thread_workers(host, settings.threads, deadline)
    return Crew(pool, InlineWorkers(host, deadline), settings.inline_members)
