"""Registrations over HTTP: the click that earns the client, and why."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ingest.test_agents import CHROME, GOOGLE
from tests.serving import Serving, serving

IP = "8.8.4.4"


def make_link(api: httpx.Client, code: str, partner: str | None = None) -> str:
    link_id: str = api.post("/links", json={"code": code, "profileId": partner}).json()["linkId"]
    return link_id


def make_partner(api: httpx.Client) -> str:
    profile_id: str = api.post("/profiles", json={"firstName": "Ada"}).json()["profileId"]
    return profile_id


def click(api: httpx.Client, code: str, day: int, **more: Any) -> str:
    body = {"ip": IP, "uri": f"https://x.example/?referral={code}", "time": f"2024-05-{day:02d}T10:00:00Z", **more}
    answer = api.post("/clicks", json={"userAgent": CHROME, **body})
    assert answer.status_code == 201, answer.text
    click_id: str = answer.json()["clickId"]
    return click_id


def register(api: httpx.Client, expected: int = 201, **body: Any) -> dict[str, Any]:
    body = {"time": "2024-05-20T00:00:00Z", "profile": {"firstName": "Mary"}, **body}
    answer = api.post("/registrations", json=body)
    assert answer.status_code == expected, answer.text
    made: dict[str, Any] = answer.json()
    return made


def outcomes(made: dict[str, Any]) -> dict[str, str]:
    return {each["clickId"]: each["outcome"] for each in made["considered"]}


def test_the_last_click_of_a_visitor_earns_the_client(api: httpx.Client, mark: str) -> None:
    link_id, other = make_link(api, mark), make_link(api, f"{mark}-2")
    first = click(api, mark, 10, visitorId=mark)
    last = click(api, f"{mark}-2", 12, visitorId=mark)
    direct = click(api, "none", 13, visitorId=mark)
    robot = click(api, mark, 14, visitorId=mark, userAgent=GOOGLE)
    late = click(api, mark, 25, visitorId=mark)
    made = register(api, visitorId=mark, profile={"firstName": "Mary", "uuid": mark})
    assert (made["clickId"], made["linkId"], made["rule"]) == (last, other, "last-touch")
    assert outcomes(made) == {
        first: "earlier",
        last: "wins",
        direct: "no-link",
        robot: "robot",
        late: "too-late",
    }
    assert (made["model"], made["windowDays"], made["named"]["visitorId"]) == ("last", 30, mark)
    assert api.get(f"/clicks/{last}").json()["profileId"] == made["profileId"]
    assert api.get(f"/links/{other}/metrics").json()["registrations"] == 1
    assert api.get(f"/links/{link_id}/metrics").json()["registrations"] == 0
    for path in (f"/profiles/{made['profileId']}", f"/clicks/{last}", f"/clicks/{first}"):
        assert api.get(f"{path}/attribution").json() == made
    # The same again is the same registration.
    again = register(api, 200, visitorId=mark, profile={"firstName": "Mary", "uuid": mark})
    assert again == made


def test_a_click_named_by_its_id_brings_the_visitors_other_clicks(api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    first, named = click(api, mark, 10, visitorId=mark), click(api, mark, 9, visitorId=mark)
    made = register(api, clickId=named)
    assert made["clickId"] == first
    evidence = {each["clickId"]: each["evidence"] for each in made["considered"]}
    assert evidence == {first: ["visitorId"], named: ["clickId", "visitorId"]}
    assert register(api, 200, clickId=first) == made


def test_a_click_named_by_its_uuid(api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    only = click(api, mark, 10, uuid=mark)
    assert register(api, uuid=mark)["clickId"] == only


def test_browsers_of_one_person_count_together(api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    phone = click(api, mark, 10, visitorId=f"{mark}-phone")
    click(api, "none", 11, visitorId=f"{mark}-desk")
    identity = {"visitorId": f"{mark}-phone", "uuid": mark}
    assert [api.post("/identities", json=identity).status_code for _ in range(2)] == [201, 200]
    made = register(api, visitorId=f"{mark}-desk", profile={"uuid": mark})
    assert made["clickId"] == phone
    assert next(each for each in made["considered"] if each["clickId"] == phone)["evidence"] == ["identity"]


def test_a_repeat_counts_for_the_click_that_it_repeats(api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    original = click(api, mark, 10)
    repeat = click(api, mark, 10)
    made = register(api, clickId=repeat)
    assert (made["clickId"], outcomes(made)) == (original, {original: "wins", repeat: "duplicate"})


def test_a_click_earns_one_client(api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    only = click(api, mark, 10, visitorId=mark)
    first = register(api, visitorId=mark, profile={"uuid": f"{mark}-1"})
    second = register(api, visitorId=mark, profile={"uuid": f"{mark}-2"})
    assert (second["clickId"], second["rule"], outcomes(second)) == (None, "none", {only: "taken"})
    assert second["reason"].startswith("A click was found, but it is taken")
    assert register(api, code=mark, visitorId=mark)["reason"].endswith("The link of the named code earns the client.")
    assert register(api, visitorId=f"{mark}-unknown")["reason"].startswith("No click was found")
    assert first["profileId"] != second["profileId"]
    assert api.get(f"/clicks/{only}/attribution").json() == first


def test_a_code_earns_without_a_click(api: httpx.Client, mark: str) -> None:
    link_id = make_link(api, mark)
    made = register(api, code=mark)
    assert (made["clickId"], made["linkId"], made["rule"]) == (None, link_id, "code")
    seen = click(api, mark, 10)
    found = register(api, code=mark, ip=IP, userAgent=CHROME)
    assert (found["clickId"], found["considered"][0]["evidence"]) == (seen, ["code"])


def test_registrations_are_listed_to_those_who_may_see_them(server: Serving, api: httpx.Client, mark: str) -> None:
    ada, bob = make_partner(api), make_partner(api)
    make_link(api, mark, ada)
    by_code = make_link(api, f"{mark}-2", bob)
    clicked = register(api, clickId=click(api, mark, 10), time="2024-05-11T00:00:00Z")
    named = register(api, code=f"{mark}-2", time="2024-05-12T00:00:00Z")
    listed = api.get(f"/registrations?filter[partnerId][in]={ada},{bob}&sort_by=time").json()
    assert [(each["attributionId"], each["rule"], each["partnerId"]) for each in listed] == [
        (named["attributionId"], "code", bob),
        (clicked["attributionId"], "last-touch", ada),
    ]
    assert (listed[0]["clickId"], listed[0]["linkId"]) == (None, by_code)
    assert (listed[1]["clickId"], listed[1]["time"]) == (clicked["clickId"], "2024-05-11T00:00:00+00:00")
    of_a_day = api.get(f"/registrations?filter[time]=2024-05-12&filter[partnerId][in]={ada},{bob}").json()
    assert [each["attributionId"] for each in of_a_day] == [named["attributionId"]]
    with server.client("partner", ada) as asking:
        assert asking.get("/registrations").json() == [listed[1]]
        assert asking.get(f"/registrations?filter[partnerId]={bob}").json() == []


def test_put_is_the_explicit_case(api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    click(api, mark, 12, visitorId=mark)
    named = click(api, mark, 10, visitorId=mark)
    nothing = api.get(f"/clicks/{named}/attribution").json()
    assert (nothing["attributionId"], nothing["rule"], nothing["considered"]) == (None, None, [])
    profile_id = api.patch(f"/clicks/{named}", json={"firstName": "Mary"}).json()["profileId"]
    made = api.get(f"/profiles/{profile_id}/attribution").json()
    assert (made["rule"], made["clickId"], made["model"], outcomes(made)) == ("explicit", named, None, {named: "wins"})
    assert register(api, 200, clickId=named) == made


def test_what_is_deleted_is_forgotten(api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    only = click(api, mark, 10)
    made = register(api, clickId=only)
    assert api.delete(f"/clicks/{only}").status_code == 204
    kept = api.get(f"/profiles/{made['profileId']}/attribution").json()
    assert (kept["clickId"], kept["linkId"], kept["considered"]) == (None, made["linkId"], [])
    assert api.delete(f"/profiles/{made['profileId']}").status_code == 204
    assert api.get(f"/profiles/{made['profileId']}/attribution").status_code == 404


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/profile"}),
        ({"profile": {}}, {""}),
        ({"profile": {}, "clickId": None}, {""}),
        ({"profile": {}, "clickId": "0" * 24, "code": "no-such-code"}, {"/clickId", "/code"}),
        ({"profile": {"firstName": 1, "x": 2}, "clickId": "x"}, {"/profile/firstName", "/profile/x", "/clickId"}),
        ({"profile": {}, "uuid": "u", "time": "2999-01-01T00:00:00Z"}, {"/time"}),
    ],
)
def test_bad_registrations_name_every_mistake(api: httpx.Client, body: dict[str, Any], pointers: set[str]) -> None:
    answer = api.post("/registrations", json=body)
    assert answer.status_code == 422
    assert {each["pointer"] for each in answer.json()["errors"]} == pointers


def test_partners_see_no_more_than_their_own(server: Serving, api: httpx.Client, mark: str) -> None:
    ada, bob = make_partner(api), make_partner(api)
    make_link(api, f"{mark}-a", ada)
    make_link(api, f"{mark}-b", bob)
    lost = click(api, f"{mark}-a", 10, visitorId=mark)
    won = click(api, f"{mark}-b", 11, visitorId=mark)
    made = register(api, visitorId=mark, profile={"firstName": "Mary", "uuid": mark})
    with server.client("partner", ada) as loser:
        seen = loser.get(f"/clicks/{lost}/attribution").json()
        assert outcomes(seen) == {lost: "earlier"}
        assert (seen["profileId"], seen["clickId"], seen["linkId"], seen["named"]["visitorId"]) == (None,) * 4
        assert made["profileId"] not in str(seen)
        assert won not in str(seen)
        for path in (f"/clicks/{won}", f"/profiles/{made['profileId']}"):
            assert loser.get(f"{path}/attribution").status_code == 404
        assert loser.post("/registrations", json={"visitorId": mark, "profile": {}}).status_code == 403
    with server.client("partner", bob) as winner:
        seen = winner.get(f"/profiles/{made['profileId']}/attribution").json()
        assert (seen["clickId"], outcomes(seen)) == (won, {won: "wins"})


def test_a_tracker_registers_by_a_postback(server: Serving, api: httpx.Client, mark: str) -> None:
    ada, bob = make_partner(api), make_partner(api)
    make_link(api, f"{mark}-a", ada)
    make_link(api, f"{mark}-b", bob)
    mine, others = click(api, f"{mark}-a", 10, visitorId=mark), click(api, f"{mark}-b", 11, visitorId=mark)
    token = server.token("postback", ada)

    def call(query: str, method: str = "GET") -> httpx.Response:
        return httpx.request(method, f"{server.url}/postback?{query}")

    asked = f"token={token}&click_id={mine}&time=2024-05-12T00:00:00+00:00&email=mary@email.com&payout="
    refused = call(asked)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["parameter"] == "payout"
    asked = asked.replace("&payout=", "&first_name=Mary&last_name=&phone=+442071838750")
    answer = call(asked)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["clickId"], outcomes(made)) == (mine, {mine: "wins"})
    contacts = api.get(f"/profiles/{made['profileId']}/contacts?sort_by=key&sort_order=asc").json()
    assert [each["value"] for each in contacts] == ["mary@email.com", "+442071838750"]
    assert call(asked).status_code == 200
    assert call(f"token={token}&click_id={others}").status_code == 422
    for nameless in (f"click_id={mine}", f"token=&click_id={mine}"):
        missing = call(nameless)
        assert (missing.status_code, missing.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "`token` in the query string" in missing.json()["detail"]
    assert call(f"token={token[:-2]}&click_id={mine}").status_code == 401
    assert call(f"token={server.token('write')}&click_id={mine}").status_code == 403
    assert call(asked, "HEAD").status_code == 405
    bad = call(f"token={token}&click_id=x&email=nobody")
    assert {each["parameter"] for each in bad.json()["errors"]} == {"click_id", "email"}
    assert token not in server.log.read_text()
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as tracker:
        assert {tracker.get(path).status_code for path in ("/clicks", "/links", "/profiles", "/clients")} == {403}


def test_a_client_of_a_partner_gets_tokens_for_postbacks(api: httpx.Client, server: Serving, mark: str) -> None:
    ada = make_partner(api)
    make_link(api, mark, ada)
    only = click(api, mark, 10)
    made = api.post("/clients", json={"scope": "postback", "partnerId": ada}).json()
    credentials = (made["clientId"], made["clientSecret"])
    answer = httpx.post(f"{server.url}/tokens", auth=credentials, json={"grant_type": "client_credentials"})
    assert (answer.status_code, answer.json()["scope"]) == (200, "postback")
    token = answer.json()["access_token"]
    found = httpx.get(f"{server.url}/postback?token={token}&click_id={only}&time=2024-05-12T00:00:00Z")
    assert (found.status_code, found.json()["clickId"]) == (201, only)


def test_postbacks_of_one_partner_are_bounded_and_cost_no_other_one(tmp_path: Path) -> None:
    with serving(tmp_path / "data", registrations_per_minute="3") as server, server.client() as own:
        tokens = [server.token("postback", make_partner(own)) for _ in range(2)]

        def ask(token: str) -> int:
            return httpx.get(f"{server.url}/postback?token={token}&code=none").status_code

        first = [ask(tokens[0]) for _ in range(8)]
        assert set(first) == {422, 429}
        assert ask(tokens[1]) == 422
