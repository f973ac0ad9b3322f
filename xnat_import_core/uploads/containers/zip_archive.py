"""A zip archive: its directory checked first, then its members, each to be read by any thread at any time."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, ClassVar

from attrs import define

from xnat_import_core.uploads.containers.inflate import crc32, inflate, inflate_whole, inflated_head
from xnat_import_core.uploads.containers.names import decode_name, joined
from xnat_import_core.uploads.containers.streams import checked
from xnat_import_core.uploads.containers.windows import PIECE, DamagedError, Window
from xnat_import_core.uploads.containers.zip_end import find_directory
from xnat_import_core.uploads.containers.zip_records import (
    LOCAL_HEADER,
    STORED,
    Record,
    check_local_header,
    read_records,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xnat_import_core.uploads.budget import Budget

__all__ = ["ZipArchive", "ZipMember"]

_USUAL_EXTRA = 64
_SLACK = 1024


class ZipArchive:
    """A zip archive in a window of a file.

    Args:
        window: Where it lies.
        prefix: Name of the archive in the upload; empty for an upload that is the archive.
        budget: Of the upload.

    Raises:
        DamagedError: Its end records or directory contradict themselves, each other or the file.
        LimitExceededError: It states more members or bytes than the settings allow.
    """

    def __init__(self, window: Window, prefix: str, budget: Budget) -> None:
        self.window = window
        self._prefix = prefix
        self._name_limit = budget.limits.max_name_bytes
        with window.file:
            self._directory = find_directory(window)
            budget.check_count(self._directory.count)
            self._starts = self._checked_starts(budget)

    def members(self) -> Iterator[ZipMember]:
        """Its members, in the directory's order, without folders. Raises LimitExceededError for a name too long."""
        with self.window.file:
            for record in read_records(self.window, self._directory):
                if record.is_folder:
                    continue
                name = decode_name(record.name, limit=self._name_limit, fallback=record.text_fallback)
                yield ZipMember(self.window, record, joined(self._prefix, name), self._end_of_room(record.offset))

    def _end_of_room(self, offset: int) -> int:
        """Where the next member, or the directory, begins."""
        following = bisect_right(self._starts, offset)
        return self._starts[following] if following < len(self._starts) else self._directory.start

    def _checked_starts(self, budget: Budget) -> array[int]:
        """All members' offsets, sorted; memory does not grow but for these."""
        starts, ends = array("Q"), array("Q")
        total = largest = 0
        limit = self._directory.start
        for record in read_records(self.window, self._directory):
            end = record.offset + LOCAL_HEADER.size + len(record.name) + record.compressed
            if end > limit:
                raise DamagedError(clause="has an entry that overlaps its directory")
            starts.append(record.offset)
            ends.append(end)
            total += record.size
            largest = max(largest, record.size)
            budget.check_count(len(starts))
        budget.check_stated(largest, total)
        starts = _without_overlap(starts, ends)
        first = starts[0] if starts else limit
        if first and self.window.read(0, 4) == b"PK\x03\x04":
            raise DamagedError(clause="begins with data of another archive")
        return starts


def _without_overlap(starts: array[int], ends: array[int]) -> array[int]:
    if any(ends[i - 1] > starts[i] for i in range(1, len(starts))):
        order = sorted(range(len(starts)), key=starts.__getitem__)
        if any(ends[order[i - 1]] > starts[order[i]] for i in range(1, len(order))):
            raise DamagedError(clause="has entries that overlap")
        starts = array("Q", (starts[i] for i in order))
    return starts


@define(eq=False)
class ZipMember:
    """A member of a zip archive: a ``Node``. It can travel to another process.

    Attributes:
        archive: Where the archive lies.
        record: What its directory says.
        room: Where in the archive the next member begins.
    """

    sequential: ClassVar[bool] = False

    archive: Window
    record: Record
    name: str
    room: int

    @property
    def inner_name(self) -> str:
        """Its name."""
        return self.name

    @property
    def size(self) -> int:
        """As the directory states."""
        return self.record.size

    @property
    def problem(self) -> str | None:
        """See ``Entry``."""
        return self.record.problem

    def head(self, size: int) -> bytes:
        """See ``Node``: one small read."""
        with self.archive.file:
            _, data = self._begin(min(self.record.compressed, size + _USUAL_EXTRA))
        return data[:size] if self.record.method == STORED else inflated_head(data, size)

    def whole(self) -> bytes | None:
        """All its bytes in one read; ``None`` where anything is not as it should be: ``pieces`` says what."""
        record = self.record
        if record.compressed > record.size + (record.size >> 3) + _SLACK:  # deflate never grows so much
            return None
        with self.archive.file:
            _, data = self._begin(record.compressed)
        if record.method != STORED:
            inflated = inflate_whole(data, record.size)
            if inflated is None:
                return None
            data = inflated
        return data if len(data) == record.size and crc32(data) == record.crc else None

    def pieces(self) -> Iterator[bytes]:
        """See ``Node``."""
        pieces = self._compressed()
        if self.record.method != STORED:
            pieces = inflate(pieces)
        return checked(pieces, self.record.size, self.record.crc)

    def window(self) -> Window | None:
        """Where a stored member lies."""
        if self.record.method != STORED:
            return None
        with self.archive.file:
            start, _ = self._begin(0)
        return self.archive.part(start, self.record.compressed)

    def _compressed(self) -> Iterator[bytes]:
        if not self.record.compressed:
            with self.archive.file:
                self._begin(0)
            return
        with self.archive.file:
            start, piece = self._begin(min(self.record.compressed, PIECE))
            end = start + self.record.compressed
            at = start
            while at < end:
                piece = piece or self.archive.read(at, min(PIECE, end - at))
                if not piece:
                    raise DamagedError(clause="was cut short while it was read")
                at += len(piece)
                yield piece
                piece = b""

    def _begin(self, ahead: int) -> tuple[int, bytes]:
        """Where its data begin, and at most ``ahead`` bytes of them."""
        record = self.record
        usual = LOCAL_HEADER.size + len(record.name) + _USUAL_EXTRA
        data = self.archive.read(record.offset, usual + ahead)
        if len(data) >= LOCAL_HEADER.size:
            announced = LOCAL_HEADER.size + sum(LOCAL_HEADER.unpack_from(data)[9:])
            if announced > usual:
                data = self.archive.read(record.offset, announced + ahead)
        start = check_local_header(record, data)
        if record.offset + start + record.compressed > self.room:
            raise DamagedError(clause="overlaps the next entry of its archive")
        return record.offset + start, data[start : start + ahead]
