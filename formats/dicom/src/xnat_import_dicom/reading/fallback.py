"""The reader for what the scanner leaves alone: big endian, VRs that do not exist, mixtures of encodings.

pydicom takes the file apart; decoding is ours, so that both readers give the same text. Its import is slow and it is
seldom needed, hence not imported with this module.
"""

from __future__ import annotations

import io
import warnings
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from attrs import define

from xnat_import_dicom.reading.elements import Elements, tag_text
from xnat_import_dicom.reading.level import CHARACTER_SET
from xnat_import_dicom.reading.model import HeaderError, too_large

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xnat_import_dicom.reading.level import Level

__all__ = ["read_with_pydicom"]

_UNDEFINED: Final = 0xFFFFFFFF
_WARNINGS: Final = Lock()


def read_with_pydicom(  # noqa: PLR0913 - where, what and how, all of it needed
    stream: BinaryIO, at: int, level: Level, *, implicit: bool, little: bool, limit: int
) -> Elements:
    """Read the wanted elements of the data set that begins at position ``at``, as ``scan`` does; its end is a position.

    Raises:
        HeaderError: Whatever goes wrong.
    """
    bounded = _BoundedStream(stream, limit)
    watch = _Watch(level)
    try:
        bounded.seek(at)
        dataset = _dataset(bounded, watch, level, implicit=implicit, little=little)
        elements = Elements(little=little, seen=watch.seen, end=bounded.tell())
        _Collector(elements).take_top(dataset, level)
    except HeaderError:
        raise
    except RecursionError:
        reason = "holds sequences that are nested too deeply"
        raise HeaderError(reason) from None
    except Exception:  # noqa: BLE001 - pydicom raises anything on damaged input
        raise _damaged(watch.last) from None
    if bounded.beyond_end or (watch.seen and not len(dataset)):
        raise _damaged(watch.last)
    return elements


def _damaged(tag: int) -> HeaderError:
    return HeaderError(f"header is damaged or cut short at {tag_text(tag)}")


def _dataset(bounded: _BoundedStream, watch: _Watch, level: Level, *, implicit: bool, little: bool) -> Any:  # noqa: ANN401 - pydicom's
    from pydicom.filereader import read_dataset  # noqa: PLC0415 - slow to import, and seldom needed

    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_dataset(
            cast("BinaryIO", bounded), implicit, little, stop_when=watch, specific_tags=[*level.leaves, *level.inside]
        )


@define
class _Watch:
    """Tells pydicom where to stop, and remembers where it was."""

    level: Level
    seen: int = 0
    last: int = 0

    def __call__(self, tag: int, _vr: str | None, _length: int) -> bool:
        if self.level.ends_before(int(tag)):
            return True
        self.seen += 1
        self.last = int(tag)
        return False


@define
class _BoundedStream:
    """A stream that refuses to be read behind a bound, and notices when a skip led behind its end."""

    stream: BinaryIO
    limit: int
    beyond_end: bool = False

    def read(self, size: int = -1, /) -> bytes:
        at = self.stream.tell()
        if size < 0 or at + size > self.limit:
            size = self._within_limit(at)
        data = self.stream.read(size)
        if size and not data and at:
            self.stream.seek(at - 1)
            self.beyond_end = self.beyond_end or not self.stream.read(1)
            self.stream.seek(at)
        return data

    def _within_limit(self, at: int) -> int:
        """A value may claim to end behind the bound, but then the file has to end before it."""
        self.stream.seek(max(self.limit, at))
        longer = bool(self.stream.read(1))
        self.stream.seek(at)
        if longer or at > self.limit:
            raise too_large(self.limit)
        return self.limit - at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        return self.stream.tell()


@define
class _Collector:
    """Takes the wanted elements out of pydicom's data sets, as bytes."""

    elements: Elements

    def take_top(self, dataset: Any, level: Level) -> None:  # noqa: ANN401 - pydicom is no part of the interface
        for tag in level.leaves:
            if (raw := _raw(dataset, tag)) is not None:
                self.elements.top[tag] = raw
        character_set = self.elements.top.get(CHARACTER_SET, (b"", b""))[1]
        self._take_sequences(dataset, level, (), character_set)

    def _take_sequences(self, dataset: Any, level: Level, path: tuple[int, ...], character_set: bytes) -> None:  # noqa: ANN401
        for tag, below in level.inside.items():
            for item in _items(dataset, tag):
                self._take_item(item, below, (*path, tag), character_set)

    def _take_item(self, item: Any, level: Level, path: tuple[int, ...], character_set: bytes) -> None:  # noqa: ANN401
        own = _raw(item, CHARACTER_SET)
        character_set = own[1] if own else character_set
        for tag in sorted(level.leaves):
            if (raw := _raw(item, tag)) is not None:
                self.elements.nested.append(((*path, tag), *raw, character_set))
        self._take_sequences(item, level, path, character_set)


def _raw(dataset: Any, tag: int) -> tuple[bytes, bytes] | None:  # noqa: ANN401
    """VR and bytes of an element."""
    if tag not in dataset:
        return None
    element = dataset.get_item(tag)
    value = element.value
    if not isinstance(value, bytes):
        return b"SQ", b""
    if getattr(element, "length", 0) not in {_UNDEFINED, len(value)}:
        raise _damaged(tag)
    return (element.VR or "").encode("latin-1"), value


def _items(dataset: Any, tag: int) -> Iterable[Any]:  # noqa: ANN401
    from pydicom.sequence import Sequence  # noqa: PLC0415 - as above

    if tag not in dataset:
        return ()
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = dataset[tag].value
    return value if isinstance(value, Sequence) else ()
