"""Campaign and place of a hit, and the buffer before the store."""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicktrail.errors import InvalidBody, Unavailable
from clicktrail.ingest.buffer import Buffer
from clicktrail.ingest.campaign import find_campaign
from clicktrail.ingest.geo import NOWHERE, Geo, Place, find_country, read_place
from clicktrail.ingest.hits import parse_hit
from clicktrail.model.addresses import parse_ip
from clicktrail.model.click import Click
from clicktrail.model.reading import Reading
from clicktrail.model.times import render_second
from tests.clock import SetClock
from tests.mmdb import Single, write_mmdb

WANTED = ("utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term", "referral", "banner")


class TestCampaign:
    @given(
        st.lists(
            st.tuples(
                st.sampled_from([*WANTED, "UTM_SOURCE", "gclid"]), st.text(st.characters(exclude_categories=["Cs"]))
            )
        )
    )
    def test_equals_what_the_standard_library_reads(self, pairs: list[tuple[str, str]]) -> None:
        uri = "https://x.example/?" + urlencode(pairs) + "#utm_source=fragment"
        read = {
            name.lower(): value.replace("\0", "") for name, value in parse_qsl(urlencode(pairs), keep_blank_values=True)
        }
        assert tuple(find_campaign(uri, "referral", "banner")) == tuple(read.get(name) or None for name in WANTED)

    @given(st.text(st.characters(exclude_characters="\0"), max_size=200))  # a uri has no NUL
    def test_never_raises(self, text: str) -> None:
        for value in find_campaign(f"https://x.example/?utm_source={text}&{text}", "referral", "banner"):
            assert value is None or (value and "\0" not in value)


class TestHits:
    @given(
        st.fixed_dictionaries(
            {
                "ip": st.sampled_from(["8.8.8.8", "::1", "x", 1]),
                "uri": st.sampled_from(["https://x.example/", "x", None]),
            },
            optional={
                "time": st.sampled_from([None, "2021-01-01T00:00:00Z", "x", "2999-01-01T00:00:00Z"]),
                "uuid": st.none() | st.text(max_size=300),
                "referrer": st.none() | st.text(max_size=3000) | st.integers(),
                "other": st.none(),
            },
        )
    )
    def test_the_fast_way_and_the_slow_way_agree(self, data: dict[str, Any]) -> None:
        body = msgspec.json.encode(data)
        slow = msgspec.json.encode(data | {"locale": "\0"})
        try:
            hit = parse_hit(body).hit
        except InvalidBody as error:
            with pytest.raises(InvalidBody) as other:
                parse_hit(slow)
            assert {mistake.pointer for mistake in error.mistakes} <= {
                mistake.pointer for mistake in other.value.mistakes
            }
        else:
            assert (hit.uuid, hit.referrer) == (data.get("uuid") or None, (data.get("referrer") or "")[:2048] or None)


class TestGeo:
    def test_the_default_knows_countries_and_their_points(self) -> None:
        assert find_country("8.8.8.8") == Place("US", 37.751, -97.822)
        assert find_country("185.155.96.184").country_code == "EE"
        assert find_country("127.0.0.1") is NOWHERE

    @pytest.mark.parametrize(
        ("record", "place"),
        [
            (
                {"country": {"iso_code": "US"}, "location": {"latitude": 1.5, "longitude": -2.25}},
                Place("US", 1.5, -2.25),
            ),
            ({"country_code": "DE", "latitude": "52.5", "longitude": "13.4"}, Place("DE", 52.5, 13.4)),
            ({"country": "EE", "lat": "59.4", "lng": "24.7"}, Place("EE", 59.4, 24.7)),
            ({"registered_country": {"iso_code": "US"}}, Place("US", 37.751, -97.822)),
            ({"country": {"iso_code": "??"}}, NOWHERE),
            ({"location": {"latitude": 1.5, "longitude": 2.5}}, NOWHERE),
            (None, NOWHERE),
            ([], NOWHERE),
        ],
    )
    def test_three_shapes_of_record(self, record: Any, place: Place) -> None:
        assert read_place(record) == place

    def test_coordinates_have_the_digits_of_the_file(self, tmp_path: Path) -> None:
        for degrees in (51.4036, -0.12574, 151.20732, 5.5, -97.822, 0.0):
            record = {"country_code": "GB", "latitude": Single(degrees), "longitude": degrees}
            write_mmdb(tmp_path / "flat.mmdb", "8.8.8.0", 24, record)
            assert Geo(tmp_path / "flat.mmdb").find(parse_ip("8.8.8.8")) == Place("GB", degrees, degrees)

    @pytest.mark.parametrize("degrees", [float("nan"), float("inf"), 1e39, "x", None])
    def test_what_is_no_place_is_none(self, degrees: Any) -> None:
        point = {"country_code": "US", "latitude": degrees, "longitude": 1.0}
        assert read_place(point) == Place("US", 37.751, -97.822)

    def test_a_file_is_read_and_may_be_replaced(self, tmp_path: Path) -> None:
        file, fresh = tmp_path / "city.mmdb", tmp_path / "new.mmdb"
        write_mmdb(
            file, "8.8.8.0", 24, {"country": {"iso_code": "EE"}, "location": {"latitude": 1.0, "longitude": 2.0}}
        )
        geo = Geo(file)
        assert geo.find(parse_ip("8.8.8.8")) == Place("EE", 1.0, 2.0)
        assert geo.find(parse_ip("1.1.1.1")) == find_country("1.1.1.1")
        assert geo.find(parse_ip("2a00:1450::1")) == find_country("2a00:1450::1")
        assert geo.refresh() is False
        write_mmdb(fresh, "8.8.8.0", 24, {"country_code": "DE", "latitude": "3", "longitude": "4"})
        fresh.replace(file)
        assert geo.refresh() is True
        assert geo.find(parse_ip("8.8.8.8")) == Place("DE", 3.0, 4.0)
        fresh.write_bytes(os.urandom(100))
        fresh.replace(file)
        with pytest.raises(ValueError, match="not an MMDB"):
            geo.refresh()
        assert geo.find(parse_ip("8.8.8.8")) == Place("DE", 3.0, 4.0)


def click(number: int) -> Click:
    values: dict[str, Any] = dict.fromkeys(Click.__struct_fields__)
    return Click(**{**values, "click_id": f"{number:024x}", "time": 0, "ip": "401020304", "uri": "u", "update_time": 0})


class Disk:
    """A sink with a thread of its own, like the store's; a test may hold it shut, or have it fail."""

    def __init__(self, *failures: Exception | None) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[list[Click]] = []
        self._failures = list(failures)
        self._writer = ThreadPoolExecutor(1)

    def submit(self, work: Callable[[], None]) -> None:
        self._writer.submit(work)

    def commit_clicks(self, batch: Sequence[Click]) -> dict[str, Click]:
        self.gate.wait(10)
        failure = self._failures.pop(0) if self._failures else None
        if failure is not None:
            raise failure
        self.batches.append(list(batch))
        return {}


class TestBuffer:
    def test_those_that_arrive_together_share_a_commit(self) -> None:
        async def run() -> list[int]:
            disk = Disk()
            disk.gate.clear()
            buffer = Buffer(disk, batch=50)
            tasks = [asyncio.create_task(buffer.add(click(number))) for number in range(101)]
            await asyncio.sleep(0)
            disk.gate.set()
            await asyncio.gather(*tasks)
            await buffer.close()
            assert buffer.held == 0
            return [len(batch) for batch in disk.batches if batch]

        sizes = asyncio.run(run())
        assert sum(sizes) == 101
        assert len(sizes) <= 4

    def test_a_lone_click_does_not_wait_for_company(self) -> None:
        async def run() -> None:
            disk = Disk()
            assert await asyncio.wait_for(Buffer(disk).add(click(1)), 5) is None

        asyncio.run(run())

    def test_a_failed_commit_is_told_to_each_and_the_next_goes_on(self) -> None:
        async def run() -> None:
            disk = Disk(OSError("disk"))
            disk.gate.clear()
            buffer = Buffer(disk)
            tasks = [asyncio.create_task(buffer.add(click(1)))]
            await asyncio.sleep(0)
            disk.gate.set()
            first = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(each, Unavailable) and each.headers["Retry-After"] for each in first)
            assert await buffer.add(click(9)) is None

        asyncio.run(run())

    def test_a_full_buffer_waits_for_room_and_then_refuses(self) -> None:
        async def run() -> None:
            disk = Disk()
            disk.gate.clear()
            buffer = Buffer(disk, capacity=2, batch=1, wait_s=0.05)
            held = [asyncio.create_task(buffer.add(click(n))) for n in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(Unavailable):
                await buffer.add(click(3))
            waiting = asyncio.create_task(buffer.add(click(4)))
            await asyncio.sleep(0)
            disk.gate.set()
            assert await waiting is None
            await asyncio.gather(*held)

        asyncio.run(run())

    def test_a_client_that_goes_away_disturbs_nobody(self) -> None:
        async def run() -> None:
            disk = Disk()
            disk.gate.clear()
            buffer = Buffer(disk)
            gone, stays = (asyncio.create_task(buffer.add(click(n))) for n in range(2))
            await asyncio.sleep(0)
            gone.cancel()
            disk.gate.set()
            assert await stays is None
            await buffer.close()
            assert sum(map(len, disk.batches)) == 2

        asyncio.run(run())


@pytest.mark.parametrize("path", ["", "\\u0000"], ids=["fast", "slow"])
@pytest.mark.parametrize("key", ["time", "clickId"])
def test_the_future_of_a_click_begins_at_the_clock_that_is_passed_in(key: str, path: str) -> None:
    """Both ways of reading a body. NUL characters, which the fast way leaves to the slow one, are removed."""
    clock = SetClock()
    tomorrow = int(clock.unix_s()) + 86_400
    sent = {"time": render_second(tomorrow), "clickId": f"{tomorrow:08x}{'0' * 16}"}[key]
    body = f'{{"ip": "8.8.8.8", "uri": "https://x.example/", "referrer": "r{path}", "{key}": "{sent}"}}'.encode()
    with pytest.raises(InvalidBody, match="is not valid") as refused:
        parse_hit(body, Reading(clock=clock))
    assert [each.pointer for each in refused.value.mistakes if "future" in each.detail] == [f"/{key}"]
    clock.ahead_s = 86_400
    hit = parse_hit(body.replace(path.encode(), b""), Reading(clock=clock)).hit
    assert tomorrow in (hit.time and hit.time // 1_000_000, int((hit.click_id or "0")[:8], 16))
