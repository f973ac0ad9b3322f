"""Text by Specific Character Set (0008,0005): PS3.3, C.12.1.1.2 and PS3.5, section 6.1.

Without the standard's spelling ("ISO_IR 100" and "ISO 2022 IR 100" are the same table) a set is its number. An unknown
or absent set is Latin-1, which no byte breaks.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["codec_of", "decode"]

_LATIN_1: Final = "latin-1"
_CODECS: Final = {
    "": _LATIN_1,
    "6": _LATIN_1,
    "13": "shift_jis",
    "58": "gb2312",
    "87": "iso2022_jp",
    "100": _LATIN_1,
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso8859_7",
    "127": "iso8859_6",
    "138": "iso8859_8",
    "144": "iso8859_5",
    "148": "iso8859_9",
    "149": "euc_kr",
    "159": "iso2022_jp_2",
    "166": "iso8859_11",
    "192": "utf-8",
    "203": "iso8859_15",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
_ESCAPES: Final = {
    b"\x1b(B": _LATIN_1,
    b"\x1b-A": _LATIN_1,
    b"\x1b-B": "iso8859_2",
    b"\x1b-C": "iso8859_3",
    b"\x1b-D": "iso8859_4",
    b"\x1b-F": "iso8859_7",
    b"\x1b-G": "iso8859_6",
    b"\x1b-H": "iso8859_8",
    b"\x1b-L": "iso8859_5",
    b"\x1b-M": "iso8859_9",
    b"\x1b-T": "iso8859_11",
    b"\x1b-b": "iso8859_15",
    b"\x1b(J": "shift_jis",
    b"\x1b)I": "shift_jis",
    b"\x1b$B": "iso2022_jp",
    b"\x1b$(D": "iso2022_jp_2",
    b"\x1b$)A": "gb2312",
    b"\x1b$)C": "euc_kr",
}
_WITH_OWN_ESCAPES: Final = frozenset({"iso2022_jp", "iso2022_jp_2"})
_ESCAPE: Final = re.compile(rb"(\x1b(?:\$[()].|[$()-].))", re.DOTALL)
_DELIMITER: Final = re.compile(rb"[\\^=\r\n\t\f]")
_SPELLING: Final = re.compile(r"ISO|2022|IR|[^A-Z0-9]")


def codec_of(character_set: bytes) -> str:
    """The codec that holds until the first escape sequence, for the value of (0008,0005) in all its parts."""
    first = character_set.partition(b"\\")[0].decode(_LATIN_1).upper()
    return _CODECS.get(_SPELLING.sub("", first), _LATIN_1)


def decode(raw: bytes, codec: str) -> tuple[str, bool]:
    """The text, and whether every byte of it means something; those that do not are U+FFFD.

    Args:
        raw: The value as it lies in the file.
        codec: From ``codec_of``.
    """
    if b"\x1b" in raw:
        return _decode_escaped(raw, codec)
    return _decode_as(raw, codec)


def _decode_as(raw: bytes, codec: str) -> tuple[str, bool]:
    try:
        return raw.decode(codec), True
    except UnicodeDecodeError:
        return raw.decode(codec, "replace"), False


def _decode_escaped(raw: bytes, first: str) -> tuple[str, bool]:
    """Each escape sequence rules up to the next, or to a delimiter, which brings the first codec back."""
    before, *rest = _ESCAPE.split(raw)
    pieces = [_decode_as(before, first)]
    for escape, text in zip(rest[::2], rest[1::2], strict=True):
        codec = _ESCAPES.get(escape)
        if codec in _WITH_OWN_ESCAPES:
            pieces.append(_decode_as(escape + text, codec))
            continue
        delimiter = _DELIMITER.search(text)
        until = delimiter.start() if delimiter else len(text)
        known = _decode_as(text[:until], codec or first)
        pieces += [(known[0], known[1] and codec is not None), _decode_as(text[until:], first)]
    return "".join(text for text, _ in pieces), all(whole for _, whole in pieces)
