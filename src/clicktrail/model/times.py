"""Times: integers of microseconds since 1970-01-01 UTC inside, ISO 8601 with an offset outside."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

SECOND = 1_000_000
DAY_US = 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
FIRST_US = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
LAST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The first and the last time that can be stored and shown."""
_is_date = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII).match
_is_unix = re.compile(r"\d{9,16}(\.\d{1,6})?\Z", re.ASCII).match
_UNITS = {9: SECOND, 10: SECOND, 13: 1_000, 16: 1}
"""Number of digits of a Unix time -> microseconds per unit: seconds, milliseconds or microseconds."""
MAX_AHEAD_S = 300
"""How far in the future a click's time and id may be: clocks differ (contract, section 3)."""


def parse_time(text: str) -> int:
    """ISO 8601 with a numeric offset or `Z`, or a Unix time -> microseconds. Raises ValueError with the reason."""
    if _is_unix(text):
        return parse_unix(text)
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError("is not an ISO 8601 time such as 2021-01-01T00:00:00+00:00") from None
    if moment.tzinfo is None:
        raise ValueError("has no offset; write for example 2021-01-01T00:00:00+00:00")
    return count_us(moment)


def parse_unix(text: str) -> int:
    """Unix seconds, milliseconds or microseconds -> microseconds. Raises ValueError."""
    whole, _, fraction = text.partition(".")
    unit = _UNITS.get(len(whole)) if _is_unix(text) else None
    if unit is None:
        raise ValueError("is a number, but not Unix seconds, milliseconds or microseconds")
    return int(whole) * unit + (int(fraction.ljust(6, "0")) * unit // SECOND if fraction else 0)


def count_us(moment: datetime) -> int:
    """A time with an offset -> microseconds. Raises ValueError if its year is not within 1 to 9999 UTC."""
    us = (moment - _EPOCH) // _MICROSECOND
    if not FIRST_US <= us <= LAST_US:
        raise ValueError("is not within the years 1 to 9999 UTC")
    return us


def add_offset(text: str, zone: tzinfo) -> str:
    """Adds the offset of `zone` to a time without an offset. Returns any other text unchanged.

    If the clock shows an hour twice, the first one is meant. If it skips an hour, the offset before the gap is used.
    """
    if _is_unix(text):
        return text
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return text
    return moment.replace(tzinfo=zone).isoformat() if moment.tzinfo is None else text


def find_day(text: str, zone: tzinfo) -> tuple[int, int] | None:
    """The first and the last moment of `2021-01-31` in a zone; None if the text is not a date. Raises ValueError."""
    if not _is_date(text):
        return None
    try:
        day = date.fromisoformat(text)
        first = _midnight(day, zone)
        last = _midnight(day + timedelta(days=1), zone) - 1 if day < date.max else LAST_US
    except (ValueError, OverflowError):
        raise ValueError("is not a calendar day such as 2021-01-31") from None
    return max(first, FIRST_US), min(last, LAST_US)


def _midnight(day: date, zone: tzinfo) -> int:
    return (datetime(day.year, day.month, day.day, tzinfo=zone) - _EPOCH) // _MICROSECOND


def render_time(us: int) -> str:
    """Microseconds -> `2021-01-01T00:00:00+00:00`, with six decimals if there are any."""
    if us % SECOND == 0:
        return render_second(us // SECOND)
    return (_EPOCH + timedelta(microseconds=us)).isoformat()


@lru_cache(maxsize=4096)
def render_second(second: int) -> str:
    """Unix seconds -> `2021-01-01T00:00:00+00:00`. Cached, because rows of one page share their seconds."""
    return (_EPOCH + timedelta(seconds=second)).isoformat()
