"""Where members are read: inline or in threads, behind one interface (``submit``, ``close``, ``kind``)."""

from xnat_import_core.workers.executors import InlineWorkers, ThreadWorkers, Workers

__all__ = ["InlineWorkers", "ThreadWorkers", "Workers"]
