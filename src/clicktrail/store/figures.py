"""The figures of links, kept in memory and exact: counting a click costs O(1), asking for a link's figures as well."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np

from clicktrail.model.click import Click
from clicktrail.model.metrics import LinkMetrics
from clicktrail.store.visitors import Keys, VisitorSet, visitor_key

NOTHING = LinkMetrics()
LOAD_TIMEOUT_S = 120.0


class LinkFigures:
    """Figures by link id. They are read from the clicks once, at start; what is committed meanwhile waits and is added.

    `count`, `register`, `recount` and `load` are called by the writer's thread, or wait for it; `find` by any.
    """

    def __init__(self) -> None:
        self._figures: dict[str, LinkMetrics] = {}
        self._visitors = VisitorSet(np.empty(0, dtype=np.uint64))
        self._waiting: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._is_loaded = threading.Event()

    def find(self, link_ids: Iterable[str]) -> dict[str, LinkMetrics]:
        """Link id -> figures; waits until they are read. Raises TimeoutError if that takes over two minutes."""
        if not self._is_loaded.wait(LOAD_TIMEOUT_S):
            raise TimeoutError("The figures of links are still being read.")
        return {link_id: self._figures.get(link_id, NOTHING) for link_id in link_ids}

    def count(self, clicks: Sequence[Click]) -> None:
        """Clicks were added."""
        linked = [click for click in clicks if click.link_id is not None]
        if linked:
            self._when_loaded(lambda: self._count(linked))

    def register(self, link_id: str | None, change: int) -> None:
        """A link has one registration more (1) or that many fewer (negative)."""
        if link_id is not None:
            self._when_loaded(lambda: self._register(link_id, change))

    def recount(self, link_id: str, counted: tuple[int, int, int | None, int | None], gone: int | None) -> None:
        """A click was removed: what the link's others add up to, and the key of a visitor who has no other click."""
        self._when_loaded(lambda: self._recount(link_id, counted, gone))

    def load(self, figures: Mapping[str, LinkMetrics], keys: Keys) -> None:
        """Begins with these figures and visitors, read on a snapshot, and adds what waited since."""
        visitors = VisitorSet(keys)
        with self._lock:
            self._figures, self._visitors = dict(figures), visitors
            for event in self._waiting:
                event()
            self._waiting = []
            self._is_loaded.set()

    def _when_loaded(self, event: Callable[[], None]) -> None:
        with self._lock:
            if self._is_loaded.is_set():
                event()
            else:
                self._waiting.append(event)

    def _count(self, clicks: Sequence[Click]) -> None:
        for click, is_new in zip(clicks, self._visitors.add([visitor_key(click) for click in clicks]), strict=True):
            link_id = click.link_id or ""
            old = self._figures.get(link_id, NOTHING)
            self._figures[link_id] = LinkMetrics(
                old.clicks + 1,
                old.unique_clicks + is_new,
                old.registrations + (click.profile_id is not None),
                click.time if old.first_click_time is None else min(old.first_click_time, click.time),
                click.time if old.last_click_time is None else max(old.last_click_time, click.time),
            )

    def _register(self, link_id: str, change: int) -> None:
        old = self._figures.get(link_id, NOTHING)
        self._figures[link_id] = msgspec.structs.replace(old, registrations=old.registrations + change)

    def _recount(self, link_id: str, counted: tuple[int, int, int | None, int | None], gone: int | None) -> None:
        clicks, registrations, earliest, latest = counted
        unique = self._figures.get(link_id, NOTHING).unique_clicks - (gone is not None)
        self._figures[link_id] = LinkMetrics(clicks, unique, registrations, earliest, latest)
        if gone is not None:
            self._visitors.discard(gone)
