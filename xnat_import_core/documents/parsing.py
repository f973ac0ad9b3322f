"""XML from disk, read without trust: no DOCTYPE, no entities, no network, no more bytes than allowed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lxml import etree

from xnat_import_core.errors import LimitExceededError, NotFoundError, StorageError, UnreadableUploadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["elements_of", "text_of"]


def elements_of(path: Path, *, limit: int) -> Iterator[etree._Element]:
    """Every element at its end, the root last; one that is done with may be cleared.

    Raises:
        NotFoundError: There is no such file.
        LimitExceededError: It has more than ``limit`` bytes.
        UnreadableUploadError: It is no well-formed XML, or it has a DOCTYPE.
        StorageError: The disk failed.
    """
    try:
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_size > limit:
                message = f"{path.name} is larger than {limit >> 20} MiB: it is no document of this service."
                raise LimitExceededError(message)
            events = etree.iterparse(
                stream,
                events=("start", "end"),
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                huge_tree=False,
            )
            yield from _ends(events, path.name)
    except FileNotFoundError:
        message = f"There is no {path.name}: build the session again."
        raise NotFoundError(message) from None
    except etree.XMLSyntaxError as why:
        message = f"{path.name} is no well-formed XML (line {why.lineno or 0}): build the session again or replace it."
        raise UnreadableUploadError(message) from None
    except OSError as why:
        message = f"{path.name} could not be read ({os.strerror(why.errno or 0)}): see to the disk, then try again."
        raise StorageError(message) from why


def _ends(events: Iterator[tuple[str, etree._Element]], name: str) -> Iterator[etree._Element]:
    started = False
    for event, element in events:
        if not started:
            started = True
            if element.getroottree().docinfo.doctype:
                message = f"{name} has a DOCTYPE, which is refused: remove it."
                raise UnreadableUploadError(message)
        if event == "end":
            yield element


def text_of(element: etree._Element) -> str:
    """The text of an element, empty if it has none; what stands in comments or entities is no text."""
    return (element.text or "") + "".join(child.tail or "" for child in element if not isinstance(child.tag, str))
