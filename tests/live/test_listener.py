"""What waits for one listener is bounded in number and in size, and what is left out is counted."""

from itertools import count
from typing import Any

import pytest

from clicktrail.live.feed import PENDING, PENDING_BYTES, Listener, Waiting, weigh
from clicktrail.model.access import SYSTEM, Scope, Viewer
from clicktrail.model.click import Click

NUMBERS = count()


def waiting(size: int, number: int, partner_id: str | None = None) -> list[Waiting]:
    values: dict[str, Any] = dict.fromkeys(Click.__struct_fields__[: -len(Click.__struct_defaults__)])
    own = {"click_id": f"{next(NUMBERS):024x}", "uri": "u" * (size // 2), "partner_id": partner_id}
    return weigh([Click(**{**values, **own}) for _ in range(number)])


@pytest.mark.parametrize(("size", "kept"), [(100, PENDING), (16_000, PENDING_BYTES // 16_000), (PENDING_BYTES // 2, 2)])
def test_the_newest_are_kept_and_the_others_counted(size: int, kept: int) -> None:
    listener = Listener(SYSTEM)
    arrived = [each for _ in range(30) for each in waiting(size, 50)]
    for first in range(0, len(arrived), 50):
        listener.offer(arrived[first : first + 50])
    taken = listener.take(len(arrived))
    assert taken.clicks == [each.click for each in arrived[-kept:]]
    assert taken.left_out == len(arrived) - kept
    assert listener.take(10) == ([], 0)


def test_earlier_clicks_come_first_and_give_way_to_later_ones() -> None:
    listener = Listener(SYSTEM)
    later, earlier = waiting(1_000, 400), waiting(1_000, 700)
    listener.offer(later)
    listener.begin_with(earlier, 5)
    taken = listener.take(PENDING)
    assert taken.clicks == [each.click for each in [*earlier[100:], *later]]
    assert taken.left_out == 105


def test_a_piece_is_bounded_in_size() -> None:
    listener = Listener(SYSTEM)
    arrived = waiting(1_000, 50)
    listener.offer(arrived)
    pieces = [len(listener.take(100, 20_000).clicks) for _ in range(3)]
    assert pieces == [20, 20, 10]
    listener.offer(waiting(30_000, 2))
    assert len(listener.take(100, 20_000).clicks) == 1, "a click that is larger than a piece is a piece of its own"


def test_clicks_of_others_take_no_room() -> None:
    listener = Listener(Viewer(Scope.PARTNER, partner_id="a" * 24))
    own = waiting(100, 3, "a" * 24)
    listener.offer([*own, *waiting(100, 2 * PENDING, "b" * 24), *waiting(100, PENDING)])
    assert listener.take(PENDING) == ([each.click for each in own], 0)
