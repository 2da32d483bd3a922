"""What `GET /links/{linkId}/visit` says is what a visit then gets."""

import httpx
import pytest

from tests.api.test_redirects import BROWSER, LANDING, clicks_of, follow
from tests.browser.programme import ROBOT
from tests.serving import Serving

PREVIEW = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"


@pytest.mark.parametrize(
    ("agent", "is_recorded", "is_bot"), [(BROWSER, True, False), (ROBOT, True, True), (PREVIEW, False, True)]
)
def test_the_answer_is_what_a_visit_gets(
    server: Serving, api: httpx.Client, mark: str, agent: str, is_recorded: bool, is_bot: bool
) -> None:
    link = api.post("/links", json={"code": mark, "uri": LANDING, "redirectStatus": 307}).json()
    query = "utm_campaign=may&a=b%20c"
    said = api.get(f"/links/{link['linkId']}/visit", params={"query": query, "user_agent": agent}).json()
    assert clicks_of(api, link) == []
    answer = follow(server, f"/r/{mark}?{query}", **{"User-Agent": agent})
    clicks = api.get(f"/clicks?filter[linkId]={link['linkId']}&query[visitor]=1").json()
    assert said["status"] == answer.status_code == 307
    assert answer.headers["Location"] == said["location"].replace(
        "#top", f"&click_id={clicks[0]['clickId']}#top" if is_recorded else "#top"
    )
    assert (said["isRecorded"], len(clicks)) == (is_recorded, int(is_recorded))
    assert said["isBot"] == is_bot
    if clicks:
        assert (said["isBot"], said["botRule"]) == (clicks[0]["visitor"]["isBot"], clicks[0]["visitor"]["botRule"])


def test_a_link_that_is_over(server: Serving, api: httpx.Client, mark: str) -> None:
    link = api.post("/links", json={"code": mark, "uri": LANDING, "enabled": False}).json()
    path = f"/links/{link['linkId']}"
    gone = api.get(f"{path}/visit").json()
    assert (gone["status"], gone["location"], gone["isRecorded"]) == (410, None, False)
    assert gone["reason"] == "This link is disabled."
    assert follow(server, f"/r/{mark}").status_code == 410
    api.patch(path, json={"fallbackUri": "https://shop.example.org/over"})
    fallback = api.get(f"{path}/visit").json()
    assert fallback["location"] == follow(server, f"/r/{mark}").headers["Location"] == "https://shop.example.org/over"
    assert (fallback["isLanding"], fallback["isRecorded"], fallback["reason"]) == (False, False, None)


def test_a_partner_tests_his_own_links_alone(server: Serving, api: httpx.Client, mark: str) -> None:
    own, other = (api.post("/profiles", json={"firstName": name}).json()["profileId"] for name in ("Ann", "Ben"))
    link = api.post("/links", json={"code": mark, "uri": LANDING, "profileId": own}).json()
    for partner, status in ((own, 200), (other, 404)):
        with server.client("partner", partner) as client:
            assert client.get(f"/links/{link['linkId']}/visit").status_code == status


def test_links_are_searched_and_partners_found(api: httpx.Client, mark: str) -> None:
    partner, client = (api.post("/profiles", json={"firstName": f"{mark}{n}"}).json()["profileId"] for n in (1, 2))
    landing = f"https://shop.example.org/{mark}"
    bodies = (
        {"code": f"x{mark.upper()}"},
        {"name": f"Spring {mark}"},
        {"uri": landing, "profileId": partner},
        {"name": "Other"},
    )
    ids = [api.post("/links", json=body).json()["linkId"] for body in bodies]
    found = [each["linkId"] for each in api.get(f"/links?filter[search]={mark}&sort_by=linkId&sort_order=asc").json()]
    assert found == sorted(ids[:3])
    assert len(api.get(f"/links?filter[linkId][in]={ids[0]},{ids[3]}").json()) == 2
    for flag, expected in ((1, partner), (0, client)):
        rows = api.get(f"/profiles?filter[name]={mark}&filter[isPartner]={flag}").json()
        assert [row["profileId"] for row in rows] == [expected]
        assert "isPartner" not in rows[0]
