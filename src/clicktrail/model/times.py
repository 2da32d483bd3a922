"""Times: integers of microseconds since 1970-01-01 UTC inside, ISO 8601 with an offset outside."""

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


def now_us() -> int:
    """The present moment."""
    return time.time_ns() // 1000


def now_s() -> int:
    """The present second, in microseconds: what `createTime` and `updateTime` are made from."""
    return int(time.time()) * SECOND


def parse_time(text: str) -> int:
    """ISO 8601 with a numeric offset or `Z` -> microseconds. Raises ValueError saying what is wrong."""
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError("is not an ISO 8601 time such as 2021-01-01T00:00:00+00:00") from None
    if moment.tzinfo is None:
        raise ValueError("has no offset; write for example 2021-01-01T00:00:00+00:00")
    us = (moment - _EPOCH) // _MICROSECOND
    if not _FIRST <= us <= _LAST:
        raise ValueError("is not within the years 1 to 9999 UTC")
    return us


def render_time(us: int) -> str:
    """Microseconds -> `2021-01-01T00:00:00+00:00`, with six decimals if there are any."""
    return (_EPOCH + timedelta(microseconds=us)).isoformat()


@lru_cache(maxsize=4096)
def render_second(second: int) -> str:
    """Unix seconds -> `2021-01-01T00:00:00+00:00`; cached, because rows of one page share their seconds."""
    return (_EPOCH + timedelta(seconds=second)).isoformat()
