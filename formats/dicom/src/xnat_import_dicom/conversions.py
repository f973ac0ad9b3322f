"""From DICOM's texts to XNAT's values (session XML chapter, section 8); ``None`` where a text is no such value."""

from __future__ import annotations

import datetime as dt
import math
import re

__all__ = ["cut", "date", "date_time", "integer", "number", "plain_number", "text", "time"]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{2}):?(?:(\d{2}):?(?:(\d{2})(?:\.\d*)?)?)?", re.ASCII)
_DATE_TIME = re.compile(r"(\d{8})(\d{0,6})(?:\.\d*)?(?:[+-]\d{4})?", re.ASCII)
_INFINITE = {"Infinity": "INF", "inf": "INF", "-Infinity": "-INF", "-inf": "-INF"}
_LONGEST = 255
_LAST_HOUR, _LAST_MINUTE, _LAST_SECOND, _LEAP_SECOND = 23, 59, 59, 60


def text(value: str) -> str | None:
    """Text without blanks around it."""
    return value.strip() or None


def cut(value: str) -> str | None:
    """Text of at most 255 characters, as XNAT's schema wants operator, coil and sequence."""
    return text(value[:_LONGEST])


def plain_number(value: str) -> float | None:
    """A finite number."""
    found = float(value) if _NUMBER.fullmatch(value := value.strip()) else math.inf
    return found if math.isfinite(found) else None


def number(value: str) -> float | str | None:
    """A number as XML Schema writes it; infinities are ``INF`` and ``-INF``."""
    return _INFINITE.get(value.strip()) or plain_number(value)


def integer(value: str) -> int | None:
    """A whole number; ``1.0`` is one, ``1A`` is none."""
    if _INTEGER.fullmatch(value := value.strip()):
        return int(value)
    found = plain_number(value)
    return int(found) if found is not None and found.is_integer() else None


def date(value: str) -> str | None:
    """DA as ``YYYY-MM-DD``: only a day of the calendar, never a range."""
    found = _DATE.fullmatch(value.strip())
    if found is None:
        return None
    try:
        return dt.date(*(int(part) for part in found.groups())).isoformat()
    except ValueError:
        return None


def time(value: str, *, pad: bool = True) -> str | None:
    """TM as ``HH:MM:SS``, the fraction dropped; ``pad``: missing parts are ``00``, else such a time is none."""
    found = _TIME.fullmatch(value.strip())
    if found is None or (found[3] is None and not pad):
        return None
    hour, minute, second = (int(part or 0) for part in found.groups())
    if hour > _LAST_HOUR or minute > _LAST_MINUTE or second > _LEAP_SECOND:
        return None
    return f"{hour:02}:{minute:02}:{min(second, _LAST_SECOND):02}"


def date_time(value: str) -> str | None:
    """DT of 14 digits or 8 (midnight) as ``YYYY-MM-DDTHH:MM:SS.000``; offset and fraction are dropped."""
    found = _DATE_TIME.fullmatch(value.strip())
    if found is None or len(found[2]) not in {0, 6}:
        return None
    day, moment = date(found[1]), time(found[2] or "000000")
    return f"{day}T{moment}.000" if day and moment else None
