"""What a partner's postback, the scope `write` and a site's public key can reach: their own, nothing by guessing."""

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest

from tests.api.test_attribution import click, make_link, make_partner, outcomes, register
from tests.api.test_sites import SHOP, beacon
from tests.ingest.test_agents import CHROME
from tests.serving import Serving

DAY = "2024-05-20T00:00:00Z"


class Pair(NamedTuple):
    """Ada, whose postback token attacks, and Bob, who has a link, a click and the client whom the site registered."""

    ada: str
    bob: str
    mine: str
    others: str
    taken: str
    """The uuid of Bob's client."""
    victim: str
    """Bob's client."""
    ask: Callable[..., httpx.Response]
    """GET /postback with Ada's token."""


@pytest.fixture
def pair(server: Serving, api: httpx.Client, mark: str) -> Pair:
    ada, bob = make_partner(api), make_partner(api)
    make_link(api, f"{mark}-a", ada)
    make_link(api, f"{mark}-b", bob)
    mine = click(api, f"{mark}-a", 10, visitorId=f"{mark}-v", uuid=f"{mark}-mine")
    others = click(api, f"{mark}-b", 11, visitorId=f"{mark}-w", uuid=f"{mark}-others")
    contacts = [{"key": "email", "value": f"{mark}@email.com"}]
    profile = {"firstName": "Victim", "uuid": f"{mark}-900", "contacts": contacts}
    victim = register(api, clickId=others, profile=profile)["profileId"]
    token, _ = server.sign("postback", ada)

    def ask(**parameters: str) -> httpx.Response:
        return httpx.get(f"{server.url}/postback", params={"token": token, "time": DAY, **parameters}, timeout=30)

    return Pair(ada, bob, mine, others, f"{mark}-900", victim, ask)


def shape(answer: httpx.Response) -> Any:
    """An answer without what is random in it: new ids."""
    body = answer.json()
    if answer.status_code == 201:
        assert answer.headers["Location"].endswith(f"/profiles/{body['profileId']}/attribution")
        body = body | dict.fromkeys(("attributionId", "profileId"))
    return answer.status_code, sorted(answer.headers.keys()), body


def test_a_postbacks_uuid_is_its_partners_own(server: Serving, api: httpx.Client, mark: str, pair: Pair) -> None:
    before = api.get(f"/profiles/{pair.victim}").json()
    made = pair.ask(click_id=pair.mine, profile_uuid=pair.taken, first_name="Evil")
    assert made.status_code == 201, made.text
    assert made.json()["profileId"] != pair.victim
    assert pair.ask(click_id=pair.mine, profile_uuid=pair.taken).json() == made.json()
    assert api.get(f"/profiles/{pair.victim}").json() == before
    with server.client("partner", pair.ada) as partner:
        [seen] = partner.get("/clicks?query[profile]=1&query[contacts]=1").json()
        assert (seen["profile"]["firstName"], seen["profile"]["uuid"], seen["contacts"]) == ("Evil", pair.taken, [])
        assert partner.get(f"/profiles/{pair.victim}").status_code == 404
        assert "Victim" not in partner.get(f"/profiles?filter[uuid]={pair.taken}").text
    shown = api.get(f"/profiles?filter[uuid]={pair.taken}").json()
    assert {each["firstName"] for each in shown} == {"Evil", "Victim"}
    # Claiming a uuid before the site needs it gets in nobody's way.
    other = click(api, f"{mark}-a", 12)
    assert pair.ask(click_id=other, profile_uuid=f"{mark}-901").status_code == 201
    fresh = register(api, visitorId=f"{mark}-new", profile={"firstName": "Later", "uuid": f"{mark}-901"})
    assert api.get(f"/profiles/{fresh['profileId']}").json()["firstName"] == "Later"
    assert (
        api.post("/profiles", json={"uuid": f"{mark}-901", "firstName": "Later"}).json()["profileId"]
        == (fresh["profileId"])
    )


@pytest.mark.parametrize("parameter", ["profile_uuid", "click_id", "visitor_id", "uuid", "code", "email", "phone"])
def test_what_is_not_ones_own_is_answered_as_what_is_not_there(
    api: httpx.Client, mark: str, pair: Pair, parameter: str
) -> None:
    there, nowhere = {
        "profile_uuid": (pair.taken, f"{mark}-xxx"),
        "click_id": (pair.others, "0" * 24),
        "visitor_id": (f"{mark}-w", f"{mark}-x"),
        "uuid": (f"{mark}-others", f"{mark}-nowhere"),
        "code": (f"{mark}-b", f"{mark}-x"),
        "email": (f"{mark}@email.com", f"x{mark}@email.com"),
        "phone": ("+442071838750", "+442071838751"),
    }[parameter]
    rest = {} if parameter in ("click_id", "visitor_id", "uuid", "code") else {"visitor_id": f"{mark}-nobody"}
    status, headers, body = shape(pair.ask(**rest, **{parameter: there}))
    alike = shape(pair.ask(**rest, **{parameter: nowhere}))
    assert (status, headers, str(body).replace(there, "?")) == (*alike[:2], str(alike[2]).replace(nowhere, "?"))
    assert pair.others not in str(body).replace(there, "?")
    assert str(status) in api.get("/openapi.json").json()["paths"]["/postback"]["get"]["responses"]


def test_partners_say_nothing_of_browsers(api: httpx.Client, mark: str, pair: Pair) -> None:
    assert pair.ask(visitor_id=f"{mark}-v", profile_uuid=f"{mark}-17").status_code == 201
    made = register(api, visitorId=f"{mark}-desk", profile={"uuid": f"{mark}-17"})
    assert made["considered"] == []
    # Nor do they learn of them: what the site said of this person's browsers finds them nothing.
    phone = click(api, f"{mark}-a", 12, visitorId=f"{mark}-phone")
    api.post("/identities", json={"visitorId": f"{mark}-phone", "uuid": f"{mark}-18"})
    for name in ("uuid", "profile_uuid"):
        asked = pair.ask(visitor_id=f"{mark}-desk", **{name: f"{mark}-18"})
        assert (asked.status_code, asked.json()["considered"]) == (201, [])
    assert api.get(f"/clicks/{phone}").json()["profileId"] is None


def registrations_of(api: httpx.Client, click_id: str) -> int:
    link_id = api.get(f"/clicks/{click_id}").json()["linkId"]
    count: int = api.get(f"/links/{link_id}/metrics").json()["registrations"]
    return count


@pytest.mark.parametrize("way", ["registrations", "put", "another click"])
def test_the_site_outranks_a_partner(api: httpx.Client, mark: str, pair: Pair, way: str) -> None:
    said = pair.ask(click_id=pair.mine, profile_uuid="u", first_name="Evil", email="evil@email.com").json()
    assert said["clickId"] == pair.mine
    assert registrations_of(api, pair.mine) == 1
    profile = {"firstName": "Mary", "uuid": f"{mark}-17"}
    if way == "put":
        rest = {"lastName": "", "middleName": "", "enabled": True, "contacts": []}
        assert api.put(f"/clicks/{pair.mine}", json=profile | rest).status_code == 200
    else:
        later = click(api, f"{mark}-b", 12, visitorId=f"{mark}-v") if way == "another click" else None
        made = register(api, clickId=pair.mine, profile=profile)
        assert made["clickId"] == (later or pair.mine)
    shown = api.get(f"/clicks/{pair.mine}?query[profile]=1").json()
    if way == "another click":
        assert (shown["profile"], registrations_of(api, pair.mine)) == (None, 0)
        assert outcomes(api.get(f"/clicks/{pair.mine}/attribution").json())[pair.mine] == "earlier"
    else:
        kept = (shown["profile"]["firstName"], shown["profile"]["uuid"], shown["profile"]["contacts"])
        assert (kept, registrations_of(api, pair.mine)) == (("Mary", f"{mark}-17", []), 1)
    # The partner's word is kept as that, and holds nothing.
    assert api.get(f"/profiles/{said['profileId']}").json()["firstName"] == "Evil"
    now = api.get(f"/profiles/{said['profileId']}/attribution").json()
    assert (now["rule"], now["clickId"], now["linkId"], outcomes(now)) == (
        "outranked",
        None,
        None,
        {pair.mine: "taken"},
    )
    for again in (pair.ask(click_id=pair.mine, profile_uuid="u"), pair.ask(click_id=pair.mine)):
        assert (again.status_code, again.json()) == (200, now)
    tried = pair.ask(click_id=pair.mine, profile_uuid="u2").json()
    assert (tried["clickId"], outcomes(tried)) == (None, {pair.mine: "taken"})
    assert registrations_of(api, pair.mine) == (0 if way == "another click" else 1)


def test_what_the_site_decided_no_partner_claims_later(api: httpx.Client, mark: str, pair: Pair) -> None:
    won = click(api, f"{mark}-b", 12, visitorId=f"{mark}-v")
    assert register(api, visitorId=f"{mark}-v", profile={"uuid": f"{mark}-17"})["clickId"] == won
    said = pair.ask(click_id=pair.mine, first_name="Evil").json()
    assert (said["clickId"], said["rule"], outcomes(said)) == (None, "none", {pair.mine: "taken"})
    assert pair.ask(click_id=pair.mine, first_name="Evil").json() == said
    assert api.get(f"/clicks/{pair.mine}").json()["profileId"] is None


def test_an_admin_makes_a_partners_client_the_sites(api: httpx.Client, mark: str, pair: Pair) -> None:
    said = pair.ask(click_id=pair.mine, profile_uuid=pair.taken, first_name="Ann").json()
    profile = f"/profiles/{said['profileId']}"
    shown = api.get(profile).json()
    same = {name: shown[name] for name in ("firstName", "uuid")}
    assert api.patch(profile, json=same).json()["uuid"] == pair.taken
    assert api.patch(profile, json={"uuid": f"{mark}-others-900"}).status_code == 200
    assert register(api, 200, clickId=pair.mine)["profileId"] == said["profileId"]
    assert api.patch(profile, json={"uuid": pair.taken}).status_code == 409


@pytest.mark.parametrize("owns", ["link", "postback", "credentials"])
def test_registrations_do_not_change_partners(
    server: Serving, api: httpx.Client, mark: str, pair: Pair, owns: str
) -> None:
    contacts = [{"key": "email", "value": f"{mark}-partner@email.com"}]
    partner = api.post("/profiles", json={"uuid": mark, "firstName": "Partner", "contacts": contacts}).json()
    path, body = {
        "link": ("/links", {"profileId": partner["profileId"]}),
        "postback": (
            "/postbacks",
            {"profileId": partner["profileId"], "uri": "https://localhost/", "events": ["click"]},
        ),
        "credentials": ("/clients", {"scope": "partner", "partnerId": partner["profileId"]}),
    }[owns]
    assert api.post(path, json=body).status_code == 201
    evil = {"firstName": "Evil", "lastName": "", "middleName": "", "enabled": False, "uuid": mark, "contacts": []}
    with server.client("write") as site:
        for answer in (
            site.patch(f"/clicks/{pair.mine}", json={"profile": {"uuid": mark, "firstName": "Evil"}}),
            site.put(f"/clicks/{pair.mine}", json=evil),
            site.post("/registrations", json={"clickId": pair.mine, "time": DAY, "profile": evil}),
        ):
            assert answer.status_code == 409, answer.text
            assert f"{mark}-partner" not in answer.text
            assert partner["profileId"] not in answer.text
    assert api.get(f"/profiles/{partner['profileId']}").json() == partner
    assert api.get(f"/clicks/{pair.mine}").json()["profileId"] is None


def test_a_client_who_became_a_partner_is_changed_no_more(server: Serving, api: httpx.Client, pair: Pair) -> None:
    api.post("/links", json={"profileId": pair.victim})
    with server.client("write") as site:
        assert site.patch(f"/clicks/{pair.others}", json={"firstName": "Evil"}).status_code == 409
    assert api.get(f"/profiles/{pair.victim}").json()["firstName"] == "Victim"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"profile": {}},
        {"name": "x"},
        {"profile": {"name": "x"}},
        {"profile": {"profileId": "0" * 24}},
        {"profile": {"firstName": ""}},
        {"profile": {"tags": [], "contacts": []}},
        {"profile": {"enabled": None}},
        {"profile": {"enabled": True}},
        {"ip": "8.8.8.8"},
        {"clickId": "0" * 24},
    ],
)
def test_what_names_nothing_shows_nothing(server: Serving, pair: Pair, body: dict[str, Any]) -> None:
    with server.client("write") as site:
        refused = site.patch(f"/clicks/{pair.mine}", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["detail"].startswith("names no key of a client")
    assert "ip" not in refused.json()
    with server.client() as admin:
        assert admin.get(f"/clicks/{pair.mine}").json()["profileId"] is None


def test_a_partners_token_without_a_partner_sees_nothing(server: Serving) -> None:
    with server.client("partner") as nobody:
        for path in ("/clicks", "/links", "/profiles", "/banners", "/postbacks"):
            assert (nobody.get(path).status_code, nobody.get(path).json()) == (200, [])
    token, _ = server.sign("postback")
    assert httpx.get(f"{server.url}/postback?token={token}&visitor_id=x").status_code == 403


class TestPublicKeys:
    @pytest.fixture
    def key(self, api: httpx.Client) -> str:
        key: str = api.post("/sites", json={"origins": [SHOP]}).json()["key"]
        return key

    def test_their_uuids_meet_nobody_elses(
        self, server: Serving, api: httpx.Client, mark: str, pair: Pair, key: str
    ) -> None:
        view = {"key": key, "uri": f"{SHOP}/{mark}", "uuid": f"{mark}-others"}
        seen = beacon(server, view)
        assert (seen.status_code, seen.json().keys()) == (201, {"clickId"})
        assert seen.json()["clickId"] != pair.others
        again = beacon(server, view)
        assert (again.status_code, again.json()) == (200, seen.json())
        # Another browser, and another site, are told nothing of it.
        other = api.post("/sites", json={"origins": [SHOP]}).json()["key"]
        found = [beacon(server, view, **{"User-Agent": "Other"}), beacon(server, view | {"key": other})]
        assert [each.status_code for each in found] == [201, 201]
        ids = [pair.others, *(each.json()["clickId"] for each in (seen, *found))]
        assert len(set(ids)) == 4
        shown = api.get(f"/clicks?filter[uuid]={mark}-others&limit=100").json()
        assert sorted(each["clickId"] for each in shown) == sorted(ids)
        assert {each["uuid"] for each in shown} == {f"{mark}-others"}

    def test_they_get_in_nobodys_way(self, server: Serving, api: httpx.Client, mark: str, key: str) -> None:
        squat = beacon(server, {"key": key, "uri": f"{SHOP}/?referral={mark}", "uuid": mark}).json()["clickId"]
        own = {"ip": "8.8.8.8", "uri": "https://x.example/", "uuid": mark}
        made = api.post("/clicks", json=own)
        assert made.status_code == 201
        assert api.post("/clicks", json=own).json() == made.json()
        batch = api.post("/clicks/batch", json=[own, own | {"uuid": f"{mark}-2"}]).json()
        assert (batch["created"], batch["repeated"], batch["clickIds"][0]) == (1, 1, made.json()["clickId"])
        # Nor does a uuid that anyone could have sent earn a client.
        found = register(api, uuid=mark, time=None, profile={"firstName": "Mary"})
        assert squat not in outcomes(found)

    def test_they_do_not_learn_of_clicks_by_their_ids(
        self, server: Serving, api: httpx.Client, mark: str, key: str
    ) -> None:
        def record(uri: str, agent: str = CHROME) -> str:
            body = {"ip": "8.8.4.4", "uri": uri, "userAgent": agent}
            click_id: str = api.post("/clicks", json=body).json()["clickId"]
            return click_id

        def arrive(click_id: str) -> int:
            return beacon(server, {"key": key, "uri": f"{SHOP}/?click_id={click_id}", "visitorId": mark}).status_code

        foreign, another = record(f"https://other.example/{mark}"), record(f"{SHOP}/{mark}", "Another")
        assert [arrive(each) for each in (foreign, another, "0" * 24)] == [201, 201, 201]
        assert {
            api.get(f"/clicks/{each}?query[visitor]=1").json()["visitor"]["visitorId"] for each in (foreign, another)
        } == {None}
        assert arrive(record(f"{SHOP}/{mark}")) == 200
