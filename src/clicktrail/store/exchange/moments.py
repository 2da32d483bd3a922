"""Reads times as other programs write them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from clicktrail.model.times import count_us, parse_unix

_CLOCK = r"(?:[ ,T]+(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?: ?([AaPp])\.?[Mm]\.?)?)?\s*\Z"
_PATTERNS = {
    "us": re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})" + _CLOCK).match,
    "de": re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})" + _CLOCK).match,
}
DATES = tuple(_PATTERNS)
"""Date formats that need an option."""
_number = re.compile(r"\d{9,16}(\.\d{1,6})?\Z").match
_offset = re.compile(r"([+-])(\d\d):?(\d\d)\Z").match


@dataclass(frozen=True)
class Moments:
    """How times are read: `zone` for times without an offset, `dates` for dates that are not ISO 8601."""

    zone: tzinfo | None = None
    dates: str = ""

    def read(self, value: Any) -> int:
        """Microseconds since 1970. Raises ValueError with a hint."""
        text = str(value).strip()
        if text[4:5] != "-" and _number(text):
            return parse_unix(text)
        try:
            moment = datetime.fromisoformat(text.upper())
        except ValueError:
            moment = self._read_date(text)
        if moment.tzinfo is None:
            if self.zone is None:
                raise ValueError("has no offset; pass --zone, for example --zone Europe/Berlin")
            moment = moment.replace(tzinfo=self.zone)
        return count_us(moment)

    def _read_date(self, text: str) -> datetime:
        for name, match in _PATTERNS.items():
            found = match(text)
            if found is not None and name == self.dates:
                return _make(found)
            if found is not None and not self.dates:
                raise ValueError("is not an ISO 8601 time; pass --dates us for 12/31/2021 or --dates de for 31.12.2021")
        raise ValueError("is not an ISO 8601 time such as 2021-01-01T00:00:00+00:00")


def _make(found: "re.Match[str]") -> datetime:
    hour, minute, second, half = found.groups()[3:]
    number = int(hour or 0)
    if half is not None:
        if not 1 <= number <= 12:
            raise ValueError("has an hour outside 1 to 12 before AM or PM")
        number = number % 12 + (12 if half in "pP" else 0)
    date = int(found["year"]), int(found["month"]), int(found["day"])
    try:
        return datetime(*date, number, int(minute or 0), int(second or 0))
    except ValueError as error:
        raise ValueError(f"is not a date: {error}") from None


def find_zone(name: str) -> tzinfo:
    """A zone of the tz database, or an offset such as +02:00. Raises ValueError."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    offset = _offset(name)
    if offset is not None:
        delta = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-delta if offset[1] == "-" else delta)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name} is not a time zone; name one such as Europe/Berlin, UTC or +02:00") from None
