"""Makes the clicks of one turn of the event loop together, step by step.

Each step is done for all of them before the next: then its code and its tables are in the processor's cache, and it
takes about half the time.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from clicktrail.ingest.hits import parse_plain
from clicktrail.ingest.recorder import Recorder
from clicktrail.model.click import Click, Hit
from clicktrail.model.reading import Reading

Render = Callable[[Click, str], bytes]
"""A click as JSON, for a caller who reads this language."""
_MOST_AT_ONCE = 128
"""Clicks made before the event loop does something else: about 5 ms."""


class NotPlain(Exception):
    """Nothing was stored: the click must be recorded alone, by the way that knows all cases."""


class Recorded(NamedTuple):
    """A durable click."""

    hit: Hit
    click: Click
    is_new: bool
    """False if an earlier click has its uuid: then that is `click`."""
    answer: bytes
    """The click as JSON, if it was asked for."""


class _Arrival:
    __slots__ = ("answer", "done", "language", "made", "sent")

    def __init__(self, sent: Hit | bytes, language: str, done: "asyncio.Future[Click | None]") -> None:
        self.sent = sent
        self.language = language
        self.done = done
        self.made: tuple[Hit, Click] | None = None
        self.answer = b""


class Turns:
    """Collects what arrives in one turn of the event loop. It is made into clicks in the next."""

    def __init__(self, recorder: Recorder, reading: Reading, render: Render) -> None:
        self._recorder = recorder
        self._reading = reading
        self._render = render
        self._arrivals: list[_Arrival] = []

    async def record(self, sent: Hit | bytes, language: str = "") -> Recorded:
        """Records a hit, or the body of POST /clicks: then the answer is for a caller who reads `language`.

        Raises NotPlain, Unavailable.
        """
        loop = asyncio.get_running_loop()
        if not self._arrivals:
            loop.call_soon(self._make)
        arrival = _Arrival(sent, language, loop.create_future())
        self._arrivals.append(arrival)
        stored = await arrival.done
        if arrival.made is None:
            raise NotPlain
        hit, click = arrival.made
        if stored is None:
            return Recorded(hit, click, True, arrival.answer)
        answer = self._render(stored, language) if arrival.answer else b""
        return Recorded(hit, stored, stored.click_id == click.click_id, answer)

    async def record_hit(self, hit: Hit) -> tuple[Click, bool]:
        """As `Recorder.record`."""
        try:
            _, click, is_new, _ = await self.record(hit)
        except NotPlain:
            return await self._recorder.record(hit)
        return click, is_new

    def _make(self) -> None:
        arrivals, self._arrivals = self._arrivals[:_MOST_AT_ONCE], self._arrivals[_MOST_AT_ONCE:]
        if self._arrivals:
            asyncio.get_running_loop().call_soon(self._make)
        read = [(each, hit) for each in arrivals if (hit := self._read(each)) is not None]
        try:
            self._make_all(read)
        except Exception as error:  # noqa: BLE001 - each is tried alone, and fails alone
            for arrival, _ in read:
                _refuse(arrival, error)
        else:
            for arrival, _ in read:
                self._put(arrival)

    def _read(self, arrival: _Arrival) -> Hit | None:
        """The hit, if it has no id: ids must be looked up."""
        hit = arrival.sent
        if isinstance(hit, bytes):
            try:
                hit = parse_plain(hit, self._reading)
            except Exception as error:  # noqa: BLE001 - the others of its turn must not wait for ever
                _refuse(arrival, error)
                return None
        if hit.click_id is not None:
            _refuse(arrival)
            return None
        return hit

    def _make_all(self, read: Sequence[tuple[_Arrival, Hit]]) -> None:
        clicks = self._recorder.make_many([hit for _, hit in read])
        for (arrival, hit), click in zip(read, clicks, strict=True):
            arrival.made = hit, click
            if arrival.sent is not hit:
                arrival.answer = self._render(click, arrival.language)

    def _put(self, arrival: _Arrival) -> None:
        if arrival.made is None:
            return
        try:
            has_room = self._recorder.put(arrival.made[1], arrival.done)
        except Exception as error:  # noqa: BLE001 - the buffer may hold it: it must not be sent there again
            if not arrival.done.done():
                arrival.done.set_exception(error)
        else:
            if not has_room:  # the other way waits for room
                _refuse(arrival)


def _refuse(arrival: _Arrival, cause: Exception | None = None) -> None:
    if not arrival.done.done():
        refusal = NotPlain()
        refusal.__cause__ = cause
        arrival.done.set_exception(refusal)
