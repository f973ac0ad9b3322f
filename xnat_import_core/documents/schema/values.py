"""Values as XNAT's schema wants them: each kind of value, and what becomes of one that does not fit.

Kinds are ``text``, ``text/255`` (cut to that length), ``float``, ``size`` (a float that is not negative), ``integer``,
``int``, ``long``, ``boolean``, ``date``, ``time``, ``dateTime``, ``duration``, and ``CW|CC`` for one of these words.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xnat_import_core.models import FieldValue

__all__ = ["clean_text", "fit"]

_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INFINITY = re.compile(r"([+-]?)inf(?:inity)?", re.IGNORECASE)
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"(?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])?"
_DATE_FORM = re.compile(_DATE)
_TIME_FORM = re.compile(_CLOCK)
_MOMENT_FORM = re.compile(rf"(?P<date>{_DATE})T{_CLOCK}")
_DURATION = re.compile(
    r"-?P(?=[0-9T])(?:[0-9]{1,9}Y)?(?:[0-9]{1,9}M)?(?:[0-9]{1,9}D)?"
    r"(?:T(?=[0-9])(?:[0-9]{1,9}H)?(?:[0-9]{1,9}M)?(?:[0-9]{1,9}(?:\.[0-9]{1,9})?S)?)?"
)
_MAX_BITS: Final = 64


def clean_text(text: str) -> str:
    """Text that XML 1.0 can hold: NUL becomes a blank, other forbidden characters are dropped."""
    return _FORBIDDEN.sub("", text.replace("\0", " "))


def fit(kind: str, value: FieldValue) -> tuple[str | None, str]:
    """A value as text of its kind, and a reason.

    Returns:
        The text, ``None`` if the value does not fit; why it was left out or changed, empty if it was neither. The
        reason never holds the value.
    """
    text = _plain(value)
    if not text.strip():
        return None, "left out: it is empty"
    base, _, limit = kind.partition("/")
    if base == "text":
        return (text[: int(limit)], f"cut to {limit} characters") if limit and len(text) > int(limit) else (text, "")
    fitted = _one_of(base, text.strip()) if "|" in base else _FITS[base](text.strip())
    return fitted, "" if fitted is not None else f"left out: it is no {base}"


def _plain(value: FieldValue) -> str:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= _MAX_BITS else ""
    return repr(value)


def _one_of(words: str, text: str) -> str | None:
    return text if text in words.split("|") else None


def _float(text: str) -> str | None:
    infinity = _INFINITY.fullmatch(text)
    if infinity:
        return "-INF" if infinity[1] == "-" else "INF"
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return repr(number) if math.isfinite(number) else None


def _size(text: str) -> str | None:
    number = _float(text)
    return None if number is None or number.startswith("-") else number


def _integer(text: str, bits: int = _MAX_BITS) -> str | None:
    if not _NUMBER.fullmatch(text):
        return None
    if re.fullmatch(r"[+-]?[0-9]{1,20}", text):
        number = int(text)
    elif float(text).is_integer():
        number = int(float(text))
    else:
        return None
    return str(number) if -(1 << bits - 1) <= number < 1 << bits - 1 else None


def _int(text: str) -> str | None:
    return _integer(text, 32)


def _boolean(text: str) -> str | None:
    return text if text in {"true", "false", "1", "0"} else None


def _date(text: str) -> str | None:
    return text if _DATE_FORM.fullmatch(text) and _is_date(text) else None


def _time(text: str) -> str | None:
    found = _TIME_FORM.fullmatch(text)
    return text if found and _is_clock(found["clock"]) else None


def _moment(text: str) -> str | None:
    found = _MOMENT_FORM.fullmatch(text)
    return text if found and _is_date(found["date"]) and _is_clock(found["clock"]) else None


def _duration(text: str) -> str | None:
    return text if _DURATION.fullmatch(text) else None


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_clock(text: str) -> bool:
    try:
        dt.time.fromisoformat(text)
    except ValueError:
        return False
    return True


_FITS: Mapping[str, Callable[[str], str | None]] = MappingProxyType(
    {
        "float": _float,
        "size": _size,
        "integer": _integer,
        "int": _int,
        "long": _integer,
        "boolean": _boolean,
        "date": _date,
        "time": _time,
        "dateTime": _moment,
        "duration": _duration,
    }
)
