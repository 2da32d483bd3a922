"""What a process keeps in memory of its store: catalogue, revocations, the newest clicks.

All of it is made from the store at start, so nothing of it can be lost, or be wrong after a crash. It is changed by the
writer's thread right after a commit, and replaced rather than altered where other threads read it.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from clicktrail.model.catalogue import Catalogue
from clicktrail.model.click import Click
from clicktrail.model.ids import IdGenerator
from clicktrail.model.visitors import today
from clicktrail.store.memory.visits import RecentVisits

TAIL = 2_000
"""Newest clicks kept in order: two of the largest pages."""
JUST_S = 60.0
"""Longer than any click waits between being made and being stored."""
REMEMBERED = 20_000
"""Clicks kept by id, the newest: at least half so many, and never more; some 30 MB."""


class Memory:
    """One process's memory of its store."""

    def __init__(self) -> None:
        self.ids = IdGenerator()
        self.catalogue = Catalogue()
        self.revoked: frozenset[str] = frozenset()
        self.version = 0
        """Of catalogue and revocations, where several processes change them."""
        self.learned_at = 0.0
        self.relink: Callable[[Click, Catalogue], Click] = lambda click, _: click
        """The click as a newer catalogue would have made it."""
        self.wake_sender: Callable[[], None] = lambda: None
        """Told, in any thread, that deliveries of postbacks are due."""
        self.tail: tuple[Click, ...] = ()
        """Ascending by id: every click there is from `floor` on."""
        self.floor = "~"
        """The least id of which that is true; empty if the tail is the whole store. At first no id is."""
        self._newer: dict[str, Click] = {}
        self._older: dict[str, Click] = {}
        self.salts: Mapping[int, bytes] = {}
        """Day -> the salt of its visitors: today's, and tomorrow's."""
        self.duplicate_window_us = 0
        """Within which a visitor on the same link is a repeat; 0: never."""
        self.recent = RecentVisits()

    @property
    def salt(self) -> bytes:
        """Today's salt; the latest there is where the day is later than all."""
        return self.salts.get(today()) or self.salts[max(self.salts)]

    def learn(self, catalogue: Catalogue, revoked: frozenset[str], salts: Mapping[int, bytes], version: int) -> None:
        """The catalogue, the revocations and the salts as of a version; an older one than is known is passed over."""
        if version >= self.version:
            self.learned_at = time.monotonic()
            self.catalogue, self.revoked, self.salts, self.version = catalogue, revoked, salts, version

    def has_just_learned(self) -> bool:
        """Whether a click that is about to be stored may have been made with an older catalogue than this one."""
        return time.monotonic() < self.learned_at + JUST_S

    def replace_tail(self, clicks: Sequence[Click], is_whole: bool) -> None:
        """Begins with these newest clicks, ascending."""
        self.tail = tuple(clicks)
        self.floor = "" if is_whole else clicks[0].click_id
        self._newer, self._older = {click.click_id: click for click in clicks}, {}

    def add(self, clicks: Sequence[Click]) -> None:
        """Clicks were committed; mostly the newest there are, but imports bring ids of any age."""
        ordered = sorted((click for click in clicks if click.click_id >= self.floor), key=_by_id)
        is_newest = not self.tail or not ordered or ordered[0].click_id > self.tail[-1].click_id
        tail = (*self.tail, *ordered) if is_newest else tuple(sorted((*self.tail, *ordered), key=_by_id))
        if len(tail) > TAIL:
            tail = tail[-TAIL:]
            self.floor = tail[0].click_id
        self.tail = tail
        self._newer.update((click.click_id, click) for click in ordered[-REMEMBERED // 2 :])
        if len(self._newer) > REMEMBERED // 2:  # dropping one by one would look for the first in ever more gaps
            self._older, self._newer = self._newer, {}

    def find(self, click_id: str) -> Click | None:
        """A click that is remembered by its id."""
        return self._newer.get(click_id) or self._older.get(click_id)

    def replace(self, click: Click) -> None:
        """One click was changed."""
        for remembered in (self._newer, self._older):
            if click.click_id in remembered:
                remembered[click.click_id] = click
        if click.click_id >= self.floor:
            self.tail = tuple(click if each.click_id == click.click_id else each for each in self.tail)

    def remove(self, click_ids: Sequence[str]) -> None:
        """Clicks were removed; those that repeated them repeat nothing any more."""
        gone = frozenset(click_ids)
        for remembered in (self._newer, self._older):
            for click_id in gone:
                remembered.pop(click_id, None)
        if max(gone) >= self.floor:
            self.tail = tuple(each for each in self.tail if each.click_id not in gone)
        self.alter("duplicate_of", gone, duplicate_of=None)

    def clear_column(self, column: str, value: str) -> None:
        """Every click's pointer `column` to `value` became null."""
        self.alter(column, {value}, **{column: None})

    def alter(self, column: str, values: Collection[str], **changes: Any) -> None:
        """Every click that has one of these values in `column` was changed."""
        column_of = attrgetter(column)

        def altered(click: Click) -> Click:
            return msgspec.structs.replace(click, **changes) if column_of(click) in values else click

        self.tail = tuple(map(altered, self.tail))
        self._newer = {click_id: altered(click) for click_id, click in self._newer.items()}
        self._older = {click_id: altered(click) for click_id, click in self._older.items()}


def _by_id(click: Click) -> str:
    return click.click_id
