"""Links and postbacks that partners add and change themselves, where the operator allows it."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from clicktrail.choices import own_rules
from clicktrail.http.endpoint.operation import Operation
from clicktrail.http.router import operations_by_tag
from clicktrail.model.access import Right
from clicktrail.settings import SettingsError, load_settings
from tests.conftest import NewStore
from tests.people import make_person
from tests.serving import Serving, serving

SHOP, BLOG = "https://shop.example", "https://xn--bcher-kva.example:8443"
MOST, CHANGES = 3, 60
NOWHERE = "0" * 24
TRACKER = "127.0.0.9"
"""The one address of this machine to which postbacks may go."""
OWN = [each for found in operations_by_tag().values() for each in found if each.right is not None]
"""The operations that partners may call only with a right."""


class House(NamedTuple):
    server: Serving
    admin: httpx.Client


class Partner(NamedTuple):
    id: str
    api: httpx.Client


@pytest.fixture(scope="session")
def house(engine_kind: str, new_store: NewStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    settings = {
        "partner_origins": f"{SHOP}, https://BÜCHER.example:8443",
        "postback_networks": f"{TRACKER}/32",
        "partner_links": str(MOST),
        "partner_postbacks": str(MOST),
        **new_store(engine_kind),
    }
    with serving(tmp_path_factory.mktemp("own") / "data", **settings) as server, server.client() as admin:
        yield House(server, admin)


@pytest.fixture
def new_partner(house: House) -> Iterator[Callable[[], Partner]]:
    opened: list[httpx.Client] = []

    def make() -> Partner:
        partner = house.admin.post("/profiles", json={"firstName": "Partner"}).json()["profileId"]
        opened.append(house.server.client("partner", partner))
        return Partner(partner, opened[-1])

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def partner(new_partner: Callable[[], Partner]) -> Partner:
    return new_partner()


def pointers(answer: httpx.Response) -> list[str]:
    return [each["pointer"] for each in answer.json()["errors"]]


def add(partner: Partner, path: str = "/links", **body: Any) -> dict[str, Any]:
    answer = partner.api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def hook(mark: str) -> dict[str, Any]:
    return {"uri": f"https://tracker.example/{mark}?c={{click_id}}", "events": ["click"]}


class TestLinks:
    def test_of_a_partner_are_the_partners_own(self, house: House, partner: Partner, mark: str) -> None:
        made = add(partner, code=mark, name="Mine", uri=f"{SHOP}/a", fallbackUri=f"{BLOG}/b", redirectStatus=301)
        assert (made["profileId"], made["code"], made["uri"]) == (partner.id, mark, f"{SHOP}/a")
        path = f"/links/{made['linkId']}"
        whole = {"name": "Ours", "uri": f"{SHOP}/c", "bannerId": None, "enabled": True}
        assert partner.api.put(path, json=made | whole).json()["name"] == "Ours"
        assert partner.api.patch(path, json={"name": "Yours"}).json()["uri"] == f"{SHOP}/c"
        visit = httpx.get(f"{house.server.url}/r/{mark}")
        assert (visit.status_code, visit.headers["location"].startswith(f"{SHOP}/c?")) == (301, True)
        assert partner.api.delete(path).status_code == 409
        assert partner.api.delete(f"/links/{add(partner)['linkId']}").status_code == 204

    @pytest.mark.parametrize("key", ["profileId", "uuid"])
    def test_get_no_owner_or_uuid_from_a_partner(self, new_partner: Callable[[], Partner], mark: str, key: str) -> None:
        one, other = new_partner(), new_partner()
        value = other.id if key == "profileId" else mark
        own = add(one, profileId=one.id, uuid=None)
        for method, path in (("POST", "/links"), ("PATCH", f"/links/{own['linkId']}")):
            answer = one.api.request(method, path, json={key: value})
            assert (answer.status_code, pointers(answer)) == (422, [f"/{key}"])
        assert one.api.get("/links").json() == [own]

    @pytest.mark.parametrize(
        ("uri", "is_allowed"),
        [
            (f"{SHOP}/", True),
            ("HTTPS://Shop.Example:443/x?y=1#z", True),
            ("https://shop。example/", True),
            ("https://b\u00fccher.example:8443/", True),
            ("https://shop.example\\@evil.example/", True),
            ("https://shop.example/\\evil.example", True),
            (None, True),
            ("http://shop.example/", False),
            ("https://shop.example:8443/", False),
            ("https://b\u00fccher.example/", False),
            ("https://shop.example.evil.example/", False),
            ("https://shop.example@evil.example/", False),
            ("https://evil.example\\@shop.example/", False),
            ("https://evil.example/https://shop.example/", False),
            ("https://evil.example#@shop.example/", False),
            ("https://shop.example./", False),
            ("https://www.shop.example/", False),
            ("https://shop.example%2eevil.example/", False),
            ("https:\\\\evil.example\\shop.example", False),
            ("https:////evil.example/", False),
            ("https://sh\u043ep.example/", False),
            ("shop.example://x/", False),
            ("myapp://shop.example/", False),
            ("blob:https://shop.example/1", False),
            ("https://\tevil.example/", False),
        ],
    )
    @pytest.mark.parametrize("key", ["uri", "fallbackUri"])
    def test_lead_only_to_allowed_origins(self, partner: Partner, key: str, uri: str | None, is_allowed: bool) -> None:
        answer = partner.api.post("/links", json={key: uri})
        assert (answer.status_code == 201) is is_allowed, answer.text
        if not is_allowed:
            assert (answer.status_code, pointers(answer)) == (422, [f"/{key}"])
        elif uri is not None:
            shown = partner.api.get(f"/links/{answer.json()['linkId']}?query[redirect]=1").json()
            page = shown["uri"] if key == "uri" else shown["redirect"]["fallbackUri"]
            assert page.startswith((f"{SHOP}/", f"{BLOG}/"))

    def test_of_the_operator_keep_their_page_until_the_partner_changes_it(self, house: House, partner: Partner) -> None:
        body = {"profileId": partner.id, "uri": "https://elsewhere.example/", "enabled": False}
        link = house.admin.post("/links", json=body).json()
        path = f"/links/{link['linkId']}"
        assert partner.api.put(path, json=link | {"name": "New"}).json()["name"] == "New"
        for key, value in (("uri", "https://elsewhere.example/x"), ("enabled", True)):
            answer = partner.api.patch(path, json={key: value})
            assert (answer.status_code, pointers(answer)) == (422, [f"/{key}"])
        assert house.admin.patch(path, json={"enabled": True}).status_code == 200
        assert partner.api.patch(path, json={"enabled": False}).json()["enabled"] is False

    def test_have_codes_of_their_own(self, new_partner: Callable[[], Partner], mark: str) -> None:
        """The refusal does not show whose the code is."""
        one, other = new_partner(), new_partner()
        taken, own = add(one, code=mark), add(other)
        answer = other.api.post("/links", json={"code": mark})
        assert (answer.status_code, pointers(answer)) == (409, ["/code"])
        assert taken["linkId"] not in answer.text
        for code in (mark, f"{mark}x"):
            answer = other.api.patch(f"/links/{own['linkId']}", json={"code": code})
            assert (answer.status_code, pointers(answer)) == (422, ["/code"])
        assert other.api.post("/links", json={"code": "../a"}).status_code == 422
        assert one.api.patch(f"/links/{taken['linkId']}", json={"code": mark}).status_code == 200

    def test_keep_their_code_so_that_nobody_else_earns_with_it(
        self, house: House, new_partner: Callable[[], Partner], mark: str
    ) -> None:
        one, other = new_partner(), new_partner()
        path = f"/links/{add(one, code=mark)['linkId']}"
        assert one.api.patch(path, json={"code": f"{mark}x"}).status_code == 422
        assert other.api.post("/links", json={"code": mark}).status_code == 409
        assert house.admin.patch(path, json={"code": f"{mark}y"}).json()["code"] == f"{mark}y"

    @pytest.mark.parametrize("end", [{"enabled": False}, {"expireTime": "2021-01-01T00:00:00Z"}])
    def test_that_the_operator_ended_stay_so(
        self, house: House, partner: Partner, mark: str, end: dict[str, Any]
    ) -> None:
        """No change of the partner leads visitors of this address anywhere again."""
        made = add(partner, code=mark, uri=f"{SHOP}/a")
        path = f"/links/{made['linkId']}"
        ended = house.admin.patch(path, json=end).json()
        for key, value in {
            "code": f"{mark}x",
            "expireTime": None,
            "fallbackUri": f"{SHOP}/b",
            "uri": f"{SHOP}/c",
            "enabled": not ended["enabled"],
        }.items():
            if ended.get(key) == value or (key == "expireTime" and key not in end):
                value = "2090-01-01T00:00:00Z"
            for method, body in (("PATCH", {key: value}), ("PUT", ended | {key: value})):
                answer = partner.api.request(method, path, json=body)
                assert (answer.status_code, pointers(answer)) == (422, [f"/{key}"]), answer.text
        assert partner.api.delete(path).status_code == 409
        assert partner.api.post("/links", json={"code": mark, "uri": f"{SHOP}/a"}).status_code == 409
        assert httpx.get(f"{house.server.url}/r/{mark}").status_code == 410
        assert partner.api.patch(path, json={"name": "Over"}).json()["name"] == "Over"
        assert house.admin.patch(path, json={"enabled": True, "expireTime": None}).status_code == 200
        assert partner.api.patch(path, json={"uri": f"{SHOP}/c"}).status_code == 200
        assert partner.api.delete(path).status_code == 204

    @pytest.mark.parametrize("later", ["2091-01-01T00:00:00Z", None, ""])
    def test_end_when_the_operator_says(self, house: House, partner: Partner, mark: str, later: str | None) -> None:
        """Or earlier. The partner sets the end of a link that has none."""
        end = "2090-01-01T00:00:00Z"
        made = add(partner, code=mark)
        path = f"/links/{made['linkId']}"
        assert house.admin.patch(path, json={"expireTime": end}).status_code == 200
        shown = partner.api.get(f"{path}?query[redirect]=1").json()
        for method, body in (("PATCH", {}), ("PUT", shown)):
            answer = partner.api.request(method, path, json=body | {"expireTime": later})
            assert (answer.status_code, pointers(answer)) == (422, ["/expireTime"]), answer.text
            assert partner.api.request(method, path, json=body | {"expireTime": end}).status_code == 200
        assert partner.api.patch(path, json={"expireTime": "2089-01-01T00:00:00Z"}).status_code == 200
        assert partner.api.patch(path, json={"expireTime": end}).status_code == 422
        assert house.admin.patch(path, json={"expireTime": None}).status_code == 200
        assert partner.api.patch(path, json={"expireTime": end}).status_code == 200

    def test_with_registrations_by_their_code_stay(self, house: House, partner: Partner, mark: str) -> None:
        path = f"/links/{add(partner, code=mark)['linkId']}"
        client = {"code": mark, "profile": {"firstName": "Client", "uuid": f"client {mark}"}}
        answer = house.admin.post("/registrations", json=client)
        assert answer.status_code == 201, answer.text
        refused = partner.api.delete(path)
        assert (refused.status_code, "registrations" in refused.json()["detail"]) == (409, True)
        assert house.admin.delete(path).status_code == 204
        taken = partner.api.post("/links", json={"code": mark})
        assert (taken.status_code, pointers(taken)) == (409, ["/code"])
        assert house.admin.post("/links", json={"code": mark, "profileId": partner.id}).status_code == 201

    @pytest.mark.parametrize("name", ["referral", "REFERRAL"])
    def test_get_no_code_that_clicks_already_have(self, house: House, partner: Partner, mark: str, name: str) -> None:
        """It would earn what others brought."""
        code = f"{mark} ä"
        uri = f"{SHOP}/?{name}={quote(code)}&x=1#{name}=other"
        assert house.admin.post("/clicks", json={"ip": "8.8.8.8", "uri": uri}).status_code == 201
        answer = partner.api.post("/links", json={"code": code})
        assert (answer.status_code, pointers(answer)) == (409, ["/code"])
        for free in (mark, "other", None):
            assert partner.api.post("/links", json={"code": free and f"{free}{mark}"}).status_code == 201
        assert house.admin.post("/links", json={"code": code, "profileId": partner.id}).status_code == 201

    def test_take_the_own_id_in_any_letter_case(self, partner: Partner, mark: str) -> None:
        link = add(partner, profileId=partner.id.upper())
        assert link["profileId"] == partner.id
        postback = add(partner, "/postbacks", profileId=partner.id.upper(), **hook(mark))
        for path in (f"/links/{link['linkId']}", f"/postbacks/{postback['postbackId']}"):
            shown = partner.api.get(path).json()
            assert partner.api.put(path, json=shown | {"profileId": partner.id.upper()}).status_code == 200

    def test_are_as_many_as_the_operator_allows(self, house: House, partner: Partner) -> None:
        """Also if the requests come at once."""
        house.admin.post("/links", json={"profileId": partner.id})
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: partner.api.post("/links", json={}), range(8)))
        assert sorted(each.status_code for each in answers) == [201] * (MOST - 1) + [409] * 6
        assert len(partner.api.get("/links").json()) == MOST
        assert house.admin.post("/links", json={"profileId": partner.id}).status_code == 201


class TestPostbacks:
    def test_of_a_partner_are_the_partners_own(self, partner: Partner, mark: str) -> None:
        made = add(partner, "/postbacks", **hook(mark))
        assert (made["profileId"], made["secret"][:6]) == (partner.id, "whsec_")
        path = f"/postbacks/{made['postbackId']}"
        shown = partner.api.get(path).json()
        assert partner.api.put(path, json=shown | {"name": "Voluum"}).json()["name"] == "Voluum"
        assert partner.api.patch(path, json={"enabled": False}).json()["enabled"] is False
        assert partner.api.patch(path, json={"enabled": True}).json()["enabled"] is True
        assert partner.api.post(f"{path}/secret").json()["secret"] != made["secret"]
        tested = partner.api.post(f"{path}/test").json()
        assert (tested["responseStatus"], bool(tested["error"])) == (None, True)
        assert partner.api.post(f"{path}/replay").status_code == 403
        assert partner.api.delete(path).status_code == 204

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1", "0x7f.1", "[::ffff:10.0.0.1]"]
    )
    def test_never_go_to_private_addresses(self, partner: Partner, host: str) -> None:
        answer = partner.api.post("/postbacks", json={"uri": f"https://{host}/", "events": ["click"]})
        assert (answer.status_code, pointers(answer)) == (422, ["/uri"])

    def test_do_not_show_whether_an_internal_name_is_there(self, house: House, partner: Partner) -> None:
        """The operator learns it."""
        made = add(partner, "/postbacks", uri="https://localhost/", events=["click"])
        path = f"/postbacks/{made['postbackId']}/test"
        error = partner.api.post(path).json()["error"]
        assert error == "localhost was not found, or has an address that is not a public address"
        assert house.admin.post(path).json()["error"] == "localhost has an address that is not a public address"

    def test_are_tested_one_at_a_time(self, new_partner: Callable[[], Partner]) -> None:
        """Of each partner. This server of a partner takes the connection, and says nothing."""
        one, other = new_partner(), new_partner()
        with socket.create_server((TRACKER, 0)) as tracker, ThreadPoolExecutor(1) as pool:
            tracker.settimeout(20)
            uri = f"https://{TRACKER}:{tracker.getsockname()[1]}/"
            paths = [
                f"/postbacks/{add(each, '/postbacks', uri=uri, events=['click'])['postbackId']}/test"
                for each in (one, one, other)
            ]
            first = pool.submit(one.api.post, paths[0])
            waiting, _ = tracker.accept()
            with waiting:
                second = one.api.post(paths[1])
                assert (second.status_code, "Retry-After" in second.headers) == (429, True)
                others = pool.submit(other.api.post, paths[2])
            assert first.result().status_code == 200
            with tracker.accept()[0]:
                pass
            assert others.result().status_code == 200
        assert one.api.post(paths[1]).status_code == 200

    def test_are_as_many_as_the_operator_allows(self, partner: Partner, mark: str) -> None:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: partner.api.post("/postbacks", json=hook(mark)), range(8)))
        assert sorted(each.status_code for each in answers) == [201] * MOST + [409] * 5


def test_a_disabled_partner_changes_nothing(house: House, partner: Partner, mark: str) -> None:
    """Its links go on: `enabled` of a profile stops nothing else."""
    link = add(partner, code=mark, uri=f"{SHOP}/a")
    ids = {"linkId": link["linkId"], "postbackId": add(partner, "/postbacks", **hook(mark))["postbackId"]}
    assert house.admin.patch(f"/profiles/{partner.id}", json={"enabled": False}).status_code == 200
    for operation in OWN:
        answer = call(partner.api, operation, ids, mark)
        assert answer.status_code == (200 if operation.name == "testPostback" else 409), answer.text
    assert partner.api.get("/links").json() == [link]
    assert httpx.get(f"{house.server.url}/r/{mark}").status_code == 302
    assert house.admin.patch(f"/profiles/{partner.id}", json={"enabled": True}).status_code == 200
    assert add(partner)["profileId"] == partner.id


def call(client: httpx.Client, operation: Operation, ids: dict[str, str], mark: str) -> httpx.Response:
    """A body that would be in order."""
    body: dict[str, Any] | None = None
    if operation.body is not None:
        body = hook(mark) if operation.right is Right.POSTBACKS else {"uri": f"{SHOP}/"}
        whole = {"name": None, "enabled": True, "method": "GET"} if operation.method == "PUT" else {}
        body |= whole if operation.right is Right.POSTBACKS else {**whole, "bannerId": None}
        if operation.right is Right.LINKS:
            body.pop("method", None)
    return client.request(operation.method, operation.path.format_map(ids), json=body)


@pytest.mark.parametrize("operation", [each for each in OWN if "{" in each.path], ids=lambda each: each.name)
def test_what_is_anothers_is_not_there(new_partner: Callable[[], Partner], mark: str, operation: Operation) -> None:
    one, other = new_partner(), new_partner()
    ids = {"linkId": add(other)["linkId"], "postbackId": add(other, "/postbacks", **hook(mark))["postbackId"]}
    before = [other.api.get(path).json() for path in ("/links", "/postbacks")]
    for each in (ids, dict.fromkeys(ids, NOWHERE)):
        answer = call(one.api, operation, each, mark)
        assert answer.status_code == 404, answer.text
    assert [other.api.get(path).json() for path in ("/links", "/postbacks")] == before
    assert call(other.api, operation, ids, mark).is_success


@pytest.mark.parametrize("secret", ["whsec_x", "", None, 1])
def test_a_secret_does_not_show_whether_a_postback_is_there(
    new_partner: Callable[[], Partner], mark: str, secret: Any
) -> None:
    one, other = new_partner(), new_partner()
    there = add(other, "/postbacks", **hook(mark))["postbackId"]
    for postback_id in (there, NOWHERE):
        answer = one.api.patch(f"/postbacks/{postback_id}", json={"secret": secret})
        assert answer.status_code == 404, answer.text
    assert other.api.patch(f"/postbacks/{there}", json={"secret": "whsec_x"}).status_code == 422


@pytest.mark.parametrize("operation", OWN, ids=lambda each: each.name)
def test_other_scopes_change_nothing(house: House, partner: Partner, mark: str, operation: Operation) -> None:
    ids = {"linkId": add(partner)["linkId"], "postbackId": add(partner, "/postbacks", **hook(mark))["postbackId"]}
    for scope, owner in (("read", None), ("write", None), ("postback", partner.id), ("partner", None)):
        with house.server.client(scope, owner) as client:
            assert call(client, operation, ids, mark).status_code == 403, scope


def test_a_session_has_the_same_rights(house: House, partner: Partner, mark: str) -> None:
    person = make_person(house.server, house.admin, mark, "partner", partner.id)
    assert person.post("/links", {"uri": f"{SHOP}/"}).json()["profileId"] == partner.id
    assert person.post("/links", {"uri": "https://evil.example/"}).status_code == 422


def test_callers_are_told_what_they_may_change(house: House, partner: Partner, mark: str) -> None:
    own = ["links", "postbacks"]
    expected = {"admin": own, "read": [], "write": [], "partner": own, "postback": []}
    for scope, rights in expected.items():
        owner = partner.id if scope in ("partner", "postback") else None
        with house.server.client(scope, owner) as client:
            access = client.get("/access").json()
        sees = owner is None
        assert access == {"scope": scope, "partnerId": owner, "rights": rights, "seesContacts": sees}
    person = make_person(house.server, house.admin, mark, "partner", partner.id)
    assert person.get("/session").json()["rights"] == own
    assert person.sign_in().json()["rights"] == own
    assert person.get("/access").json()["rights"] == own


def test_a_partner_makes_so_many_changes_a_minute(new_partner: Callable[[], Partner]) -> None:
    one, other = new_partner(), new_partner()
    link = add(one)["linkId"]
    statuses: list[int] = []
    while 429 not in statuses and len(statuses) <= 2 * CHANGES:  # a minute of the server may end meanwhile
        statuses.append(one.api.patch(f"/links/{link}", json={"name": str(len(statuses))}).status_code)
    assert set(statuses) == {200, 429}
    assert one.api.get("/links").status_code == 200
    assert add(other)["profileId"] == other.id


def test_nothing_is_allowed_by_default(server: Serving, api: httpx.Client, mark: str) -> None:
    partner = api.post("/profiles", json={"firstName": "A"}).json()["profileId"]
    link = api.post("/links", json={"profileId": partner}).json()["linkId"]
    postback = api.post("/postbacks", json={"profileId": partner, **hook(mark)}).json()["postbackId"]
    with server.client("partner", partner) as own:
        assert own.get("/access").json()["rights"] == []
        for operation in OWN:
            answer = call(own, operation, {"linkId": link, "postbackId": postback}, mark)
            assert answer.status_code == 403, operation.name
            assert "CLICKTRAIL_PARTNER_" in answer.json()["detail"]


@pytest.mark.parametrize(
    "text",
    [
        "shop.example",
        "https://shop.example/path",
        "*",
        "https://*.example",
        "https://shop.example;x",
        "https://a.example;https://b.example",
        "https://a.example https://b.example",
        "https://a.example\tb.example",
        "https://user@shop.example",
        "https://",
        "myapp://shop.example",
    ],
)
def test_a_wrong_origin_is_named_at_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--partner-origins must be origins .*, separated by commas, not"):
        own_rules(load_settings({"partner_origins": f"{SHOP},{text}"}, {}))


def test_origins_are_as_browsers_write_them() -> None:
    rules = own_rules(load_settings({"partner_origins": f"HTTPS://Shop.Example:443/ , {BLOG},http://[::1]:8000"}, {}))
    assert rules.origins == {SHOP, BLOG, "http://[::1]:8000"}
