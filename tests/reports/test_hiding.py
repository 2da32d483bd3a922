"""Rows with few clicks are hidden, and no subtraction tells what they have."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from clicktrail.model.access import Scope
from clicktrail.reports.answer import Key
from clicktrail.reports.hiding import find_hidden
from clicktrail.reports.metrics import Parts
from clicktrail.tokens import issue_token
from tests.api.test_time import World, with_app
from tests.conftest import ENGINES, NewStore

SITE = "https://shop.example.org/?referral=spring&utm_source="
SOURCES = {"paper": 9, "radio": 6, "mail": 5, "tv": 2}


@pytest.mark.parametrize("seed", range(200))
def test_what_is_hidden_cannot_be_computed(seed: int) -> None:
    draw = Random(seed)
    least = draw.randrange(1, 8)
    rows: list[tuple[Key, Parts]] = [((place,), {"clicks": draw.randrange(12)}) for place in range(draw.randrange(9))]
    earlier = {key: {"clicks": draw.randrange(20)} for key, _ in rows if draw.random() < 0.5}
    hidden = find_hidden(rows, earlier, least)
    shown = [(key, parts["clicks"]) for key, parts in rows if key not in hidden]
    assert all(clicks >= least or clicks == 0 for _, clicks in shown)
    assert all(earlier.get(key, {"clicks": 0})["clicks"] in (0, *range(least, 20)) for key, clicks in shown if clicks)
    sizes = [parts["clicks"] for key, parts in rows if key in hidden]
    filled = [parts["clicks"] for _, parts in rows if parts["clicks"]]
    assert not hidden or (len(sizes) >= 2 and sum(sizes) >= least) or sorted(sizes) == sorted(filled)
    assert find_hidden(rows, earlier, 0) == set()


@pytest.mark.parametrize("kind", ENGINES)
def test_partners_and_readers_see_no_small_rows(tmp_path: Path, new_store: NewStore, kind: str) -> None:
    async def work(world: World) -> None:
        api = world.api
        partner = (await api.post("/profiles", json={"firstName": "Ada"})).json()["profileId"]
        await api.post("/links", json={"code": "spring", "profileId": partner})
        for place, (source, count) in enumerate(SOURCES.items()):
            clicks = [{"ip": f"8.8.{place}.{number}", "uri": SITE + source} for number in range(count)]
            assert (await api.post("/clicks/batch", json=clicks)).status_code == 201

        async def ask(scope: Scope, query: str, path: str = "/reports") -> Any:
            token, _ = issue_token(world.app.keys, scope, "x", 600, partner if scope is Scope.PARTNER else None)
            answer = await api.get(f"{path}?{query}", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200, answer.text
            return answer

        by_source = "group_by=utmSource&metrics=uniqueClicks&other=1&limit=2"
        for scope in (Scope.PARTNER, Scope.READ):
            found = (await ask(scope, by_source)).json()
            assert [row["utmSource"] for row in found["rows"]] == ["paper", "radio"]
            assert (found["meta"]["hidden"], found["totals"]["uniqueClicks"]) == (2, 22)
            assert (found["other"]["groups"], found["other"]["uniqueClicks"]) == (2, 7)
            file = await ask(
                scope,
                "group_by=utmSource&format=csv&metrics=clicks&sort_by=utmSource&sort_order=asc",
                "/reports/export",
            )
            assert [line.split(",")[0] for line in file.text.splitlines()] == ["utmSource", "paper", "radio"]
            days = (await ask(scope, "group_by=time,utmSource&grain=day&period=today")).json()
            assert {row["utmSource"] for row in days["rows"]} == {"paper", "radio"}
            page = await ask(scope, "group_by=utmSource&limit=1&metrics=clicks")
            assert 'rel="next"' in page.headers["Link"]
            rest = await ask(
                scope,
                "group_by=utmSource&limit=1&metrics=clicks&cursor="
                + page.headers["Link"].partition("cursor=")[2].partition(">")[0],
            )
            assert [row["utmSource"] for row in rest.json()["rows"]] == ["radio"]
            assert "Link" not in rest.headers
        whole = (await ask(Scope.ADMIN, by_source)).json()
        assert (whole["meta"]["hidden"], whole["other"]["groups"]) == (0, 2)
        everything = (await ask(Scope.ADMIN, "group_by=utmSource")).json()
        assert {row["utmSource"]: row["clicks"] for row in everything["rows"]} == SOURCES

    with_app(tmp_path, work, **new_store(kind), report_least_clicks=3)
