"""One person: all that is held, erased, and nothing counted less."""

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.api.test_attribution import click, make_link, make_partner, register
from tests.api.test_time import World, with_app
from tests.serving import Serving

REPORT = (
    "/reports?period=all&metrics=clicks,uniqueClicks,visitors,browsers,registrations,clients,registered&group_by=link"
)
_GONE = ("userAgent", "referrer", "uuid", "latitude", "longitude", "utmTerm", "utmContent")


def make_person(api: httpx.Client, mark: str) -> dict[str, Any]:
    """A client with two browsers and three clicks, one of them in another browser. Names and texts have the mark."""
    make_link(api, mark)
    shown = {
        "ip": "8.8.7.1",
        "userAgent": f"Agent {mark}",
        "uri": f"https://shop.example/p?referral={mark}&who={mark}@x.example"
        f"&utm_campaign=may&utm_source=letter&utm_medium=email&utm_term={mark}@x.example&utm_content={mark}@y.example#f",
    }
    clicks = [
        click(api, mark, day, visitorId=f"{mark}-v{browser}", referrer=f"https://from.example/{mark}", **shown)
        for day, browser in ((2, 1), (3, 1), (4, 2))
    ]
    contact = {"key": "email", "value": f"{mark}@Mail.example"}
    profile = {"uuid": f"{mark}-u", "firstName": f"First{mark}", "contacts": [contact], "tags": [f"tag{mark}"]}
    made = register(api, visitorId=f"{mark}-v1", profile=profile)
    assert api.post("/identities", json={"visitorId": f"{mark}-v2", "uuid": f"{mark}-u"}).status_code == 201
    return {"profile_id": made["profileId"], "clicks": clicks, "attribution_id": made["attributionId"]}


def held(api: httpx.Client, **named: str) -> dict[str, Any]:
    answer = api.get("/persons", params=named)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def erase(api: httpx.Client, expected: int = 200, **named: str) -> dict[str, Any]:
    answer = api.post("/persons/erasures", json=named)
    assert answer.status_code == expected, answer.text
    document: dict[str, Any] = answer.json()
    return document


def figures(api: httpx.Client, mark: str) -> Any:
    rows = api.get(f"{REPORT}&filter[code]={mark}").json()["rows"]
    [link_id] = [row["linkId"] for row in rows]
    campaigns = REPORT.replace("=link", "=utmCampaign,utmSource,utmMedium")
    return rows, api.get(f"/links/{link_id}/metrics").json(), api.get(f"{campaigns}&filter[code]={mark}").json()["rows"]


@pytest.mark.parametrize("key", ["contact", "uuid", "visitorId", "clickId", "profileId"])
def test_each_key_leads_to_all(api: httpx.Client, mark: str, key: str) -> None:
    made = make_person(api, mark)
    values = {
        "contact": f"{mark}@mail.EXAMPLE",
        "uuid": f"{mark}-u",
        "visitorId": f"{mark}-v1",
        "clickId": made["clicks"][2],
        "profileId": made["profile_id"],
    }
    found = held(api, **{key: values[key]})
    assert [each["profileId"] for each in found["profiles"]] == [made["profile_id"]]
    assert [each["contacts"][0]["value"] for each in found["profiles"]] == [f"{mark}@Mail.example"]
    assert sorted(each["visitorId"] for each in found["identities"]) == [f"{mark}-v1", f"{mark}-v2"]
    assert {each["clickId"] for each in found["clicks"]} == set(made["clicks"])
    assert found["clicks"][0]["visitor"]["visitorId"].startswith(mark)
    assert [each["named"]["visitorId"] for each in found["registrations"]] == [f"{mark}-v1"]
    rows = list(csv.reader(io.StringIO(api.get("/persons", params={key: values[key], "format": "csv"}).text)))
    assert ["profiles", "1", "contacts.0.value", f"{mark}@Mail.example"] in rows
    assert sum(row[:1] == ["clicks"] and row[2] == "clickId" for row in rows) == 3


def test_an_erased_person_is_nowhere_and_counts_stay(api: httpx.Client, mark: str) -> None:
    made = make_person(api, mark)
    before = figures(api, mark)
    receipt = erase(api, contact=f"{mark}@mail.example")
    counts = {name: receipt[name] for name in ("profiles", "contacts", "identities", "clicks", "registrations")}
    assert counts == {"profiles": 1, "contacts": 1, "identities": 2, "clicks": 3, "registrations": 1}
    assert mark not in json.dumps(receipt)
    assert figures(api, mark) == before
    for name, value in (("uuid", f"{mark}-u"), ("visitorId", f"{mark}-v1"), ("contact", f"{mark}@mail.example")):
        assert not any(held(api, **{name: value}).values())
    assert api.get(f"/profiles/{made['profile_id']}").status_code == 404
    shown = [api.get(f"/clicks/{each}?query[visitor]=1&query[origin]=1").json() for each in made["clicks"]]
    for each in shown:
        assert (each["ip"][:5], each["uri"]) == ("100::", "https://shop.example/p")
        assert [each[name] for name in _GONE] == [None] * len(_GONE)
        assert each["origin"]["referrerHost"] is None
        assert [each[name] for name in ("utmCampaign", "utmSource", "utmMedium")] == ["may", "letter", "email"]
        assert mark not in json.dumps({**each, "linkId": None})
    assert api.get(f"/clicks/{made['clicks'][1]}/attribution").json()["rule"] == "last-touch"
    registrations = api.get(f"/registrations?filter[linkId]={shown[0]['linkId']}").json()
    assert [each["attributionId"] for each in registrations] == [made["attribution_id"]]
    assert registrations[0]["profileId"] != made["profile_id"]
    stored = api.get(f"/persons/erasures/{receipt['erasureId']}").json()
    assert stored | {"bytesGoneTime": None} == receipt | {"bytesGoneTime": None}


def test_clicks_can_be_deleted_too(api: httpx.Client, mark: str) -> None:
    made = make_person(api, mark)
    other = click(api, mark, 2, ip="8.8.7.2")
    assert erase(api, uuid=f"{mark}-u", clicks="delete")["clicks"] == 3
    assert [api.get(f"/clicks/{each}").status_code for each in made["clicks"]] == [404] * 3
    rows, of_link, _ = figures(api, mark)
    assert [(row["clicks"], row["uniqueClicks"], row["registered"]) for row in rows] == [(1, 1, 1)]
    assert (of_link["clicks"], of_link["registrations"]) == (1, 0)
    assert api.get(f"/clicks/{other}").status_code == 200


def test_an_unknown_person_gets_an_empty_receipt(api: httpx.Client, mark: str) -> None:
    known = make_person(api, mark)
    receipt = erase(api, contact=f"nobody-{mark}@mail.example")
    assert not any(value for name, value in receipt.items() if isinstance(value, int))
    assert receipt.keys() == erase(api, clickId=known["clicks"][0]).keys()
    assert api.get("/persons/erasures/6006dda272f002519c3eb505").status_code == 404


def test_a_browser_of_two_persons_leads_to_neither(api: httpx.Client, mark: str) -> None:
    made = make_person(api, mark)
    register(api, visitorId=f"{mark}-v2", profile={"uuid": f"{mark}-other", "firstName": "Other"})
    found = held(api, visitorId=f"{mark}-v2")
    assert (found["profiles"], found["clicks"]) == ([], [])
    receipt = erase(api, visitorId=f"{mark}-v2")
    assert (receipt["profiles"], receipt["identities"], receipt["registrations"]) == (0, 0, 0)
    assert api.get(f"/profiles/{made['profile_id']}").json()["uuid"] == f"{mark}-u"


def test_two_erasures_at_once_erase_once(api: httpx.Client, mark: str) -> None:
    make_person(api, mark)
    before = figures(api, mark)
    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(lambda _: erase(api, uuid=f"{mark}-u"), range(4)))
    assert sorted(each["clicks"] for each in receipts) == [0, 0, 0, 3]
    assert figures(api, mark) == before


def test_a_partner_is_not_erased(api: httpx.Client, mark: str) -> None:
    partner = make_partner(api)
    contact = {"key": "email", "value": f"{mark}@partner.example"}
    assert api.post(f"/profiles/{partner}/contacts", json=contact).status_code == 201
    make_link(api, mark, partner)
    for key, value in (("contact", contact["value"]), ("profileId", partner)):
        refused = erase(api, 409, **{key: value})
        assert refused["detail"].startswith("The person is a partner. Give its links")
        assert [mistake["pointer"] for mistake in refused["errors"]] == [f"/{key}"]
    assert held(api, contact=contact["value"])["profiles"][0]["profileId"] == partner


def test_a_person_with_too_many_clicks_is_refused_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clicktrail.store.privacy.persons.MOST_CLICKS", 2)

    async def work(world: World) -> None:
        body = {"ip": "8.8.8.8", "uri": "https://x.example/", "visitorId": "v"}
        for day in (1, 2, 3):
            assert (await world.api.post("/clicks", json=body | {"time": f"2024-05-0{day}T00:00:00Z"})).is_success
        for answer in (
            await world.api.post("/persons/erasures", json={"visitorId": "v"}),
            await world.api.get("/persons?visitorId=v"),
        ):
            assert (answer.status_code, answer.json()["detail"]) == (
                409,
                "The person has more than 2 clicks; delete some by DELETE /clicks with filters.",
            )
        clicks = (await world.api.get("/clicks")).json()
        assert [each["ip"] for each in clicks] == ["8.8.8.8"] * 3
        assert (await world.api.delete(f"/clicks/{clicks[0]['clickId']}")).is_success
        assert (await world.api.post("/persons/erasures", json={"visitorId": "v"})).json()["clicks"] == 2

    with_app(tmp_path, work)


@pytest.mark.parametrize("query", ["", "?uuid=1&contact=a@b.example", "?clickId=x", "?person=x"])
def test_a_person_is_named_by_one_value(api: httpx.Client, query: str) -> None:
    assert api.get(f"/persons{query}").status_code == 400
    assert api.post("/persons/erasures", json={}).status_code == 422
    two = api.post("/persons/erasures", json={"uuid": "1", "contact": "a@b.example"})
    assert (two.status_code, two.json()["errors"][0]["detail"][:25]) == (422, "must have exactly one of ")
    assert api.post("/persons/erasures", json={"uuid": "1", "clicks": "keep"}).status_code == 422


def test_history_and_audit_know_of_an_erasure_and_not_of_whom(api: httpx.Client, mark: str) -> None:
    made = make_person(api, mark)
    receipt = erase(api, profileId=made["profile_id"])
    history = [api.get(f"/clicks/{each}/history").json() for each in made["clicks"]]
    assert {events[0]["reason"] for events in history} == {"its person was erased"}
    assert made["profile_id"] not in json.dumps(history)
    assert mark not in json.dumps(history)
    entries = api.get("/audit?filter[action]=erasePerson&limit=1").json()
    assert (entries[0]["objectType"], entries[0]["objectId"]) == ("erasure", receipt["erasureId"])
    erased, noted = (datetime.fromisoformat(each["time"]) for each in (receipt, entries[0]))
    assert erased <= noted < erased + timedelta(seconds=10)
    held(api, uuid=mark)
    shown = api.get("/audit?filter[action]=exportPerson&limit=1").json()
    assert mark not in json.dumps([entries, shown])
    assert len(shown) == 1


def test_history_forgets_the_profile_that_was_merged(api: httpx.Client, mark: str) -> None:
    other, made = (make_person(api, f"{mark}{each}") for each in "ab")
    merged = {"profileId": other["profile_id"]}
    assert api.post(f"/profiles/{made['profile_id']}/merge", json=merged).status_code == 200
    before = api.get(f"/clicks/{other['clicks'][2]}/history").json()
    before += api.get(f"/clicks/{other['clicks'][1]}/history").json()
    assert other["profile_id"] in json.dumps(before)
    erase(api, profileId=made["profile_id"])
    for each in other["clicks"]:
        assert other["profile_id"] not in api.get(f"/clicks/{each}/history").text
    again = api.post("/imports", json=[{"profileId": other["profile_id"], "firstName": "Back"}]).json()["results"]
    assert again[0]["errors"] == [{"pointer": "", "detail": "belongs to a person who was erased"}]


def test_a_partners_word_leads_to_no_client_of_the_operator(server: Serving, api: httpx.Client, mark: str) -> None:
    """A partner's own key of a client may be any text, also the uuid of someone else."""
    victim = make_person(api, mark)
    partner = make_partner(api)
    make_link(api, f"{mark}-p", partner)
    clicked = click(api, f"{mark}-p", 5)
    query = f"token={server.token('postback', partner)}&click_id={clicked}&profile_uuid={mark}-u"
    told = httpx.get(f"{server.url}/postback?{query}&first_name=Mallory&email=mallory-{mark}@mail.example")
    assert told.status_code == 201, told.text
    found = held(api, contact=f"mallory-{mark}@mail.example")
    assert [profile["firstName"] for profile in found["profiles"]] == ["Mallory"]
    assert [each["clickId"] for each in found["clicks"]] == [clicked]
    receipt = erase(api, contact=f"mallory-{mark}@mail.example")
    assert (receipt["profiles"], receipt["clicks"], receipt["registrations"]) == (1, 1, 1)
    assert api.get(f"/profiles/{victim['profile_id']}").json()["uuid"] == f"{mark}-u"
    assert len(held(api, uuid=f"{mark}-u")["clicks"]) == 3


def test_who_shares_a_browser_loses_nothing(api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    shared = f"{mark}-library"
    unknown = click(api, mark, 2, ip="8.8.7.9", visitorId=shared)
    ann, bob = (
        register(
            api, visitorId=shared, clickId=click(api, mark, day, ip=f"8.8.7.{day}", visitorId=shared), profile=each
        )
        for day, each in (
            (3, {"firstName": "Ann", "uuid": f"{mark}-ann"}),
            (4, {"firstName": "Bob", "uuid": f"{mark}-bob"}),
        )
    )
    assert [each["profileId"] for each in held(api, uuid=f"{mark}-ann")["registrations"]] == [ann["profileId"]]
    receipt = erase(api, uuid=f"{mark}-ann")
    assert (receipt["profiles"], receipt["clicks"], receipt["registrations"]) == (1, 1, 1)
    assert api.get(f"/clicks/{unknown}").json()["ip"] == "8.8.7.9"
    found = held(api, uuid=f"{mark}-bob")
    assert [each["profileId"] for each in found["registrations"]] == [bob["profileId"]]
    assert len(found["profiles"]) == 1


@pytest.mark.parametrize("key", ["profile", "original", "repeat"])
def test_repeats_go_with_the_click_that_they_repeat(api: httpx.Client, mark: str, key: str) -> None:
    make_link(api, mark)
    same = {"ip": "203.0.113.77", "userAgent": f"Agent {mark}"}
    original = click(api, mark, 2, **same)
    body = {**same, "uri": f"https://shop.example/?referral={mark}", "time": "2024-05-02T10:00:05+00:00"}
    repeat = api.post("/clicks", json=body).json()["clickId"]
    assert api.get(f"/clicks/{repeat}?query[visitor]=1").json()["visitor"]["duplicateOf"] == original
    named = {"original": {"clickId": original}, "repeat": {"clickId": repeat}}
    if key == "profile":
        register(api, clickId=repeat, profile={"uuid": f"{mark}-u"})
    assert erase(api, **named.get(key, {"uuid": f"{mark}-u"}))["clicks"] == 2
    assert [api.get(f"/clicks/{each}").json()["ip"][:5] for each in (original, repeat)] == ["100::"] * 2


def test_a_raw_plus_is_a_plus_sign_in_a_contact(api: httpx.Client, mark: str) -> None:
    number = f"+4930{int(mark[1:], 16) % 10**7:07}"
    contacts = [{"key": "email", "value": f"a+{mark}@mail.example"}, {"key": "phone", "value": number}]
    made = api.post("/profiles", json={"firstName": "Plus", "contacts": contacts})
    assert made.status_code == 201, made.text
    spelled = [f"a+{mark}@mail.example", number, "%2B49+30+" + number[5:], "00" + number[1:]]
    for contact in (*spelled, *(each.replace("+", "%2B") for each in spelled[:2])):
        found = api.get(f"/persons?contact={contact}").json()
        assert [each["profileId"] for each in found["profiles"]] == [made.json()["profileId"]], contact


def test_a_contact_is_found_in_any_spelling(api: httpx.Client, mark: str) -> None:
    number, address = f"+4930{int(mark[1:], 16) % 10**7:07}", f"j\u00fcrgen.{mark}@mail.example"
    contacts = [{"key": "email", "value": f" {address}"}, {"key": "phone", "value": f" {number} ext. 5 "}]
    made = api.post("/profiles", json={"firstName": "Odd", "contacts": contacts})
    assert made.status_code == 201, made.text
    spelled = [address, f" {address}\n", address.upper(), address.replace("\u00fc", "u\u0308")]
    for contact in (*spelled, f" {number} ext. 5", f"tel:{number};ext=5"):
        found = api.get(f"/persons?contact={quote(contact)}").json()
        assert [each["profileId"] for each in found["profiles"]] == [made.json()["profileId"]], contact
    assert erase(api, contact=f" {number} ext. 5 ")["profiles"] == 1


@pytest.mark.parametrize("contact", ["0307654321", "grace", "+4", "+49grace"])
def test_what_is_no_contact_is_refused(api: httpx.Client, contact: str) -> None:
    asked = api.get("/persons", params={"contact": contact})
    told = api.post("/persons/erasures", json={"contact": contact})
    assert (asked.status_code, told.status_code) == (400, 422)
    text = "is neither an e-mail address nor a phone number with its country code, such as +49 30 1234567"
    assert asked.json()["errors"] == [{"detail": text, "parameter": "contact"}]
    assert told.json()["errors"] == [{"detail": text, "pointer": "/contact"}]
