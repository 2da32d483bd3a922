"""The reference's six curl lines, sent by curl itself, with only base URL, token and ids replaced."""

import json
import subprocess

import httpx
import pytest

from tests.serving import Serving

USER_AGENT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/14.1.2 Safari/605.1.15"
)
CURL = ("curl", "--silent", "--location", "-g", "--write-out", "\n%{http_code}")
LIST = (
    "{base}/clicks?limit=10&offset=0&sort_by=createTime&sort_order=desc&filter[bannerId]={banner}"
    "&filter[clickStartTime]=2021-01-01T00:00:00+00:00&filter[clickEndTime]=2021-01-31T23:59:59+00:00"
    "&filter[countryCode]=US&filter[countryName]=United%20States&filter[ip]=8.8.8.8&filter[linkId]={link}"
    "&filter[latitude]=37.751&filter[longitude]=-97.822&filter[registration]=1&filter[profileName]=Mary%20Jane%20Smith"
    "&filter[profileContacts]=a31b1402@privaterelay.appleid.com&filter[profileCountryName]=United%20States"
    "&filter[referrer]=https://twitter.com&filter[tag]=61&filter[uri]=https://my.stage.org/register?referral=ref1"
    "&filter[userAgent]={agent}&filter[utmCampaign]=sport&filter[utmContent]=UEFA&filter[utmContent]=banner"
    "&filter[utmContent]=youtube.com&filter[utmContent]=bitcoin&filter[uuid]=9"
    "&query[link]=1&query[profile]=1&query[metrics]=1&query[contacts]=1"
)
CLICK = """{
  "ip": "185.155.96.184",
  "uri": "https://my.stage.org/register?referral=1",
  "locale": null,
  "referrer": "https://twitter.com",
  "time": "2021-01-01T00:00:00+00:00",
  "userAgent": "%s",
  "uuid": null
}"""
REGISTRATION = """{
  "profile": {
    "firstName": "Mary",
    "lastName": "Smith",
    "middleName": "Jane",
    "enabled": true,
    "uuid": null,
    "contacts": [
      {
        "key": "email",
        "value": "client@email.com",
        "uuid": null
      },
      {
        "key": "phone",
        "value": "+9876543210",
        "uuid": null
      }
    ]
  }
}"""
CONTRACT_KEYS = """clickId time referrer ip uri userAgent utmCampaign utmContent utmMedium utmSource utmTerm
profileId linkId bannerId bannerName bannerCdnFileUrl cdnFileUrl latitude longitude countryCode countryName createTime
updateTime uuid"""


def curl(token: str, url: str, *options: str) -> tuple[int, object]:
    done = subprocess.run(
        [*CURL, url, *options, "--header", f"Authorization: Bearer {token}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body) if body else None


@pytest.fixture(scope="module")
def token(server: Serving) -> str:
    return server.token()


def test_add_a_click(server: Serving, token: str) -> None:
    status, click = curl(token, f"{server.url}/clicks", "--request", "POST", "--data-raw", CLICK % USER_AGENT)
    assert status == 201
    assert isinstance(click, dict)
    assert list(click) == CONTRACT_KEYS.split()
    assert click["time"] == "2021-01-01T00:00:00+00:00"
    assert (click["ip"], click["countryCode"], click["countryName"]) == ("185.155.96.184", "EE", "Estonia")
    assert (click["referrer"], click["userAgent"], click["uuid"]) == ("https://twitter.com", USER_AGENT, None)


def test_a_client_that_keeps_the_click_sends_it_back_with_the_profile(server: Serving, token: str) -> None:
    base = f"{server.url}/clicks/"
    _, click = curl(token, base, "--request", "POST", "--data-raw", CLICK % USER_AGENT)
    assert isinstance(click, dict)
    client = json.loads(REGISTRATION)["profile"]
    client |= {"middleName": "", "contacts": client["contacts"][0]}
    body = json.dumps(click | {"profile": client})
    url = f"{base}{click['clickId'].upper()}?_=1"
    for method in ("PUT", "PATCH"):
        status, updated = curl(token, url, "--request", method, "--data-raw", body)
        assert (status, isinstance(updated, dict)) == (200, True), updated
    _, shown = curl(token, f"{url}&query[profile]=1&query[contacts]=1&query[link]=1&query[metrics]=1")
    assert isinstance(shown, dict)
    assert (shown["profile"]["name"], len(shown["contacts"])) == ("Mary Smith", 1)
    assert curl(token, base + click["clickId"], "--request", "PUT", "--data-raw", json.dumps(shown))[0] == 200
    assert curl(token, base, "--request", "POST", "--data-raw", json.dumps(shown))[0] == 200


def test_the_whole_life_of_a_click(server: Serving, token: str, api: httpx.Client) -> None:
    partner = api.post("/profiles", json={"firstName": "Mary", "middleName": "Jane", "lastName": "Smith"}).json()
    banner = api.post(
        "/banners", json={"bannerName": "Tight Spreads", "cdnFileUrl": "https://cdn.example.com/b.png"}
    ).json()
    link = api.post(
        "/links", json={"code": "ref1", "profileId": partner["profileId"], "bannerId": banner["bannerId"]}
    ).json()
    sent = {
        "ip": "8.8.8.8",
        "uri": "https://my.stage.org/register?referral=ref1&utm_campaign=sport&utm_content=UEFA&utm_medium=banner",
        "referrer": "https://twitter.com",
        "time": "2021-01-02T00:00:00+00:00",
        "userAgent": USER_AGENT,
        "uuid": "9",
    }
    base = f"{server.url}/clicks"
    status, click = curl(token, base, "--request", "POST", "--data-raw", json.dumps(sent))
    assert status == 201
    assert isinstance(click, dict)
    url = f"{base}/{click['clickId']}"

    status, updated = curl(token, url, "--request", "PUT", "--data-raw", REGISTRATION)
    assert status == 200
    assert isinstance(updated, dict)
    assert updated["profileId"] is not None
    mended = {"contacts": [{"key": "email", "value": "a31b1402@privaterelay.appleid.com"}], "tags": ["61"]}
    changed = api.patch(f"/profiles/{updated['profileId']}", json=mended | {"countryNumericCode": "840"})
    assert changed.status_code == 200, changed.text

    agent = USER_AGENT.replace(" ", "%20")
    listing = LIST.format(base=server.url, banner=banner["bannerId"], link=link["linkId"], agent=agent)
    status, found = curl(token, listing, "--request", "GET")
    assert status == 200, found
    assert isinstance(found, list)
    assert len(found) == 1
    assert found[0]["clickId"] == click["clickId"]
    assert (found[0]["bannerName"], found[0]["bannerCdnFileUrl"]) == ("Tight Spreads", "https://cdn.example.com/b.png")
    assert (found[0]["latitude"], found[0]["longitude"]) == ("37.751", "-97.822")
    assert found[0]["link"]["code"] == "ref1"
    assert found[0]["profile"]["name"] == "Mary Jane Smith"
    assert [contact["key"] for contact in found[0]["contacts"]] == ["email"]
    assert found[0]["metrics"]["conversionRate"] == "100.00"

    expanded = f"{url}?query[link]=1&query[profile]=1&query[metrics]=1&query[contacts]=1"
    assert curl(token, expanded, "--request", "GET") == (200, found[0])
    assert curl(token, url, "--request", "DELETE") == (204, None)
    assert curl(token, url, "--request", "DELETE")[0] == 404
    assert api.get(f"/profiles/{updated['profileId']}").status_code == 200
