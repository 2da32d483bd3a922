"""Clients that were written for somebody else's server: what has one plain meaning is taken."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from clicktrail.choices import read_reading
from clicktrail.settings import SettingsError, load_settings
from tests.serving import Serving, serving

Json = dict[str, Any]
LENIENT = {"Prefer": "handling=lenient"}


def hit(mark: str = "", **body: Any) -> Json:
    return {"ip": "8.8.8.8", "uri": f"https://x.example/?utm_source={mark}"} | body


def created(answer: httpx.Response) -> Json:
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


class TestAbsent:
    def test_empty_texts_of_a_click(self, api: httpx.Client) -> None:
        body = hit(uuid="", referrer="", userAgent="", locale="", time="", visitorId="", clickId="")
        first, second = (created(api.post("/clicks", json=body)) for _ in range(2))
        assert first["clickId"] != second["clickId"]
        assert [first[name] for name in ("uuid", "referrer", "userAgent")] == [None] * 3

    def test_empty_texts_of_other_objects(self, api: httpx.Client, mark: str) -> None:
        link = created(
            api.post("/links", json=dict.fromkeys(("code", "profileId", "bannerId", "name", "uri", "uuid"), ""))
        )
        assert link["code"]
        assert [link[name] for name in ("profileId", "bannerId", "uri", "uuid")] == [None] * 4
        body = {"firstName": None, "lastName": mark, "uuid": "", "contacts": None, "tags": None, "enabled": None}
        assert created(api.post("/profiles", json=body))["name"] == mark

    def test_empty_values_of_a_query(self, api: httpx.Client, mark: str) -> None:
        for _ in range(2):
            created(api.post("/clicks", json=hit(mark)))
        plain = api.get(f"/clicks?filter[utmSource]={mark}")
        empty = api.get(
            f"/clicks?filter[utmSource]={mark}&limit=&offset=&sort_by=&sort_order=&cursor=&filter[uri]=&filter[linkId]="
            "&filter[clickStartTime]=&filter[ip][in]=&bannerIdFilter=&query[link]="
        )
        assert (empty.status_code, empty.json()) == (200, plain.json()), empty.text

    @pytest.mark.parametrize("nothing", [None, ""])
    def test_put_of_a_registration_needs_keys_and_one_name(self, api: httpx.Client, nothing: str | None) -> None:
        path = f"/clicks/{created(api.post('/clicks', json=hit()))['clickId']}"
        names = ("firstName", "lastName", "middleName", "enabled", "uuid", "contacts")
        nobody: Json = dict.fromkeys(names, nothing)
        refused = api.put(path, json={"profile": nobody})
        assert [error["pointer"] for error in refused.json()["errors"]] == ["/profile"]
        assert api.get(path).json()["profileId"] is None
        assert api.put(path, json={"profile": nobody | {"lastName": "Smith"}}).status_code == 200
        profile = api.get(f"{path}?query[profile]=1").json()["profile"]
        assert (profile["name"], profile["enabled"], profile["contacts"]) == ("Smith", True, [])
        assert api.put(path, json={"profile": nobody}).status_code == 422

    def test_null_contacts_keep_those_that_are_there(self, api: httpx.Client) -> None:
        path = f"/clicks/{created(api.post('/clicks', json=hit()))['clickId']}"
        api.patch(path, json={"contacts": [{"key": "email", "value": "a@email.com"}]})
        assert api.patch(path, json={"firstName": "A", "contacts": None}).status_code == 200
        assert len(api.get(f"{path}?query[contacts]=1").json()["contacts"]) == 1


class TestUnknown:
    def test_keys(self, api: httpx.Client, mark: str) -> None:
        body = hit(mark, sessionId="s")
        assert api.post("/clicks", json=body).status_code == 422
        taken = api.post("/clicks", json=body, headers=LENIENT)
        assert "sessionId" not in created(taken)
        assert taken.headers["Preference-Applied"] == "handling=lenient"
        path = f"/clicks/{taken.json()['clickId']}"
        client = {
            "profile": {
                "firstName": mark,
                "nickname": "x",
                "contacts": [{"key": "phone", "value": "+9876543210", "x": 1}],
            }
        }
        assert api.patch(path, json=client | {"x": 1}).status_code == 422
        assert api.patch(path, json=client | {"x": 1}, headers=LENIENT).status_code == 200
        assert api.get(f"{path}?query[profile]=1").json()["profile"]["name"] == mark

    def test_rows(self, api: httpx.Client) -> None:
        answer = api.post("/clicks/batch", json=[hit(sessionId="s"), {"ip": "x"}], headers=LENIENT)
        assert [row["status"] for row in answer.json()["results"]] == [201, 422]
        assert answer.headers["Preference-Applied"] == "handling=lenient"

    def test_parameters(self, api: httpx.Client) -> None:
        query = "/clicks?foo=1&filter[foo]=1&query[foo]=1&limit=1"
        assert api.get(query).status_code == 400
        taken = api.get(query, headers={"Prefer": "handling=lenient, count=exact"})
        assert taken.status_code == 200
        assert taken.headers["Preference-Applied"] == "count=exact, handling=lenient"
        assert api.get("/clicks?sort_by=foo", headers=LENIENT).status_code == 400
        click_id = created(api.post("/clicks", json=hit()))["clickId"]
        for query in ("foo=1", "limit=1"):
            assert api.get(f"/clicks/{click_id}?{query}").status_code == 400
            assert api.get(f"/clicks/{click_id}?{query}", headers=LENIENT).status_code == 200
        assert api.post("/clicks?foo=1", json=hit(), headers=LENIENT).status_code == 201

    def test_a_hot_request_says_what_was_applied(self, api: httpx.Client) -> None:
        assert api.post("/clicks", json=hit(), headers=LENIENT).headers["Preference-Applied"] == "handling=lenient"
        assert "Preference-Applied" not in api.post("/clicks", json=hit()).headers

    def test_cache_busters(self, api: httpx.Client, mark: str) -> None:
        made = created(api.post("/clicks?_=1700000000000", json=hit(mark)))
        found = api.get(f"/clicks?_=17&filter[utmSource]={mark}&limit=1&_=18")
        assert [click["clickId"] for click in found.json()] == [made["clickId"]]
        path = f"/clicks/{made['clickId']}"
        assert api.get(f"{path}?_=1").status_code == 200
        assert api.patch(f"{path}?_", json={"firstName": "A"}).status_code == 200
        assert api.get("/banners/filters?_=1").status_code == 200
        assert api.delete(f"{path}?%5F=1").status_code == 204

    def test_the_next_page_has_no_cache_buster(self, api: httpx.Client, mark: str) -> None:
        api.post("/clicks/batch", json=[hit(mark), hit(mark)])
        following = api.get(f"/clicks?_=1&filter[utmSource]={mark}&limit=1").links["next"]["url"]
        assert "_=1" not in following
        assert len(api.get(following).json()) == 1


def status_of(api: httpx.Client, path: str) -> int:
    """Without the body: a stream of live clicks does not end."""
    with api.stream("GET", path) as answer:
        return answer.status_code


class TestPathsAndIds:
    def test_a_trailing_slash_is_the_same_path(self, server: Serving, api: httpx.Client, mark: str) -> None:
        for path, item in api.get("/openapi.json").json()["paths"].items():
            if "get" in item and "{" not in path:
                assert status_of(api, f"{path}/") == status_of(api, path), path
        click = created(api.post("/clicks/", json=hit(mark)))
        path = f"/clicks/{click['clickId']}/"
        assert api.get(path).json() == click
        assert api.patch(path, json={"firstName": "A"}).status_code == 200
        assert api.delete(path).status_code == 204
        api.post("/links/", json={"code": mark, "uri": "https://x.example/"})
        visits = [httpx.get(f"{server.url}/r/{mark}{end}") for end in ("", "/")]
        assert [visit.status_code for visit in visits] == [302, 302]

    def test_ids_in_any_letter_case(self, server: Serving, api: httpx.Client, mark: str) -> None:
        profile = created(api.post("/profiles", json={"firstName": mark}))
        banner = created(api.post("/banners", json={"bannerName": mark}))
        upper = {
            name: each[name].upper() for each in (profile, banner) for name in ("profileId", "bannerId") if name in each
        }
        link = created(api.post("/links", json={"code": mark, "uri": "https://x.example/", **upper}))
        assert link["profileId"] == profile["profileId"]
        assert api.get(f"/profiles/{upper['profileId']}").json()["profileId"] == profile["profileId"]
        assert httpx.get(f"{server.url}/b/{upper['bannerId']}/{mark}").status_code == 302
        click = created(api.post("/clicks", json=hit(uri=f"https://x.example/?banner={upper['bannerId']}")))
        assert click["bannerId"] == banner["bannerId"]
        found = api.get(f"/clicks?filter[bannerId][in]={upper['bannerId']},{link['linkId'].upper()}").json()
        assert {each["clickId"] for each in found} >= {click["clickId"]}
        assert len(found) == 2
        assert api.get(f"/clicks/{click['clickId'].upper()}").json() == click


class TestPages:
    def test_limits_beyond_the_largest_page(self, api: httpx.Client, mark: str) -> None:
        api.post("/clicks/batch", json=[hit(mark)] * 1001)
        for limit in ("1001", "5000", "9" * 400):
            page = api.get(f"/clicks?filter[utmSource]={mark}&limit={limit}")
            assert len(page.json()) == 1000
            assert len(api.get(page.links["next"]["url"]).json()) == 1

    @pytest.mark.parametrize("path", ["/clicks", "/profiles"])
    def test_an_empty_page_has_the_count_if_asked(self, api: httpx.Client, path: str, mark: str) -> None:
        body = {"firstName": mark} if path == "/profiles" else hit(mark)
        for _ in range(2):
            created(api.post(path, json=body))
        query = f"filter[firstName]={mark}" if path == "/profiles" else f"filter[utmSource]={mark}"
        for given in (query, ""):
            page = api.get(f"{path}?{given}&limit=0", headers={"Prefer": "count=exact"})
            assert (page.status_code, page.json(), page.links) == (200, [], {})
            assert int(page.headers["X-Total-Count"]) == 2 or not given
        assert api.get(f"{path}?limit=0").json() == []

    def test_directions_in_any_letter_case(self, api: httpx.Client, mark: str) -> None:
        api.post("/clicks/batch", json=[hit(mark), hit(mark)])
        one, other = (api.get(f"/clicks?filter[utmSource]={mark}&sort_order={way}").json() for way in ("ASC", "Desc"))
        assert one == other[::-1]


class TestTexts:
    def test_long_texts_are_cut_on_every_way_in(self, server: Serving, api: httpx.Client, mark: str) -> None:
        long: Json = {"userAgent": "ü" * 5000, "referrer": f"https://x.example/{'r' * 5000}"}
        body = hit(mark, uuid=mark, **long)
        click = created(api.post("/clicks", json=body))
        assert (click["userAgent"], click["referrer"]) == (long["userAgent"][:2048], long["referrer"][:2048])
        assert api.post("/clicks", json=body).status_code == 200
        assert api.post("/clicks", json=body | {"referrer": click["referrer"]}).status_code == 200
        assert api.post("/clicks", json=body | {"foo": 1}, headers=LENIENT).status_code == 200
        batch = api.post("/clicks/batch", json=[body, hit(mark, **long)])
        assert (batch.status_code, batch.json()["repeated"]) == (201, 1)
        site = created(api.post("/sites", json={"name": mark, "origins": ["https://shop.example.org"]}))
        view = {"key": site["key"], "uri": f"https://shop.example.org/{mark}", "referrer": long["referrer"]}
        origin = {"Origin": "https://shop.example.org"}
        created(httpx.post(f"{server.url}/collect", json=view, headers=origin))
        shown = api.get(f"/clicks?filter[uri]={mark}&limit=10").json()
        assert [len(each["referrer"]) for each in shown] == [2048] * 3

    @pytest.mark.parametrize(
        "uri", ["myapp://offer?utm_source={}", "mailto:a@b.example?utm_source={}", "urn:x:y?utm_source={}"]
    )
    def test_any_absolute_uri_of_a_click(self, api: httpx.Client, mark: str, uri: str) -> None:
        click = created(api.post("/clicks", json=hit(uri=uri.format(mark))))
        assert (click["uri"], click["utmSource"]) == (uri.format(mark), mark)
        assert api.get(f"/clicks?filter[uri]={mark}").json() == [click]

    def test_pages_of_links_and_sites_stay_http(self, server: Serving, api: httpx.Client, mark: str) -> None:
        assert api.post("/links", json={"uri": "myapp://offer"}).status_code == 422
        site = created(api.post("/sites", json={"name": mark, "origins": ["https://shop.example.org"]}))
        for uri in ("myapp://offer", "myapp://[offer"):
            view = {"key": site["key"], "uri": uri}
            refused = httpx.post(f"{server.url}/collect", json=view, headers={"Origin": "https://shop.example.org"})
            assert refused.status_code == 422

    def test_numbers_for_uuids(self, api: httpx.Client, mark: str) -> None:
        number = time.time_ns()
        first = created(api.post("/clicks", json=hit(uuid=number)))
        assert first["uuid"] == str(number)
        assert api.post("/clicks", json=hit(uuid=str(number))).json() == first
        contact = {"key": "email", "value": f"{mark}@email.com", "uuid": number + 1}
        path = f"/clicks/{first['clickId']}"
        assert api.patch(path, json={"profile": {"uuid": number, "contacts": contact}}).status_code == 200
        profile = api.get(f"{path}?query[profile]=1").json()["profile"]
        assert (profile["uuid"], profile["contacts"][0]["uuid"]) == (str(number), str(number + 1))

    @pytest.mark.parametrize(
        ("sent", "stored"),
        [(1, True), (0, False), ("1", True), ("0", False), ("true", True), ("false", False), (True, True)],
    )
    def test_spellings_of_enabled(self, api: httpx.Client, sent: Any, stored: bool) -> None:
        assert created(api.post("/profiles", json={"enabled": sent}))["enabled"] is stored

    @pytest.mark.parametrize("sent", [2, "yes", "on", 1.0, [], "True "])
    def test_what_is_no_flag(self, api: httpx.Client, sent: Any) -> None:
        assert api.post("/profiles", json={"enabled": sent}).status_code == 422

    def test_flags_of_a_query(self, api: httpx.Client, mark: str) -> None:
        click = created(api.post("/clicks", json=hit(mark)))
        for flag in ("0", "false", "False"):
            assert api.get(f"/clicks?filter[utmSource]={mark}&filter[registration]={flag}").json() == [click]
        for flag in ("1", "true", "True"):
            assert api.get(f"/clicks?filter[utmSource]={mark}&filter[registration]={flag}").json() == []


class TestTimes:
    def test_days_in_filters(self, api: httpx.Client, mark: str) -> None:
        times = [
            "2021-01-30T23:59:59.999999+00:00",
            "2021-01-31T00:00:00+00:00",
            "2021-01-31T23:59:59.999999+00:00",
            "2021-02-01T00:00:00+00:00",
        ]
        api.post("/clicks/batch", json=[hit(mark, time=each) for each in times])

        def ask(*filters: str) -> list[int]:
            query = "&".join(f"filter[{each}" for each in filters)
            found = api.get(f"/clicks?filter[utmSource]={mark}&sort_by=time&sort_order=asc&{query}")
            assert found.status_code == 200, found.text
            return [times.index(click["time"]) for click in found.json()]

        assert ask("clickStartTime]=2021-01-31", "clickEndTime]=2021-01-31") == [1, 2]
        assert ask("clickStartTime]=2021-01-31") == ask("clickEndTime][gte]=2021-01-31") == [1, 2, 3]
        assert ask("clickStartTime][gt]=2021-01-31") == [3]
        assert ask("clickEndTime][lt]=2021-01-31") == [0]
        assert ask("clickStartTime][lte]=2021-01-31") == [0, 1, 2]
        assert ask("clickStartTime][eq]=2021-01-31") == ask("clickStartTime][in]=2021-01-31,1999-01-01") == [1, 2]
        assert ask("clickStartTime][ne]=2021-01-31") == [0, 3]
        assert ask(f"clickStartTime][in]=2021-02-01,{times[0]}") == [0, 3]

    def test_days_of_other_resources(self, api: httpx.Client) -> None:
        assert api.get("/deliveries?filter[time]=2021-01-01&filter[dueTime][lt]=2021-01-01").json() == []


class TestContacts:
    def test_spellings_of_a_phone_number(self, api: httpx.Client, mark: str) -> None:
        path = f"/clicks/{created(api.post('/clicks', json=hit(mark)))['clickId']}"
        number = f"30 {time.time_ns() % 10**7:07d}"
        for spelling in (
            f"0049 {number}",
            f"+49 ({number[:2]}) {number[3:6]}-{number[6:]}",
            f"+49{number.replace(' ', '')}",
        ):
            answer = api.patch(path, json={"contacts": {"key": "phone", "value": spelling}})
            assert answer.status_code == 200, answer.text
        [contact] = api.get(f"{path}?query[contacts]=1").json()["contacts"]
        assert contact["value"] == f"+49{number.replace(' ', '')}"
        assert contact["createTime"] == contact["updateTime"] or contact["updateTime"]
        for asked in (
            contact["value"],
            f"%2B49+{number.replace(' ', '+')}",
            f"0049 {number}",
            f"{number[:2]}-{number[3:6]}",
        ):
            found = api.get(f"/clicks?filter[utmSource]={mark}&filter[profileContacts]={asked}").json()
            assert len(found) == 1, asked
        assert api.get(f"/clicks?filter[utmSource]={mark}&filter[profileContacts][ne]=0049 {number}").json() == []

    @pytest.mark.parametrize("address", ["a@b.test", "a@shop.example", "a@b.invalid", "a@localhost", "a@b.localhost"])
    def test_addresses_of_tests(self, api: httpx.Client, address: str) -> None:
        body = {"contacts": {"key": "email", "value": address}}
        assert created(api.post("/profiles", json=body))["contacts"][0]["value"] == address

    @pytest.mark.parametrize("value", ["030 1234567", "0049", "+49", "abc", "00"])
    def test_what_is_no_number(self, api: httpx.Client, value: str) -> None:
        refused = api.post("/profiles", json={"contacts": {"key": "phone", "value": value}})
        assert [error["pointer"] for error in refused.json()["errors"]] == ["/contacts/value"]

    def test_an_empty_object_is_no_contact(self, api: httpx.Client) -> None:
        assert created(api.post("/profiles", json={"contacts": {}}))["contacts"] == []

    def test_a_contact_by_itself(self, api: httpx.Client) -> None:
        profile_id = created(api.post("/profiles", json={}))["profileId"]
        path = f"/profiles/{profile_id}/contacts"
        contact = created(api.post(path, json={"key": "phone", "value": "0049 30 1234567"}))
        assert contact["value"] == "+49301234567"
        changed = api.patch(f"{path}/{contact['contactId']}", json={"value": "+49 30 7654321"})
        assert changed.json()["value"] == "+49307654321"
        assert api.post(path, json={"key": "phone", "value": "+49 (30) 7654321"}).status_code == 409


class TestIdsAhead:
    def test_ids_with_a_date_to_come_are_refused(self, api: httpx.Client) -> None:
        now = int(time.time())
        for seconds, status in ((now + 200, 201), (now + 400, 422), (0xFFFFFFFF, 422)):
            body = hit(clickId=f"{seconds:08x}{time.time_ns() % 16**16:016x}")
            assert api.post("/clicks", json=body | {"ip": "8.8.4.4"}).status_code == status
            batch = api.post("/clicks/batch", json=[hit(), body | {"ip": "8.8.4.4"}])
            assert batch.status_code == status
            if status == 422:
                assert [error["pointer"] for error in batch.json()["errors"]] == ["/1/clickId"]


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server with every setting of this kind."""
    zone = "Europe/Berlin"
    chosen = {"strict": "false", "naive_times": zone, "zone": zone, "phone_region": "de"}
    with serving(tmp_path_factory.mktemp("german") / "data", **chosen) as running, running.client() as client:
        yield client


class TestSettings:
    @pytest.mark.parametrize(
        "given", [{"zone": "Mars/Olympus"}, {"naive_times": "../etc/passwd"}, {"phone_region": "ZZ"}, {"zone": "/UTC"}]
    )
    def test_what_is_wrong_is_named(self, given: dict[str, str]) -> None:
        [(name, value)] = given.items()
        with pytest.raises(SettingsError, match=f"--{name.replace('_', '-')} must be .*{value}"):
            read_reading(load_settings(given, {}))

    def test_unknown_keys_and_parameters_are_ignored(self, german: httpx.Client) -> None:
        answer = german.post("/clicks?foo=1", json=hit(foo=1))
        created(answer)
        assert "Preference-Applied" not in answer.headers
        assert german.get("/clicks?foo=1&filter[foo]=1").status_code == 200

    def test_times_without_an_offset(self, german: httpx.Client, mark: str) -> None:
        for sent, stored in (
            ("2021-01-01T01:00:00", "2021-01-01T00:00:00+00:00"),
            ("2021-07-01 02:00:00.5", "2021-07-01T00:00:00.500000+00:00"),
            ("2021-10-31T02:30:00", "2021-10-31T00:30:00+00:00"),
            ("2021-03-28T02:30:00", "2021-03-28T01:30:00+00:00"),
            ("2021-01-01T01:00:00Z", "2021-01-01T01:00:00+00:00"),
        ):
            click = created(german.post("/clicks", json=hit(mark, time=sent)))
            assert click["time"] == stored
        naive = "filter[clickStartTime]=2021-10-31T02:30:00&filter[clickEndTime]=2021-10-31T02:30:00"
        assert len(german.get(f"/clicks?filter[utmSource]={mark}&{naive}").json()) == 1
        ahead = datetime.fromtimestamp(time.time() + 2 * 3600 + 400, UTC).replace(tzinfo=None).isoformat()
        assert german.post("/clicks", json=hit(time=ahead)).status_code == 422

    @pytest.mark.parametrize(("day", "hours"), [("2021-03-28", 23), ("2021-10-31", 25), ("2021-06-01", 24)])
    def test_days_of_the_zone(self, german: httpx.Client, mark: str, day: str, hours: int) -> None:
        first = int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) - (
            7200 if day == "2021-06-01" else 3600
        )
        first -= 3600 if day == "2021-10-31" else 0
        seconds = [first - 1, first, first + hours * 3600 - 1, first + hours * 3600]
        rows = [hit(mark, time=datetime.fromtimestamp(each, UTC).isoformat()) for each in seconds]
        german.post("/clicks/batch", json=rows)
        query = f"filter[clickStartTime]={day}&filter[clickEndTime]={day}&sort_by=time&sort_order=asc"
        found = german.get(f"/clicks?filter[utmSource]={mark}&{query}").json()
        assert [click["time"] for click in found] == [rows[1]["time"], rows[2]["time"]]

    def test_local_phone_numbers(self, german: httpx.Client, mark: str) -> None:
        profile = created(
            german.post("/profiles", json={"firstName": mark, "contacts": {"key": "phone", "value": "(030) 123 45 67"}})
        )
        assert profile["contacts"][0]["value"] == "+49301234567"
        assert german.get("/profiles?filter[contacts]=030 1234567").json() == [profile]
        path = f"/profiles/{profile['profileId']}/contacts/{profile['contacts'][0]['contactId']}"
        assert german.patch(path, json={"value": "030/7654321"}).json()["value"] == "+49307654321"


@pytest.mark.parametrize(
    "contacts",
    [
        {"0": {"key": "email", "value": "a@b.example"}, "2": {"key": "phone", "value": "+493012345"}},
        {"email": "a@b.example", "phone": "+493012345"},
        [{"key": "Email", "value": " a@b.example "}, {"key": "PHONE", "value": "0049 30 12345"}],
        [{"key": "email", "value": "a@b.example"}] * 2 + [{"key": "phone", "value": "+493012345"}],
        [
            {"key": "phone", "value": "+493012345"},
            {"key": "email", "value": ""},
            {"key": "email", "value": "a@b.example"},
            {"key": "phone", "value": None},
        ],
    ],
)
def test_contacts_as_forms_and_php_send_them(api: httpx.Client, mark: str, contacts: Any) -> None:
    click = created(api.post("/clicks", json=hit(mark)))
    done = api.put(
        f"/clicks/{click['clickId']}",
        json={
            "profile": {"firstName": "A", "lastName": "", "middleName": None, "enabled": True, "uuid": ""}
            | {"contacts": contacts}
        },
    )
    assert done.status_code == 200, done.text
    shown = api.get(f"/clicks/{click['clickId']}?query[contacts]=1").json()["contacts"]
    assert {each["key"]: each["value"] for each in shown} == {"email": "a@b.example", "phone": "+493012345"}


def test_filters_as_php_repeats_them(api: httpx.Client, mark: str) -> None:
    for address in ("8.8.8.8", "2.16.0.1", "1.1.1.1"):
        api.post("/clicks", json=hit(mark) | {"ip": address})
    own = f"filter[uri]={mark}"
    for asked in ("filter[ip][]=8.8.8.8&filter[ip][]=1.1.1.1", "filter[ip][0]=8.8.8.8&filter[ip][1]=1.1.1.1"):
        found = api.get(f"/clicks?{own}&{asked}")
        assert {click["ip"] for click in found.json()} == {"8.8.8.8", "1.1.1.1"}, found.text
    assert [click["ip"] for click in api.get(f"/clicks?{own}&filter[countryCode]=us&filter[ip]=8.8.8.8").json()] == [
        "8.8.8.8"
    ]
    assert api.get(f"/clicks?{own}&filter[ip][x]=1").status_code == 400


@pytest.mark.parametrize(
    "profile", [{"firstName": ""}, {"firstName": "  "}, {"enabled": True}, {"contacts": [], "uuid": ""}]
)
def test_a_patch_that_names_nobody_makes_no_client(api: httpx.Client, mark: str, profile: Json) -> None:
    click = created(api.post("/clicks", json=hit(mark)))
    assert api.patch(f"/clicks/{click['clickId']}", json={"profile": profile}).status_code == 200
    assert api.get(f"/clicks/{click['clickId']}").json()["profileId"] is None
