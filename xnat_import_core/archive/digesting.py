"""The pass over the bytes: MD5 for catalogs and clients, and whether a file is still what was received (ruling 9)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from xnat_import_core.workers.jobs import Digesting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from sqlalchemy import Row

    from xnat_import_core.workers.crew import Crew

__all__ = ["Digests", "digest_files"]

_BATCH_FILES: Final = 128
_BATCH_BYTES: Final = 8 * 1024 * 1024
_AHEAD: Final = 2


@frozen
class Digests:
    """What a file's bytes are now; ``changed``: not what was received."""

    md5: str
    sha256: str
    size: int
    changed: bool


def digest_files(files: Iterable[tuple[Row[Any], Path]], crew: Crew, handler_key: str) -> Mapping[int, Digests]:
    """Read each file once, in workers; by the row's id. Raises OSError where one cannot be read."""
    files = list(files)
    workers = crew.suited(len(files), sum(row.size for row, _ in files))
    waiting: deque[tuple[list[Row[Any]], Future[tuple[tuple[str, str, int], ...]]]] = deque()
    found: dict[int, Digests] = {}

    def collect() -> None:
        rows, future = waiting.popleft()
        for row, (md5, sha256, size) in zip(rows, future.result(), strict=True):
            found[row.id] = Digests(md5, sha256, size, changed=sha256 != row.stored_sha256)

    for batch in _batches(files):
        job = Digesting(tuple(path for _, path in batch), sum(row.size for row, _ in batch))
        waiting.append(([row for row, _ in batch], workers.submit(handler_key, job)))
        if len(waiting) >= workers.width * _AHEAD:
            collect()
    while waiting:
        collect()
    return found


def _batches(files: Iterable[tuple[Row[Any], Path]]) -> Iterator[list[tuple[Row[Any], Path]]]:
    batch: list[tuple[Row[Any], Path]] = []
    size = 0
    for row, path in files:
        batch.append((row, path))
        size += row.size
        if len(batch) == _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
