"""History and `as_of` over HTTP."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest

from tests.serving import Serving
from tests.waiting import until


def now() -> str:
    return datetime.now(UTC).isoformat()


def passed(moment: str) -> bool:
    """Whether a new second has begun: an id says only the second of its object."""
    return int(datetime.now(UTC).timestamp()) > int(datetime.fromisoformat(moment).timestamp())


def test_a_click_as_it_was_before_its_client_and_after_it_is_gone(api: httpx.Client, mark: str) -> None:
    partner = api.post("/profiles", json={"firstName": "P"}).json()["profileId"]
    link = api.post("/links", json={"code": mark, "profileId": partner}).json()["linkId"]
    body = {"ip": "8.8.8.8", "uri": f"https://a.example/?referral={mark}"}
    click = api.post("/clicks", json=body).json()
    path = f"/clicks/{click['clickId']}"
    before = now()
    until(lambda: passed(before), "a second ends")
    client = api.patch(path, json={"firstName": "Mary"}).json()["profileId"]
    between = now()
    until(lambda: passed(between), "a second ends")
    later = api.post("/clicks", json=body).json()["clickId"]
    assert api.get(f"{path}?as_of={quote(before)}").json() == click
    assert api.get(f"{path}?as_of={between}").json()["profileId"] == client  # a raw plus is an offset
    listed = api.get(f"/clicks?filter[linkId]={link}&as_of={quote(before)}", headers={"Prefer": "count=exact"})
    assert [each["profileId"] for each in listed.json()] == [None]
    assert listed.headers["X-Total-Count"] == "1"
    [change] = api.get(f"{path}/history").json()
    assert change["changes"] == [{"key": "profileId", "before": None, "after": client}]
    assert (change["actorKind"], change["reason"], change["isDeleted"]) == (
        *("token", "a client registered through it"),
        False,
    )
    api.delete(path)
    api.delete(f"/clicks/{later}")
    question = f"metrics=clicks,registrations,registered&filter[linkId]={link}&group_by=partner"
    for moment, figures in ((before, (1, 0, 0)), (between, (1, 1, 1))):
        report = api.get(f"/reports?{question}&as_of={quote(moment)}").json()
        assert tuple(report["totals"][name] for name in ("clicks", "registrations", "registered")) == figures
        assert report["rows"][0]["partnerId"] == partner
        assert report["meta"]["deletedSince"] >= 1
    assert api.get(f"/reports?{question}").json()["totals"]["clicks"] == 0
    first, second = api.get(f"{path}/history").json()
    assert (first["isDeleted"], first["changes"], second["isDeleted"]) == (True, [], False)
    assert api.get(path).status_code == 404


def test_who_owned_a_link(api: httpx.Client, server: Serving, mark: str) -> None:
    one, two = (api.post("/profiles", json={"firstName": "P"}).json()["profileId"] for _ in range(2))
    link = api.post("/links", json={"code": mark, "profileId": one}).json()["linkId"]
    before = now()
    until(lambda: passed(before), "a second ends")
    api.patch(f"/links/{link}", json={"profileId": two})
    for path in (f"/links/{link}?as_of={quote(before)}", f"/links?filter[linkId]={link}&as_of={quote(before)}"):
        found = api.get(path).json()
        assert (found if isinstance(found, dict) else found[0])["profileId"] == one
    [change] = api.get(f"/links/{link}/history").json()
    assert change["changes"] == [{"key": "profileId", "before": one, "after": two}]
    with server.client("partner", one) as old, server.client("partner", two) as new:
        assert old.get(f"/links/{link}/history").status_code == 404
        assert old.get(f"/links?as_of={quote(before)}").json() == []  # the link is another partner's now
        assert new.get(f"/links?as_of={quote(before)}").json() == []  # and was not this one's then
        assert new.get(f"/links/{link}/history").json()[0]["actor"] is None


@pytest.mark.parametrize("path", ["/clicks", "/links", "/reports", f"/clicks/{'0' * 24}", f"/links/{'0' * 24}"])
def test_a_moment_that_is_not_known_is_refused(api: httpx.Client, path: str) -> None:
    for moment in ("2001-01-01T00:00:00Z", (datetime.now(UTC) + timedelta(days=1)).isoformat(), "yesterday"):
        refused = api.get(f"{path}?as_of={quote(moment)}")
        assert refused.status_code == 400, refused.text
        assert [each["parameter"] for each in refused.json()["errors"]] == ["as_of"]
