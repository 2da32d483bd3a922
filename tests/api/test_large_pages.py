"""Large pages are made in pieces, so that others are answered meanwhile."""

import asyncio

import msgspec
import pytest

from clicktrail.http.endpoint.paging import encode_list

DOCUMENT = {"uri": "https://x.example/?a=" + "a" * 12_000, "uuid": None}


@pytest.mark.parametrize(("number", "least"), [(0, 0), (1, 0), (1_000, 30)])
def test_others_have_their_turn(number: int, least: int) -> None:
    async def run() -> tuple[bytes, int]:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        counting = asyncio.create_task(count())
        body = await encode_list(DOCUMENT for _ in range(number))
        counting.cancel()
        return body, turns

    body, turns = asyncio.run(run())
    assert body == msgspec.json.encode([DOCUMENT] * number)
    assert turns >= least
