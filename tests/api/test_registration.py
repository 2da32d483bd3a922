"""PUT and PATCH on a click: the client who registered through it."""

from typing import Any

import httpx
import pytest

CLIENT: dict[str, Any] = {
    "firstName": "Mary",
    "lastName": "Smith",
    "middleName": "Jane",
    "enabled": True,
    "uuid": None,
    "contacts": [
        {"key": "email", "value": "client@email.com", "uuid": None},
        {"key": "phone", "value": "+9876543210", "uuid": None},
    ],
}


@pytest.fixture
def click(api: httpx.Client) -> str:
    answer = api.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/"})
    click_id: str = answer.json()["clickId"]
    return click_id


def profile_of(api: httpx.Client, click_id: str) -> dict[str, Any]:
    profile: dict[str, Any] = api.get(f"/clicks/{click_id}?query[profile]=1").json()["profile"]
    return profile


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("content", [{"profile": CLIENT}, CLIENT])
def test_the_first_call_makes_the_client(api: httpx.Client, click: str, method: str, content: dict[str, Any]) -> None:
    answer = api.request(method, f"/clicks/{click}", json=content)
    assert answer.status_code == 200, answer.text
    profile = profile_of(api, click)
    assert answer.json()["profileId"] == profile["profileId"]
    assert profile["name"] == "Mary Jane Smith"
    assert [(contact["key"], contact["value"]) for contact in profile["contacts"]] == [
        ("email", "client@email.com"),
        ("phone", "+9876543210"),
    ]


def test_a_repeated_call_changes_nothing(api: httpx.Client, click: str) -> None:
    first = api.put(f"/clicks/{click}", json={"profile": CLIENT}).json()
    before = profile_of(api, click)
    assert api.put(f"/clicks/{click}", json={"profile": CLIENT}).json() == first
    assert profile_of(api, click) == before


def test_a_later_call_updates_the_same_client(api: httpx.Client, click: str) -> None:
    api.put(f"/clicks/{click}", json={"profile": CLIENT})
    before = profile_of(api, click)
    api.patch(f"/clicks/{click}", json={"profile": {"firstName": "Ann", "middleName": ""}})
    after = profile_of(api, click)
    assert (after["profileId"], after["name"], after["contacts"]) == (
        before["profileId"],
        "Ann Smith",
        before["contacts"],
    )


def test_contacts_that_stay_keep_their_ids(api: httpx.Client, click: str) -> None:
    api.put(f"/clicks/{click}", json=CLIENT)
    email, phone = profile_of(api, click)["contacts"]
    wanted = [{"key": "phone", "value": "+9876543210"}, {"key": "email", "value": "new@email.com"}]
    api.patch(f"/clicks/{click}", json={"contacts": wanted})
    contacts = profile_of(api, click)["contacts"]
    assert [contact["value"] for contact in contacts] == ["+9876543210", "new@email.com"]
    assert contacts[0]["contactId"] == phone["contactId"]
    assert contacts[1]["contactId"] != email["contactId"]


def test_a_known_uuid_ties_a_second_click_to_the_same_client(api: httpx.Client, click: str, mark: str) -> None:
    other = api.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/"}).json()["clickId"]
    first = api.put(f"/clicks/{click}", json={"profile": CLIENT | {"uuid": mark}}).json()
    second = api.put(f"/clicks/{other}", json={"profile": CLIENT | {"uuid": mark}}).json()
    assert first["profileId"] == second["profileId"]
    assert len(api.get(f"/profiles?filter[uuid]={mark}").json()) == 1


def test_a_click_never_moves_from_one_client_to_another(api: httpx.Client, click: str, mark: str) -> None:
    api.post("/profiles", json={"firstName": "Other", "uuid": mark})
    first = api.put(f"/clicks/{click}", json=CLIENT).json()
    refused = api.put(f"/clicks/{click}", json=CLIENT | {"uuid": mark})
    assert refused.status_code == 409
    assert api.get(f"/clicks/{click}").json() == first


def test_put_needs_every_field_and_says_which(api: httpx.Client, click: str) -> None:
    refused = api.put(f"/clicks/{click}", json={"profile": {"firstName": "Mary", "contacts": [{"key": "fax"}]}})
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [
        "/profile/enabled",
        "/profile/lastName",
        "/profile/middleName",
        "/profile/uuid",
        "/profile/contacts/0/value",
    ]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"firstName": "x" * 256}, "/firstName"),
        ({"firstName": ["Mary"]}, "/firstName"),
        ({"enabled": "yes"}, "/enabled"),
        ({"surname": "x"}, "/surname"),
        ({"contacts": "client@email.com"}, "/contacts"),
        ({"contacts": [{"key": "email", "value": "not an address"}]}, "/contacts/0/value"),
        ({"contacts": [{"key": "phone", "value": "9876543210"}]}, "/contacts/0/value"),
        ({"contacts": [{"key": "fax", "value": "1"}]}, "/contacts/0/key"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    api: httpx.Client, click: str, fields: dict[str, Any], pointer: str
) -> None:
    refused = api.patch(f"/clicks/{click}", json=fields)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert api.get(f"/clicks/{click}").json()["profileId"] is None


def test_registration_of_no_click_is_404(api: httpx.Client) -> None:
    assert api.put("/clicks/000000000000000000000000", json=CLIENT).status_code == 404


def test_a_contact_uuid_of_another_client_is_a_conflict_and_nothing_is_stored(
    api: httpx.Client, click: str, mark: str
) -> None:
    contact = {"key": "email", "value": "one@email.com", "uuid": mark}
    api.post("/profiles", json={"contacts": [contact]})
    refused = api.put(f"/clicks/{click}", json=CLIENT | {"firstName": mark, "contacts": [contact]})
    assert refused.status_code == 409
    assert api.get(f"/clicks/{click}").json()["profileId"] is None
    assert api.get(f"/profiles?filter[firstName]={mark}").json() == []


def test_a_deleted_client_leaves_its_clicks(api: httpx.Client, click: str) -> None:
    profile_id = api.put(f"/clicks/{click}", json=CLIENT).json()["profileId"]
    assert api.delete(f"/profiles/{profile_id}").status_code == 204
    assert api.get(f"/clicks/{click}").json()["profileId"] is None
