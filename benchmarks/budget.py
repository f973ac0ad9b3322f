"""What one member costs, step by step: CPU time in one thread, warm, for members of a stored and of a deflated zip.

The steps are those of a worker's batch, called one by one; below them what the same bytes cost the floor.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from attrs import frozen
from isal import isal_zlib

from benchmarks.measure import Case, Measured
from xnat_import_core.folds import Fold, fold
from xnat_import_core.models import ExtractContext, ImportedFile
from xnat_import_core.parameters import ImportRequest
from xnat_import_core.plugin_host import InstalledPlugins, PluginHost
from xnat_import_core.receipts.ledger import Ledger
from xnat_import_core.settings import Limits, Plugins, Settings
from xnat_import_core.uploads.containers import OpenUpload, Source
from xnat_import_core.workers.batches import Batch
from xnat_import_core.workers.jobs import Extracting
from xnat_import_core.workers.members import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.bench import Bench
    from benchmarks.measure import Group
    from benchmarks.studies import Archive
    from xnat_import_core.plugin_host import HookCalls
    from xnat_import_core.uploads.containers import Entry
    from xnat_import_core.workers.batches import BatchResult
    from xnat_import_core.workers.members import LoadedMember

__all__ = ["budget"]

_ROUNDS: Final = 5
_FILES: Final = 256
_BATCH: Final = 64


def budget(bench: Bench) -> Iterator[Group]:
    """Some hundred members of each archive."""
    for archive in (bench.archives.zip("mr"), bench.archives.zip("mr", deflated=True), bench.archives.zip("small4k")):
        steps = _Steps.of(archive)
        cases = [Case(name, partial(_timed, step)) for name, step in steps.named().items()]
        yield bench.side_by_side(f"one member of {archive.name}", cases, rounds=_ROUNDS)


def _timed(step: Callable[[Path], object], folder: Path) -> Measured:
    began = time.process_time()
    step(folder)
    return Measured(time.process_time() - began, _FILES)


@frozen
class _Steps:
    """The steps of an import, each with what the ones before it would hand over."""

    path: Path
    calls: HookCalls
    context: ExtractContext
    entries: tuple[Entry, ...]
    members: tuple[LoadedMember, ...]
    files: tuple[ImportedFile, ...]
    results: tuple[BatchResult, ...]

    @classmethod
    def of(cls, archive: Archive) -> _Steps:
        """The first members of an archive."""
        archive.warm()
        spool = archive.path.parent
        calls = PluginHost(InstalledPlugins(), Plugins()).calls("SI")
        preferences = Settings(store=spool).plugin_preferences()
        context = ExtractContext("SI", ImportRequest(), frozenset(), preferences)
        entries = tuple(entry for entry, _ in zip(_entries(archive.path), range(_FILES), strict=False))
        members = tuple(load(entry, spool) for entry in entries)
        found = calls.extract(members, context)
        files = tuple(record for record in found if isinstance(record, ImportedFile))
        jobs = [Extracting(batch, context, spool, keep=False) for batch in _batches(entries)]
        return cls(archive.path, calls, context, entries, members, files, tuple(job.run(calls) for job in jobs))

    def named(self) -> dict[str, Callable[[Path], object]]:
        """Each step by its name, in order."""
        return {
            "list, look for archives": self.list_members,
            "to a worker (pickled both ways)": self.travel,
            "read, inflate, CRC": self.read,
            "digest (SHA-256)": self.digest,
            "extract (scan, facts)": self.extract,
            "fold": self.fold,
            "write": self.write,
            "whole batch in a worker": self.batch,
            "row, to the ledger": self.enter,
            "floor: read, inflate, CRC, write": self.floor,
        }

    def list_members(self, _folder: Path) -> None:
        """The directory, and the first bytes of each member."""
        for _ in zip(_entries(self.path), range(_FILES), strict=False):
            pass

    def travel(self, folder: Path) -> None:
        """A job there, its result back."""
        for batch, result in zip(_batches(self.entries), self.results, strict=True):
            pickle.loads(pickle.dumps(Extracting(batch, self.context, folder, keep=True), -1))  # noqa: S301 - just made
            pickle.loads(pickle.dumps(result, -1))  # noqa: S301 - as above

    def read(self, folder: Path) -> None:
        """Each member whole."""
        for entry in self.entries:
            load(entry, folder, digest=False)

    def digest(self, _folder: Path) -> None:
        """The digest of each."""
        for member in self.members:
            hashlib.sha256(member.data or b"").hexdigest()

    def extract(self, _folder: Path) -> None:
        """The hook, with the checks of its answer."""
        for at in range(0, len(self.members), _BATCH):
            self.calls.extract(self.members[at : at + _BATCH], self.context)

    def fold(self, _folder: Path) -> None:
        """Facts that each file says anew; files that say the same are folded in one go instead."""
        folded: Fold = {}
        for file in self.files:
            fold(folded, file.facts, file.member)

    def write(self, folder: Path) -> None:
        """One file a member."""
        for member in self.members:
            _write(folder / str(member.index), member.data or b"")

    def batch(self, folder: Path) -> None:
        """All of the above as a worker does it."""
        for name in ("files", "large"):
            (folder / name).mkdir()
        for batch in _batches(self.entries):
            Extracting(batch, self.context, folder, keep=True).run(self.calls)

    def enter(self, _folder: Path) -> None:
        """The rows of members into the import's notebook."""
        ledger = Ledger()
        for result in self.results:
            ledger.add(result.rows)
        ledger.close()

    def floor(self, folder: Path) -> None:
        """What cannot be left out."""
        descriptor = os.open(self.path, os.O_RDONLY)
        for entry in self.entries:
            record = entry.node.record  # type: ignore[attr-defined]  # a member of a zip
            data = os.pread(descriptor, record.compressed, record.offset + 30 + len(record.name))
            if record.method:
                data = isal_zlib.decompress(data, -15, record.size)
            isal_zlib.crc32(data)
            _write(folder / str(entry.index), data)
        os.close(descriptor)


def _entries(path: Path) -> Iterator[Entry]:
    spool = path.parent / "spool"
    kinds = frozenset({"zip"})
    yield from OpenUpload([Source(path)], limits=Limits(), kinds=kinds, open_nested=True, spool=spool).entries()


def _batches(entries: tuple[Entry, ...]) -> Iterator[Batch]:
    for at in range(0, len(entries), _BATCH):
        part = entries[at : at + _BATCH]
        yield Batch(part, (None,) * len(part))


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(descriptor, data)
    os.close(descriptor)
