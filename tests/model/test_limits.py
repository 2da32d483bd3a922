"""How many visits a minute takes, by a clock that the test sets."""

import pytest

from clicktrail.errors import TooManyRequests
from clicktrail.http.visitor import limits
from clicktrail.http.visitor.limits import VisitLimit
from tests.clock import SetClock


def taken(limit: VisitLimit, kind: str, key: str, visits: int) -> int:
    """How many of these visits are taken."""
    count = 0
    for _ in range(visits):
        try:
            limit.count(kind, key)
        except TooManyRequests as refusal:
            assert refusal.headers["Retry-After"] == "60"
        else:
            count += 1
    return count


def test_a_minute_takes_so_many_and_the_next_one_again() -> None:
    clock = SetClock()
    limit = VisitLimit({"address": 3, "link": 2}, clock)
    assert taken(limit, "address", "8.8.8.8", 5) == 3
    assert taken(limit, "address", "8.8.4.4", 5) == 3
    assert taken(limit, "link", "8.8.8.8", 5) == 2
    clock.ahead_s += 30
    assert taken(limit, "address", "8.8.8.8", 1) == 0
    clock.ahead_s += 30
    assert taken(limit, "address", "8.8.8.8", 5) == 3


def test_zero_and_kinds_without_a_limit_refuse_nothing() -> None:
    limit = VisitLimit({"address": 0})
    assert taken(limit, "address", "8.8.8.8", 50) == taken(limit, "site", "x", 50) == 50
    limit.refuse_beyond("address", "8.8.8.8")


def test_looking_counts_nothing() -> None:
    limit = VisitLimit({"stranger": 2}, SetClock())
    for _ in range(5):
        limit.refuse_beyond("stranger", "8.8.8.8")
    assert taken(limit, "stranger", "8.8.8.8", 1) == 1
    limit.refuse_beyond("stranger", "8.8.8.8")
    assert taken(limit, "stranger", "::ffff:8.8.8.8", 5) == 1
    with pytest.raises(TooManyRequests):
        limit.refuse_beyond("stranger", "8.8.8.8")


def test_the_number_of_keys_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MAX_COUNTED", 10)
    limit = VisitLimit({"link": 1}, SetClock())
    for number in range(95):
        assert taken(limit, "link", str(number), 1) == 1
    assert len(limit._counts) == 5
