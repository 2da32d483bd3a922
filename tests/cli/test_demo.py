"""`clicktrail demo`: what it writes is what real clicks would have written. Everything is counted once more here."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import NewStore
from tests.serving import run, serving

CLICKS = 1_500


@pytest.fixture(scope="module")
def filled(
    engine_kind: str, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore
) -> tuple[Path, dict[str, str]]:
    """A data directory and the settings of a store that the command has filled."""
    data, store = tmp_path_factory.mktemp("demo") / "data", new_store(engine_kind)
    done = run("demo", "--data", str(data), "--clicks", str(CLICKS), **store)
    assert done.returncode == 0, done.stderr
    assert "clicktrail serve" in done.stdout
    return data, store


def test_the_demo_can_be_counted_once_more(filled: tuple[Path, dict[str, str]]) -> None:
    data, store = filled
    with serving(data, send_postbacks="false", **store) as server, server.client() as api:
        assert [each["origins"] for each in api.get("/sites?sort_by=name").json()] == [
            ["https://shop.example.org"],
            ["https://blog.example.org"],
        ]
        assert {tuple(each["events"]) for each in api.get("/postbacks").json()} == {("registration",)}
        clicks: list[dict[str, Any]] = []
        url = "/clicks?limit=1000&query[visitor]=1"
        while url:
            answer = api.get(url)
            clicks += answer.json()
            url = answer.links.get("next", {}).get("url", "")
        assert len(clicks) == CLICKS
        people = [click for click in clicks if not click["visitor"]["isBot"]]
        assert 0.04 < 1 - len(people) / CLICKS < 0.13
        assert len({click["time"][:7] for click in clicks}) >= 12
        repeats = [click for click in clicks if click["visitor"]["duplicateOf"]]
        by_id = {click["clickId"]: click for click in clicks}
        assert repeats
        assert all(by_id[each["visitor"]["duplicateOf"]]["linkId"] == each["linkId"] for each in repeats)
        counted = Counter(click["linkId"] for click in people)
        seen = {(each["linkId"], each["ip"], each["userAgent"], each["time"][:10]) for each in people}
        first = Counter(link_id for link_id, *_ in seen)
        earned = Counter(click["linkId"] for click in clicks if click["profileId"])
        assert sum(earned.values()) > 0
        for link_id in [each for each, _ in counted.most_common(6) if each]:
            figures = api.get(f"/links/{link_id}/metrics").json()
            found = (figures["clicks"], figures["uniqueClicks"], figures["registrations"])
            assert found == (counted[link_id], first[link_id], earned[link_id])
        rules = Counter(
            api.get(f"/profiles/{click['profileId']}/attribution").json()["rule"]
            for click in clicks
            if click["profileId"]
        )
        assert "last-touch" in rules
        assert {each["status"] for each in api.get("/deliveries?limit=1000").json()} <= {"delivered", "dead"}


def test_a_store_that_has_clicks_is_refused(filled: tuple[Path, dict[str, str]]) -> None:
    data, store = filled
    done = run("demo", "--data", str(data), "--clicks", str(CLICKS), **store)
    assert done.returncode == 1
    assert "needs an empty store" in done.stderr
