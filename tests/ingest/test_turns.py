"""Clicks that arrive in one turn of the event loop are made together, as they would be made alone."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.errors import Unavailable
from clicktrail.ingest.buffer import Buffer
from clicktrail.ingest.facts import FactFinder, Facts, Parameters
from clicktrail.ingest.geo import Geo
from clicktrail.ingest.hits import parse_plain
from clicktrail.ingest.recorder import Recorder
from clicktrail.ingest.turns import NotPlain, Recorded, Turns
from clicktrail.model.click import Click, Hit
from clicktrail.model.reading import STRICT, Reading
from tests.ingest.test_pieces import MEMORY
from tests.ingest.test_steps import Disk

OWN_ID = "5f5e1000aaaaaaaaaa000001"
BODIES = st.one_of(
    st.builds(
        lambda ip, code, uuid: json.dumps(
            {"ip": ip, "uri": f"https://x.example/?referral={code}&utm_source={code}", "uuid": uuid}
        ).encode(),
        st.sampled_from(["8.8.8.8", "2001:db8::1", "203.0.113.9"]),
        st.sampled_from(["one", "two", ""]),
        st.sampled_from([None, "u1", "u2"]),
    ),
    st.sampled_from(
        [
            b"",
            b"[]",
            b"[" * 100_000,
            b'{"ip": "x", "uri": "https://x.example/"}',
            f'{{"ip": "8.8.8.8", "uri": "https://x.example/", "clickId": "{OWN_ID}"}}'.encode(),
            b'{"ip": "8.8.8.8", "uri": "https://x.example/\\u0000"}',
        ]
    ),
)


class OddFacts(FactFinder):
    """Fails for whoever arrives together with the address 192.0.2.66."""

    def find_all(self, hits: Sequence[Hit]) -> list[Facts]:
        if any(hit.ip == "4c0000242" for hit in hits):
            raise LookupError("odd")
        return super().find_all(hits)


def render(click: Click, language: str) -> bytes:
    return f"{language} {click.uri}".encode()


def begin(disk: Disk, **buffer: Any) -> tuple[Turns, Recorder, Buffer]:
    kept = Buffer(disk, **buffer)
    recorder = Recorder(kept, OddFacts(Geo(None, None), MEMORY.clock, Parameters()), MEMORY)
    return Turns(recorder, STRICT, render), recorder, kept


async def together(turns: Turns, sent: Sequence[bytes | Hit]) -> list[Recorded | BaseException]:
    return await asyncio.gather(*[turns.record(each, "en") for each in sent], return_exceptions=True)


def without_id(click: Click) -> Click:
    values = {name: getattr(click, name) for name in Click.__struct_fields__}
    return Click(**{**values, "click_id": ""})


@given(st.lists(BODIES, max_size=300))
def test_each_is_recorded_once_as_it_would_be_alone_or_left_to_the_endpoint(bodies: list[bytes]) -> None:
    async def run() -> None:
        disk = Disk()
        turns, recorder, buffer = begin(disk)
        answers = await together(turns, bodies)
        stored = [click for batch in disk.batches for click in batch]
        recorded = [each for each in answers if isinstance(each, Recorded)]
        assert [each.click for each in recorded] == stored
        assert len({each.click_id for each in stored}) == len(stored)
        for body, answer in zip(bodies, answers, strict=True):
            try:
                hit: Hit | None = parse_plain(body, STRICT)
            except (ValueError, RecursionError):
                hit = None
            if hit is None or hit.click_id is not None:
                assert isinstance(answer, NotPlain)
                continue
            assert isinstance(answer, Recorded)
            assert (answer.hit, answer.is_new, answer.answer) == (hit, True, f"en {hit.uri}".encode())
            assert without_id(answer.click) == without_id(recorder.make(hit))
        await buffer.close()

    asyncio.run(run())


def plain(ip: str) -> Hit:
    return parse_plain(json.dumps({"ip": ip, "uri": "https://x.example/"}).encode(), STRICT)


def test_one_that_cannot_be_made_harms_no_other() -> None:
    """Nothing of such a turn is stored; each is then recorded alone."""

    async def run() -> None:
        disk = Disk()
        turns, _, _ = begin(disk)
        hits = [plain("192.0.2.1"), plain("192.0.2.66"), plain("192.0.2.2")]
        answers = await together(turns, hits)
        assert all(isinstance(each, NotPlain) and isinstance(each.__cause__, LookupError) for each in answers)
        assert not disk.batches
        recorded = await asyncio.gather(*map(turns.record_hit, hits))
        assert [(click.ip, is_new) for click, is_new in recorded] == [(hit.ip, True) for hit in hits]
        assert sum(map(len, disk.batches)) == 3

    asyncio.run(run())


def test_a_body_that_breaks_the_reader_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised: who arrived in the same turn gets an answer."""

    def read(body: bytes, reading: Reading) -> Hit:
        if body == b"odd":
            raise LookupError("odd")
        return parse_plain(body, reading)

    async def run() -> None:
        turns, _, buffer = begin(Disk())
        body = b'{"ip": "8.8.8.8", "uri": "https://x.example/"}'
        first, odd, last = await asyncio.wait_for(together(turns, [body, b"odd", body]), 5)
        assert isinstance(odd, NotPlain)
        assert all(isinstance(each, Recorded) and each.is_new for each in (first, last))
        await buffer.close()

    monkeypatch.setattr("clicktrail.ingest.turns.parse_plain", read)
    asyncio.run(run())


def test_without_room_nothing_is_stored_and_the_other_way_waits() -> None:
    async def run() -> None:
        disk = Disk()
        disk.gate.clear()
        turns, _, buffer = begin(disk, capacity=2, wait_s=0.05)
        held = [asyncio.create_task(turns.record(plain("192.0.2.1"))) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(NotPlain):
            await turns.record(plain("192.0.2.2"))
        with pytest.raises(Unavailable):
            await turns.record_hit(plain("192.0.2.2"))
        disk.gate.set()
        assert all(each.is_new for each in await asyncio.gather(*held))
        await buffer.close()
        assert [click.ip for batch in disk.batches for click in batch] == [plain("192.0.2.1").ip] * 2

    asyncio.run(run())


def test_the_click_of_a_caller_who_leaves_is_kept() -> None:
    async def run() -> None:
        disk = Disk()
        turns, _, buffer = begin(disk)
        gone, stays = (asyncio.create_task(turns.record(plain("192.0.2.1"))) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        assert (await stays).is_new
        await buffer.close()
        assert sum(map(len, disk.batches)) == 2

    asyncio.run(run())


def test_a_store_that_fails_is_told_to_each() -> None:
    async def run() -> None:
        turns, _, buffer = begin(Disk(OSError("disk")))
        answers = await together(turns, [plain("192.0.2.1"), plain("192.0.2.2")])
        assert all(isinstance(each, Unavailable) for each in answers[:1])
        await buffer.close()

    asyncio.run(run())
