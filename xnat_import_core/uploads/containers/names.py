"""Names inside containers: text to show, never a path."""

from __future__ import annotations

import re

from xnat_import_core.uploads.budget import exceeded

__all__ = ["decode_name", "is_clutter", "joined", "quoted", "without_compression"]

_CLUTTER_FILES = {".ds_store", "thumbs.db", "desktop.ini"}
_CONTROLS = re.compile("[\x00-\x1f\x7f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_SHOWN = 200


def is_clutter(name: str) -> bool:
    """Whether a member is what operating systems leave behind, in any folder.

    That is ``__MACOSX/``, ``._*``, ``.DS_Store``, ``Thumbs.db`` and ``desktop.ini``.
    """
    folder, _, last = name.replace("\\", "/").rpartition("/")
    if last.startswith("._") or last.lower() in _CLUTTER_FILES:
        return True
    return "__MACOSX" in folder and "__MACOSX" in folder.split("/")


def decode_name(raw: bytes, *, limit: int, fallback: str = "utf-8") -> str:
    """A stored name as text: UTF-8, else ``fallback``; what cannot be shown becomes U+FFFD.

    Raises:
        LimitExceededError: The name has more than ``limit`` bytes.
    """
    if len(raw) > limit:
        raise exceeded(limit, "max_name_bytes", "A member's name is too long")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode(fallback, "replace")
    return showable(text)


def showable(text: str) -> str:
    """The text with control characters and lone surrogates replaced by U+FFFD."""
    return text if text.isprintable() else _SURROGATES.sub("\ufffd", _CONTROLS.sub("\ufffd", text))


def joined(outer: str, inner: str) -> str:
    """The name of a member of a nested archive."""
    return f"{outer}/{inner}" if outer else inner


def quoted(name: str) -> str:
    """A name as messages show it."""
    return repr(name if len(name) <= _SHOWN else name[:_SHOWN] + "...")


def without_compression(name: str) -> str:
    """The name without a last ``.gz`` or ``.bz2``, in any case."""
    return re.sub(r"(?<=[^/\\])\.(gz|bz2)\Z", "", name, flags=re.IGNORECASE)
