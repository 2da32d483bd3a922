"""What is stored of a click under each policy: no full value is in any file, and all that is counted stays the same."""

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from clicktrail.model.addresses import parse_ip
from clicktrail.store.engines.duckdb.compacting import compact
from tests.api.test_time import World, with_app
from tests.conftest import ENGINES, NewStore
from tests.serving import Serving

IP, NEAR, FAR, OLD = "81.2.69.142", "81.2.69.143", "2a02:6b8:1:2::7", "93.184.216.34"
AGENT = "Mozilla/5.0 (Linux; Android 10; Quirky7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0 Mobile Safari"
OTHER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
SITE = "https://shop.example.org"
MAIL = "jane@secret.example"
URI = f"{SITE}/private/way?referral=spring&utm_source=paper&size=9&e-mail={MAIL}"
REFERRER = "https://blog.example/t4le?token=tok3nn&topic=9"
POLICIES: tuple[dict[str, str], ...] = (
    {"ip": "truncated"},
    {"ip": "truncated", "user_agent": "parsed", "uri": "utm_source", "referrer": "origin", "coordinates": "rounded"},
    {"ip": "hashed", "uri": "origin", "referrer": "topic", "coordinates": "country"},
    {"ip": "none", "user_agent": "parsed", "uri": "origin", "referrer": "origin", "coordinates": "none"},
    {"user_agent": "parsed"},
    {"ip_after_days": "1", "old_ip": "none"},
)
FACTS = ("countryCode", "utmSource", "linkId", "uuid")
PARSED = ("device", "browser", "os", "isBot", "visitorId", "isDataCentre", "isPrefetch")


async def make_clicks(world: World) -> list[dict[str, Any]]:
    """Clicks in every way in which one comes, the oldest first."""
    api = world.api
    partner = (await api.post("/profiles", json={"firstName": "Ada"})).json()["profileId"]
    link = {"code": "spring", "uri": f"{SITE}/start", "profileId": partner}
    assert (await api.post("/links", json=link)).status_code == 201
    site = (await api.post("/sites", json={"origins": [SITE]})).json()
    body = {"ip": IP, "uri": URI, "referrer": REFERRER, "userAgent": AGENT}
    made = [await api.post("/clicks", json=body | {"uuid": "one"})]
    made.append(await api.post("/clicks", json=body | {"ip": NEAR}))
    made.append(await api.post("/clicks", json=body | {"ip": FAR}))
    made.append(await api.post("/clicks", json=body | {"userAgent": f"{AGENT} Googlebot/2.1"}))
    made.append(await api.post("/clicks/batch", json=[body, body | {"userAgent": OTHER_AGENT}]))
    made.append(
        await api.post("/imports", json=[body | {"clickId": "old-1", "latitude": "51.50853", "longitude": "-0.12574"}])
    )
    browser = {"User-Agent": AGENT, "Referer": REFERRER}
    made.append(await api.get(f"/r/spring?size=9&e-mail={MAIL}", headers=browser))
    made.append(await api.get("/p.gif", params={"key": site["key"], "uri": URI, "uuid": "two"}, headers=browser))
    view = {"key": site["key"], "uri": f"{URI}&n=2", "referrer": REFERRER, "visitorId": "v"}
    made.append(await api.post("/collect", json=view, headers=browser | {"Origin": SITE, "Content-Type": "text/plain"}))
    assert [answer.status_code for answer in made] == [201, 201, 201, 201, 201, 200, 302, 200, 201]
    assert f"e-mail={MAIL}" in made[6].headers["location"]  # the visitor's own page
    wide = "/clicks?limit=100&sort_by=clickId&sort_order=asc&query[visitor]=1&query[origin]=1"
    return list((await api.get(wide)).json())


def facts_of(clicks: list[dict[str, Any]], places: list[str]) -> list[Any]:
    """What no policy changes. Clicks are named by their places: ids differ from store to store."""
    return [
        (
            *(click[name] is not None if name == "linkId" else click[name] for name in FACTS),
            *(click["visitor"][name] for name in PARSED),
            None if click["visitor"]["duplicateOf"] is None else places.index(click["visitor"]["duplicateOf"]),
            click["origin"]["isFirst"],
            click["origin"]["referrerHost"],
        )
        for click in clicks
    ]


def journey(folder: Path, store: dict[str, str], policy: dict[str, str]) -> tuple[list[dict[str, Any]], list[Any]]:
    """The clicks as they are shown, and what no policy changes."""
    found: list[Any] = []

    async def work(world: World) -> None:
        clicks = await make_clicks(world)
        found.append(clicks)
        first = next(click for click in clicks if click["uuid"] == "one")
        body = {"ip": IP, "uri": URI, "referrer": REFERRER, "userAgent": AGENT, "uuid": "one"}
        again = await world.api.post("/clicks", json=body)
        assert (again.status_code, again.json()["clickId"]) == (200, first["clickId"])
        shown = {name: first[name] for name in ("ip", "uri")}
        assert {name: again.json()[name] for name in shown} == shown
        other = await world.api.post("/clicks", json=body | {"uri": "https://other.example/"})
        assert other.status_code == 409
        other = await world.api.post("/clicks", json=body | {"userAgent": OTHER_AGENT})
        assert other.status_code == 409
        rows = await world.api.post(
            "/clicks/batch", json=[body, body | {"locale": "de"}], headers={"Prefer": "handling=lenient"}
        )
        assert [row["status"] for row in rows.json()["results"]] == [200, 409]
        link = next(click["linkId"] for click in clicks if click["linkId"])
        figures = (await world.api.get(f"/links/{link}/metrics")).json()
        with_robots = (await world.api.get(f"/links/{link}/metrics?bots=1")).json()
        report = (
            await world.api.get("/reports?period=all&metrics=clicks,uniqueClicks,visitors,duplicates,bots")
        ).json()
        counted = [each[name] for each in (figures, with_robots) for name in ("clicks", "uniqueClicks")]
        found.append([facts_of(clicks, [click["clickId"] for click in clicks]), counted, report["totals"]])

    with_app(folder, work, **store, **policy)
    return found[0], found[1]


def contents(folder: Path, store: dict[str, str]) -> bytes:
    """All that is stored: the files of the data directory, or the rows of all tables."""
    if not store:
        return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    with psycopg.connect(store["database"]) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [connection.execute(f'SELECT t::TEXT FROM "{table}" t').fetchall() for [table] in tables]
    return "\n".join(row for each in rows for [row] in each).encode()


def secrets_of(policy: dict[str, str]) -> list[str]:
    """What must not be anywhere in the store."""
    found = [MAIL, "tok3nn"]
    if policy.get("ip", "full") != "full":
        found += [IP, FAR, *map(parse_ip, (IP, NEAR, FAR))]
    if "user_agent" in policy:
        found += ["Quirky7", "AppleWebKit"]
    if policy.get("uri") == "origin":
        found += ["private/way", "size=9"]
    if policy.get("referrer") == "origin":
        found += ["t4le", "topic"]
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, bytes]:
    """The facts of the clicks of a store that keeps all, and its content."""
    folder = tmp_path_factory.mktemp("whole")
    _, facts = journey(folder, {}, {"dropped_parameters": ""})
    return facts, contents(folder, {})


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: ",".join(map("=".join, policy.items())))
def test_a_policy_changes_only_what_it_says(
    tmp_path: Path, new_store: NewStore, whole: tuple[Any, bytes], kind: str, policy: dict[str, str]
) -> None:
    store = new_store(kind)
    _, facts = journey(tmp_path, store, policy)
    assert facts == whole[0]
    there = contents(tmp_path, store)
    for secret in secrets_of(policy):
        assert secret.encode() in whole[1] or secret in (IP, FAR)  # so that the search can find it
        assert secret.encode() not in there, secret


def test_filters_find_what_is_kept(tmp_path: Path, new_store: NewStore) -> None:
    async def work(world: World) -> None:
        async def find(**filters: str) -> list[str | None]:
            query = "&".join(f"filter[{name}]={text}" for name, text in filters.items())
            return [click["ip"] for click in (await world.api.get(f"/clicks?sort_by=ip&{query}")).json()]

        for ip in (IP, "81.2.70.1", FAR):
            assert (await world.api.post("/clicks", json={"ip": ip, "uri": SITE})).status_code == 201
        kept = world.app.settings.ip
        if kept in ("hashed", "none"):
            shown = {click["ip"] for click in (await world.api.get("/clicks")).json()}
            assert shown == {None} if kept == "none" else all(map(re.compile("hash:[0-9a-f]{16}").fullmatch, shown))
            assert await find(ip=IP) == await find(**{"ip][in": "0.0.0.0/0"}) == []
            assert len(await find(**{"ip][null": "1"})) == (3 if kept == "none" else 0)
            answer = await world.api.get(f"/clicks?filter[ip][gt]={IP}")
            assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "filter[ip][gt]")
            assert "CLICKTRAIL_IP" in answer.json()["errors"][0]["detail"]
            return
        assert await find(ip=NEAR) == ["81.2.69.0"]
        assert await find(**{"ip][in": "81.2.69.128/25"}) == ["81.2.69.0"]
        assert await find(**{"ip][in": "81.2.0.0/16"}) == ["81.2.70.0", "81.2.69.0"]
        assert await find(**{"ip][in": "2a02:6b8:1:ffff::/64"}) == ["2a02:6b8:1::"]
        assert await find(**{"ip][in": "10.0.0.0/8"}) == []
        assert await find(**{"ip][ne": IP}) == ["2a02:6b8:1::", "81.2.70.0"]
        assert await find(**{"ip][null": "1"}) == []
        exported = await world.api.get("/clicks/export?format=csv&columns=ip&sort_by=ip")
        assert sorted(exported.text.split()[1:]) == ["2a02:6b8:1::", "81.2.69.0", "81.2.70.0"]

    for kept in ("truncated", "hashed", "none"):
        for kind in ENGINES:
            with_app(tmp_path / kept / kind, work, **new_store(kind), ip=kept)


@pytest.mark.parametrize("kept", ["hashed", "none"])
def test_a_stricter_policy_hides_no_address_that_is_still_stored(tmp_path: Path, kept: str) -> None:
    async def record(world: World) -> None:
        assert (await world.api.post("/clicks", json={"ip": IP, "uri": SITE})).status_code == 201

    async def look(world: World) -> None:
        await record(world)
        for asked in (f"ip]={NEAR}", f"ip][in]={IP},10.0.0.0/8", "ip][in]=81.2.0.0/16"):
            found = {click["ip"] for click in (await world.api.get(f"/clicks?filter[{asked}")).json()}
            assert found == ({"81.2.69.0"} if asked.endswith(NEAR) else {"81.2.69.0", IP}), asked

    with_app(tmp_path, record)
    with_app(tmp_path, record, ip="truncated")
    with_app(tmp_path, look, ip=kept)


@pytest.mark.parametrize("kind", ENGINES)
def test_a_server_reduces_old_addresses(tmp_path: Path, new_store: NewStore, kind: str) -> None:
    """A server that is started with the setting, on a store that was filled without it."""
    store, body = new_store(kind), {"ip": IP, "uri": SITE, "userAgent": AGENT}

    async def fill(world: World) -> None:
        for ip, time in ((OLD, "2021-01-01T00:00:00Z"), (IP, None)):
            assert (await world.api.post("/clicks", json=body | {"ip": ip, "time": time})).status_code == 201

    async def look(world: World) -> None:
        while (shown := [click["ip"] for click in (await world.api.get("/clicks?sort_by=time")).json()])[1] == OLD:
            await asyncio.sleep(0)
        assert shown == [IP, None]
        assert [len((await world.api.get(f"/clicks?filter[ip][null]={each}")).json()) for each in (0, 1)] == [1, 1]
        exported = await world.api.get("/clicks/export?format=ndjson&columns=ip&sort_by=time")
        assert exported.text.splitlines() == ['{"ip":"81.2.69.142"}', '{"ip":null}']

    with_app(tmp_path, fill, **store)
    with_app(tmp_path, look, **store, ip_after_days=30)
    if kind == "duckdb":
        assert parse_ip(OLD).encode() in contents(tmp_path, store)
        compact(tmp_path / "x.duckdb", 256)
        there = contents(tmp_path, store)
        assert (parse_ip(OLD).encode() in there, parse_ip(IP).encode() in there) == (False, True)
        with_app(tmp_path, look, **store, ip_after_days=30)


def test_the_record_of_processing(server: Serving, api: httpx.Client) -> None:
    assert api.post("/clicks", json={"ip": IP, "uri": SITE, "time": "2019-01-01T00:00:00Z"}).status_code == 201
    record = api.get("/privacy").json()
    assert [each["name"] for each in record["policy"]][:2] == ["CLICKTRAIL_IP", "CLICKTRAIL_IP_AFTER_DAYS"]
    known = {each["name"] for each in api.get("/settings").json()}
    assert {name for field in record["fields"] for name in field["settings"]} <= known
    assert len(record["policy"]) == len({each["name"] for each in record["policy"]} & known)
    counted = api.get("/clicks?limit=0", headers={"Prefer": "count=exact"}).headers["X-Total-Count"]
    assert sum(each["clicks"] for each in record["ages"]) == int(counted)
    assert record["ages"][-1]["clicks"] >= 1
    assert "lastPurgeTime" in record  # the server's own daily run may have been
    assert record["firstClickTime"] <= "2019-01-01T00:00:00+00:00"
    with server.client("read") as reader:
        assert reader.get("/privacy").status_code == 403
    [found] = [each for each in api.get("/doctor").json() if each["subject"] == "privacy"]
    assert found["state"].startswith("stored of a click: addresses full; user agents full")


@pytest.mark.parametrize("kind", ENGINES)
def test_clicks_are_found_again_without_their_addresses(tmp_path: Path, new_store: NewStore, kind: str) -> None:
    """By the key of their visitor: the click of a registration that names a code, and the click that led to a page."""

    async def work(world: World) -> None:
        api = world.api
        partner = (await api.post("/profiles", json={"firstName": "Ada"})).json()["profileId"]
        for code in ("spring", "summer"):
            await api.post("/links", json={"code": code, "profileId": partner, "uri": "https://other.example/"})
        key = (await api.post("/sites", json={"origins": [SITE]})).json()["key"]
        body = {"ip": IP, "uri": f"{SITE}/?referral=summer", "userAgent": AGENT}
        click = (await api.post("/clicks", json=body)).json()["clickId"]
        for ip, agent, found in ((NEAR, AGENT, None), (IP, OTHER_AGENT, None), (IP, AGENT, click)):
            named = {"code": "summer", "ip": ip, "userAgent": agent, "profile": {"firstName": "Mary"}}
            answer = await api.post("/registrations", json=named)
            assert answer.status_code in (200, 201), answer.text
            assert answer.json()["clickId"] == found
        browser = {"User-Agent": AGENT, "Origin": SITE, "Content-Type": "text/plain"}
        landed = (await api.get("/r/spring", headers=browser)).headers["location"]
        led = landed.partition("click_id=")[2]
        for agent, status in ((OTHER_AGENT, 201), (AGENT, 200)):
            view = {"key": key, "uri": f"{SITE}/?click_id={led}"}
            seen = await api.post("/collect", json=view, headers=browser | {"User-Agent": agent})
            assert (seen.status_code, seen.json()["clickId"] == led) == (status, status == 200)

    with_app(tmp_path, work, **new_store(kind), ip="none", user_agent="parsed", uri="origin")
