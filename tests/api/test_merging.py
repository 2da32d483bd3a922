"""Two profiles of one client become one; and browsers are listed and taken back."""

from typing import Any

import httpx
import pytest

from tests.api.test_attribution import click, make_link, make_partner, register
from tests.serving import Serving


def make_client(api: httpx.Client, code: str, day: int, **profile: Any) -> tuple[str, str]:
    """A client whom a click of a link brought: the profile's id and the click's."""
    only = click(api, code, day, ip=f"8.8.{day}.1")
    return register(api, clickId=only, profile=profile)["profileId"], only


def merge(api: httpx.Client, kept: str, gone: str, expected: int = 200) -> dict[str, Any]:
    answer = api.post(f"/profiles/{kept}/merge", json={"profileId": gone})
    assert answer.status_code == expected, answer.text
    document: dict[str, Any] = answer.json()
    return document


def mail(mark: str) -> dict[str, Any]:
    return {"key": "email", "value": f"{mark}@email.com"}


def test_all_that_was_the_others_is_the_ones(api: httpx.Client, mark: str) -> None:
    links = [make_link(api, mark), make_link(api, f"{mark}-2")]
    phone = {"key": "phone", "value": "+442071838750"}
    kept, first = make_client(api, mark, 3, uuid=f"{mark}-1", firstName="Mary", contacts=[mail(mark)], tags=["a", "b"])
    more = [{**mail(mark), "uuid": f"{mark}-c"}, phone]
    gone, second = make_client(api, f"{mark}-2", 4, uuid=f"{mark}-2", contacts=more, tags=["b", "c"])
    api.patch(f"/profiles/{gone}", json={"countryNumericCode": "840"})
    merged = merge(api, kept, gone)
    assert (merged["profileId"], merged["name"], merged["uuid"]) == (kept, "Mary", f"{mark}-1")
    assert (merged["tags"], merged["countryNumericCode"]) == (["a", "b", "c"], "840")
    contacts = [(each["key"], each["value"], each["uuid"]) for each in merged["contacts"]]
    assert contacts == [("email", f"{mark}@email.com", f"{mark}-c"), ("phone", "+442071838750", None)]
    assert api.get(f"/profiles/{kept}").json() == merged
    assert api.get(f"/profiles/{gone}").status_code == 404
    assert [api.get(f"/clicks/{each}").json()["profileId"] for each in (first, second)] == [kept, kept]
    found = api.get(f"/clicks?filter[tag]=c&filter[linkId]={links[1]}").json()
    assert [each["clickId"] for each in found] == [second]
    assert api.get(f"/clicks/{second}/attribution").json()["profileId"] == kept
    assert api.get(f"/profiles/{kept}/attribution").json()["clickId"] == first  # the first registration brought them
    assert [api.get(f"/links/{each}/metrics").json()["registrations"] for each in links] == [1, 1]


def test_again_changes_nothing(api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    (kept, _), (gone, _) = make_client(api, mark, 3), make_client(api, mark, 4)
    merged = merge(api, kept, gone)
    assert merge(api, kept, gone) == merged
    assert merge(api, gone, kept, 404)["status"] == 404
    other, _ = make_client(api, mark, 5)
    assert merge(api, other, gone, 404)["status"] == 404
    merge(api, other, kept)
    assert merge(api, other, gone)["profileId"] == other  # who became a part of a part


def test_every_uuid_still_stands_for_the_client(api: httpx.Client, mark: str) -> None:
    """The site's systems may go on naming the client by either: no second registration, and no second commission."""
    link = make_link(api, mark)
    kept, first = make_client(api, mark, 3, uuid=f"{mark}-1")
    gone, _ = make_client(api, mark, 4, uuid=f"{mark}-2")
    merge(api, kept, gone)
    new = click(api, mark, 6, ip="8.8.6.1")
    again = register(api, 200, clickId=new, profile={"uuid": f"{mark}-2", "firstName": "Eve"})
    assert (again["profileId"], again["clickId"]) == (kept, first)
    assert api.get(f"/links/{link}/metrics").json()["registrations"] == 2
    tied = api.patch(f"/clicks/{new}", json={"profile": {"uuid": f"{mark}-2", "firstName": "Eve"}}).json()
    shown = api.get(f"/profiles/{kept}").json()
    assert (tied["profileId"], shown["firstName"], shown["uuid"]) == (kept, "Eve", f"{mark}-1")
    assert api.post("/profiles", json={"uuid": f"{mark}-2"}).status_code == 409
    assert api.patch(f"/profiles/{kept}", json={"uuid": f"{mark}-2"}).json()["uuid"] == f"{mark}-2"
    assert api.delete(f"/profiles/{kept}").status_code == 204
    assert register(api, clickId=new, profile={"uuid": f"{mark}-2"})["profileId"] != kept


def test_a_profile_without_a_uuid_takes_the_others(api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    kept, _ = make_client(api, mark, 3)
    gone, _ = make_client(api, mark, 4, uuid=mark, firstName="Mary", lastName="Smith")
    merged = merge(api, kept, gone)
    assert (merged["uuid"], merged["name"]) == (mark, "Mary Smith")


def test_browsers_of_both_are_one_persons(api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    kept, _ = make_client(api, mark, 3, uuid=f"{mark}-1")
    gone, _ = make_client(api, mark, 4, uuid=f"{mark}-2")
    for number in "12":
        api.post("/identities", json={"visitorId": f"{mark}-v{number}", "uuid": f"{mark}-{number}"})
    api.post("/identities", json={"visitorId": f"{mark}-v1", "uuid": f"{mark}-2"})
    merge(api, kept, gone)
    listed = api.get(f"/identities?filter[uuid]={mark}-1&sort_by=visitorId&sort_order=asc").json()
    assert [each["visitorId"] for each in listed] == [f"{mark}-v1", f"{mark}-v2"]
    late = api.post("/identities", json={"visitorId": f"{mark}-v3", "uuid": f"{mark}-2"})
    assert (late.status_code, late.json()["uuid"]) == (201, f"{mark}-1")
    seen = click(api, mark, 8, ip="8.8.8.1", visitorId=f"{mark}-v2")
    made = register(api, uuid=f"{mark}-2", profile={"firstName": "Another"})
    assert made["clickId"] == seen


@pytest.mark.parametrize("what", ["link", "postback", "client"])
def test_a_partner_is_never_a_part_of_another(api: httpx.Client, mark: str, what: str) -> None:
    make_link(api, mark)
    kept, gone = make_partner(api), make_partner(api)
    path, body = {
        "link": ("/links", {"profileId": gone}),
        "postback": ("/postbacks", {"profileId": gone, "uri": "https://x.example/", "events": ["click"]}),
        "client": ("/clients", {"scope": "partner", "partnerId": gone}),
    }[what]
    made = api.post(path, json=body)
    assert made.status_code == 201, made.text
    refused = merge(api, kept, gone, 409)
    assert refused["errors"][0]["pointer"] == "/profileId"
    assert api.get(f"/profiles/{gone}").status_code == 200
    client, _ = make_client(api, mark, 3)
    assert merge(api, gone, client, 409)["errors"][0]["pointer"] == ""  # a client is no partner either
    merge(api, gone, make_partner(api))  # a double of the partner that has nothing yet
    ended = {
        "link": f"/links/{made.json().get('linkId')}",
        "postback": f"/postbacks/{made.json().get('postbackId')}",
        "client": f"/clients/{made.json().get('clientId')}",
    }[what]
    assert api.delete(ended).status_code == 204
    merge(api, kept, gone)


def test_a_partners_word_stays_the_partners(server: Serving, api: httpx.Client, mark: str) -> None:
    """A client of a postback who is merged with the site's own: each keeps knowing them by its own uuid."""
    partner = make_partner(api)
    make_link(api, mark, partner)
    said = click(api, mark, 3, ip="8.8.3.1", time=None)
    token = server.token("postback", partner)
    query = {"token": token, "click_id": said, "profile_uuid": "u-1"}
    gone = httpx.get(f"{server.url}/postback", params=query).json()["profileId"]
    kept, _ = make_client(api, mark, 4, uuid=f"{mark}-site")
    merged = merge(api, kept, gone)
    assert merged["uuid"] == f"{mark}-site"
    again = httpx.get(f"{server.url}/postback", params=query)
    assert (again.status_code, again.json()["profileId"]) == (200, kept)
    assert register(api, 200, clickId=said, profile={"uuid": f"{mark}-site"})["profileId"] == kept
    other = register(api, clickId=click(api, mark, 5), profile={"uuid": "u-1"})  # the site's own u-1 is another person
    assert other["profileId"] != kept


def test_clients_of_two_partners_become_the_sites_own(server: Serving, api: httpx.Client, mark: str) -> None:
    profiles, queries = [], []
    for number in (1, 2):
        partner = make_partner(api)
        make_link(api, f"{mark}-{number}", partner)
        said = click(api, f"{mark}-{number}", 3, ip=f"8.8.3.{number}", time=None)
        queries.append({"token": server.token("postback", partner), "click_id": said, "profile_uuid": f"u-{number}"})
        profiles.append(httpx.get(f"{server.url}/postback", params=queries[-1]).json()["profileId"])
    assert merge(api, *profiles)["uuid"] is None
    for query in queries:
        assert httpx.get(f"{server.url}/postback", params=query).status_code == 200
    named = api.patch(f"/profiles/{profiles[0]}", json={"uuid": mark})
    assert (named.status_code, named.json()["uuid"]) == (200, mark)


def test_only_admins_merge(server: Serving, api: httpx.Client) -> None:
    kept, gone = make_partner(api), make_partner(api)
    for scope in ("read", "write", "partner"):
        with server.client(scope, kept if scope == "partner" else None) as other:
            merge(other, kept, gone, 403)
    assert merge(api, kept, kept, 422)["errors"][0]["pointer"] == "/profileId"
    assert merge(api, kept, "0" * 24, 404)["status"] == 404
    assert api.post(f"/profiles/{kept}/merge", json={}).status_code == 422


def test_identities_are_listed_and_taken_back(server: Serving, api: httpx.Client, mark: str) -> None:
    make_link(api, mark)
    made = [api.post("/identities", json={"visitorId": f"{mark}-{n}", "uuid": mark}).json() for n in range(3)]
    first = api.get(f"/identities?filter[uuid]={mark}&limit=2", headers={"Prefer": "count=exact"})
    assert first.headers["X-Total-Count"] == "3"
    rest = api.get(first.links["next"]["url"])
    assert sorted(first.json() + rest.json(), key=lambda each: each["visitorId"]) == made
    assert api.get(f"/identities?filter[visitorId]={mark}-1").json() == [made[1]]
    path = f"/identities/{made[1]['identityId']}"
    assert api.get(path).json() == made[1]
    with server.client("read") as reader:
        assert reader.get(path).status_code == 200
        assert reader.delete(path).status_code == 403
    with server.client("partner", make_partner(api)) as partner:
        assert [partner.get(each).status_code for each in (path, "/identities")] == [403, 403]
    click(api, mark, 10, visitorId=f"{mark}-1")
    assert [api.delete(path).status_code for _ in range(2)] == [204, 404]
    assert register(api, uuid=mark)["clickId"] is None  # nobody says any more whose that browser is
