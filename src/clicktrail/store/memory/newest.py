"""The newest clicks in memory: in order, and by id."""

from collections.abc import Callable, Collection, Sequence
from functools import partial, wraps
from operator import attrgetter
from typing import Any, Concatenate, ParamSpec

import msgspec

from clicktrail.model.click import Click

TAIL = 2_000
"""Newest clicks kept in order: two of the largest pages."""
REMEMBERED = 20_000
"""Maximum number of clicks kept by id. At least half as many are kept; about 30 MB."""


_by_id = attrgetter("click_id")
P = ParamSpec("P")


def _in_turn(
    change: Callable[Concatenate["NewestClicks", P], None],
) -> Callable[Concatenate["NewestClicks", P], None]:
    """The change waits while the clicks are being read from the store."""

    @wraps(change)
    def changed(newest: "NewestClicks", /, *args: P.args, **kwargs: P.kwargs) -> None:
        if newest.waiting is None:
            change(newest, *args, **kwargs)
        else:
            newest.waiting.append(partial(change, newest, *args, **kwargs))

    return changed


class NewestClicks:
    """Empty until `begin`, which is never called if other processes add clicks too."""

    def __init__(self) -> None:
        self.tail: tuple[Click, ...] = ()
        """Ascending by id: every click of the store from `_floor` on."""
        self._floor: str | None = None
        """Empty if the tail is the whole store; None if nothing is kept."""
        self._newer: dict[str, Click] = {}
        self._older: dict[str, Click] = {}
        self.waiting: list[Callable[[], None]] | None = None
        """Changes since `expect`; None if none waits."""

    @property
    def has_begun(self) -> bool:
        return self._floor is not None

    @property
    def is_whole(self) -> bool:
        """Whether the tail is the whole store."""
        return self._floor == ""

    def expect(self) -> None:
        """The clicks are being read, as they are now. Later changes wait for `begin`."""
        self.waiting = []

    def begin(self, clicks: Sequence[Click], is_whole: bool) -> None:
        """Starts with the newest clicks, ascending. Call it while nothing is committed."""
        self.tail = tuple(clicks)
        self._floor = "" if is_whole else clicks[0].click_id
        self._newer, self._older = {click.click_id: click for click in clicks}, {}
        waiting, self.waiting = self.waiting or (), None
        for change in waiting:
            change()

    def stop(self) -> None:
        """Keeps nothing from now on."""
        self.tail, self._floor, self._newer, self._older, self.waiting = (), None, {}, {}, None

    @_in_turn
    def add(self, clicks: Sequence[Click]) -> None:
        """Called after clicks were committed. Most are the newest; imports bring ids of any age."""
        floor = self._floor
        if floor is None:
            return
        ordered = sorted([click for click in clicks if click.click_id >= floor], key=_by_id)
        is_newest = not self.tail or not ordered or ordered[0].click_id > self.tail[-1].click_id
        tail = (*self.tail, *ordered) if is_newest else tuple(sorted((*self.tail, *ordered), key=_by_id))
        if len(tail) > TAIL:
            tail = tail[-TAIL:]
            self._floor = tail[0].click_id
        self.tail = tail
        self._newer.update({click.click_id: click for click in ordered[-REMEMBERED // 2 :]})
        if len(self._newer) > REMEMBERED // 2:  # deleting one by one would search an ever longer run of empty slots
            self._older, self._newer = self._newer, {}

    def find(self, click_id: str) -> Click | None:
        return self._newer.get(click_id) or self._older.get(click_id)

    @_in_turn
    def replace(self, click: Click) -> None:
        """Called after a click was changed."""
        for remembered in (self._newer, self._older):
            if click.click_id in remembered:
                remembered[click.click_id] = click
        if self._floor is not None and click.click_id >= self._floor:
            self.tail = tuple(click if each.click_id == click.click_id else each for each in self.tail)

    @_in_turn
    def replace_all(self, clicks: Sequence[Click]) -> None:
        """Called after these clicks were changed."""
        changed = {click.click_id: click for click in clicks}
        for remembered in (self._newer, self._older):
            remembered.update({click_id: changed[click_id] for click_id in changed.keys() & remembered.keys()})
        self.tail = tuple(changed.get(each.click_id, each) for each in self.tail)

    @_in_turn
    def remove(self, click_ids: Sequence[str]) -> None:
        """Called after clicks were deleted. Clicks that repeated them are no longer repeats."""
        gone = frozenset(click_ids)
        for remembered in (self._newer, self._older):
            for click_id in gone:
                remembered.pop(click_id, None)
        if self._floor is not None and max(gone) >= self._floor:
            self.tail = tuple(each for each in self.tail if each.click_id not in gone)
        self.alter("duplicate_of", gone, duplicate_of=None)

    def clear_column(self, column: str, value: str) -> None:
        """Called after every pointer to `value` in `column` became NULL."""
        self.alter(column, {value}, **{column: None})

    @_in_turn
    def map(self, change: Callable[[Click], Click]) -> None:
        """Called after clicks were changed."""
        self.tail = tuple(map(change, self.tail))
        self._newer = {click_id: change(click) for click_id, click in self._newer.items()}
        self._older = {click_id: change(click) for click_id, click in self._older.items()}

    def alter(self, column: str, values: Collection[str], **changes: Any) -> None:
        """Called after every click with one of these values in `column` was changed."""
        column_of = attrgetter(column)

        def altered(click: Click) -> Click:
            return msgspec.structs.replace(click, **changes) if column_of(click) in values else click

        self.map(altered)
