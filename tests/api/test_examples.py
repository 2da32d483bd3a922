"""The examples and the order of the OpenAPI document, which readers of /docs go by."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving import Serving, serving

TAGS = [
    "Recording",
    "Registering",
    "Asking",
    "Reports",
    "Links",
    "Profiles",
    "Persons",
    "Banners",
    "Sites",
    "Tracking",
    "Postbacks",
    "Tokens",
    "Users",
    "Operating",
]
NEEDS_MORE = {
    "createToken": "credentials",
    "revokeToken": "the id of a token",
    "collect": "the key of a site",
    "createPostback": "a partner",
    "signIn": "a user",
    "acceptInvitation": "the token of an invitation",
    **dict.fromkeys(("confirmPassword", "changePassword", "beginSecondFactor", "confirmSecondFactor"), "a session"),
}
"""Bodies that cannot be taken on an empty store -> what they name."""


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Serving]:
    with serving(tmp_path / "data") as running:
        yield running


def test_every_example_of_a_new_object_is_taken_on_an_empty_store(empty: Serving) -> None:
    document = httpx.get(f"{empty.url}/openapi.json").json()
    schemas = document["components"]["schemas"]
    tried = []
    with empty.client() as api:
        for path, operation in ((path, each["post"]) for path, each in document["paths"].items() if "post" in each):
            if "{" in path or operation["operationId"] in NEEDS_MORE:
                continue
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            schema = schemas[name]
            is_list = schema.get("type") == "array"
            example = schemas[schema["items"]["$ref"].rpartition("/")[2]]["example"] if is_list else schema["example"]
            answer = api.post(path, json=[example] if is_list else example)
            assert answer.status_code in (200, 201, 204), f"{path}: {answer.text}"
            tried.append(operation["operationId"])
    assert {"createClick", "createClicks", "createRegistration", "createLink", "createProfile", "createSite"} <= set(
        tried
    )
    assert len(tried) >= 12


def test_the_example_of_a_beacon_is_refused_as_its_description_says(empty: Serving) -> None:
    operation = httpx.get(f"{empty.url}/openapi.json").json()["paths"]["/collect"]["post"]
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    example = httpx.get(f"{empty.url}/openapi.json").json()["components"]["schemas"][name]["example"]
    assert httpx.post(f"{empty.url}/collect", json=example).status_code == 403
    assert "All other beacons get 403, also the example as it is." in operation["description"]


def test_operations_are_grouped_in_the_order_of_use(empty: Serving) -> None:
    document = httpx.get(f"{empty.url}/openapi.json").json()
    assert [tag["name"] for tag in document["tags"]] == TAGS
    groups: dict[str, list[str]] = {}
    for path in document["paths"].values():
        for operation in path.values():
            groups.setdefault(operation["tags"][0], []).append(operation["operationId"])
    assert next(iter(groups)) == "Recording"
    assert set(groups) == set(TAGS)
    assert groups["Recording"] == ["createClick", "createClicks"]
    assert groups["Registering"][0] == "createRegistration"
    assert groups["Asking"][0] == "listClicks"
