"""Who may do what: scopes, partners, masks, tokens."""

import base64
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.serving import Serving, run, serving

READS = ["/clicks", "/links", "/profiles", "/banners", "/banners/languages", "/banners/filters"]


class Program(NamedTuple):
    """Two partners, each with a link, a click on it and the client who registered; and a client of the first."""

    partner: str
    link: str
    click: str
    client: str
    contact: str
    other_partner: str
    other_link: str
    other_click: str
    other_client: str


@pytest.fixture
def program(api: httpx.Client, mark: str) -> Program:
    found: list[str] = []
    for place in "ab":
        partner = api.post("/profiles", json={"firstName": mark + place}).json()["profileId"]
        link = api.post("/links", json={"code": mark + place, "profileId": partner}).json()["linkId"]
        content = {"ip": "8.8.8.8", "uri": f"https://x.example/?referral={mark}{place}&utm_source={mark}"}
        click = api.post("/clicks", json=content).json()["clickId"]
        contacts = [{"key": "email", "value": f"{mark}{place}@email.com"}, {"key": "phone", "value": "+9876543210"}]
        client = api.patch(f"/clicks/{click}", json={"firstName": "C", "contacts": contacts}).json()["profileId"]
        contact = api.get(f"/profiles/{client}/contacts").json()[0]["contactId"]
        found += [partner, link, click, client, *([contact] if place == "a" else [])]
    return Program(*found)


@pytest.fixture
def partner(server: Serving, program: Program) -> Iterator[httpx.Client]:
    with server.client("partner", program.partner) as client:
        yield client


def test_without_a_token_everything_is_401(server: Serving) -> None:
    for path in (*READS, "/metrics", "/clients"):
        answer = httpx.get(server.url + path)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer x", "Bearer a.b.c", "token", "Bearer \xff"])
def test_a_bad_token_is_401(server: Serving, header: str) -> None:
    answer = httpx.get(f"{server.url}/clicks", headers={b"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER ", "Bearer   "])
def test_the_scheme_is_in_any_letter_case_and_any_number_of_spaces_follows(server: Serving, scheme: str) -> None:
    headers = {"Authorization": scheme + server.token(), "Content-Type": "application/json"}
    assert httpx.get(f"{server.url}/clicks", headers=headers).status_code == 200
    click = b'{"ip": "8.8.8.8", "uri": "https://x.example/"}'
    assert httpx.post(f"{server.url}/clicks", headers=headers, content=click).status_code == 201


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("admin", {"list", "get", "create", "update", "delete", "link", "metrics", "clients"}),
        ("write", {"create", "update"}),
        ("read", {"list", "get", "metrics"}),
    ],
)
def test_a_scope_allows_what_it_says_and_no_more(
    server: Serving, api: httpx.Client, scope: str, allowed: set[str]
) -> None:
    click = api.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/"}).json()["clickId"]
    calls = {
        "list": ("GET", "/clicks", None),
        "get": ("GET", f"/clicks/{click}", None),
        "create": ("POST", "/clicks", {"ip": "8.8.8.8", "uri": "https://x.example/"}),
        "update": ("PATCH", f"/clicks/{click}", {"firstName": "x"}),
        "link": ("POST", "/links", {}),
        "metrics": ("GET", "/metrics", None),
        "clients": ("GET", "/clients", None),
        "delete": ("DELETE", f"/clicks/{click}", None),
    }
    with server.client(scope) as client:
        answers = {name: client.request(method, path, json=body) for name, (method, path, body) in calls.items()}
    assert {name for name, answer in answers.items() if answer.is_success} == allowed
    assert {answer.status_code for name, answer in answers.items() if name not in allowed} <= {403}


class TestPartners:
    def test_see_their_own_clicks_alone(self, partner: httpx.Client, program: Program, mark: str) -> None:
        for query in ("", f"filter[utmSource]={mark}", "limit=1000&sort_by=tag", "filter[utmSource][ne]=nothing"):
            assert [click["clickId"] for click in partner.get(f"/clicks?{query}").json()] == [program.click]
        counted = partner.get("/clicks", headers={"Prefer": "count=exact"})
        assert counted.headers["X-Total-Count"] == "1"

    def test_get_404_for_what_is_not_theirs(self, partner: httpx.Client, program: Program) -> None:
        for path in (
            f"/clicks/{program.other_click}",
            f"/links/{program.other_link}",
            f"/links/{program.other_link}/metrics",
            f"/profiles/{program.other_partner}",
            f"/profiles/{program.other_client}",
            f"/profiles/{program.other_client}/contacts",
            f"/profiles/{program.other_client}/contacts/{program.contact}",
        ):
            assert partner.get(path).status_code == 404, path

    def test_see_their_link_and_client(self, partner: httpx.Client, program: Program) -> None:
        assert [link["linkId"] for link in partner.get("/links").json()] == [program.link]
        assert partner.get(f"/links/{program.link}/metrics").json()["clicks"] == 1
        assert {item["profileId"] for item in partner.get("/profiles").json()} == {program.partner, program.client}

    def test_see_contacts_masked_wherever_they_are(self, partner: httpx.Client, program: Program, mark: str) -> None:
        query = "query[profile]=1&query[contacts]=1&query[link]=1&query[metrics]=1"
        for path in (
            f"/clicks?{query}",
            f"/clicks/{program.click}?{query}",
            "/profiles",
            f"/profiles/{program.client}",
            f"/profiles/{program.client}/contacts",
            f"/profiles/{program.client}/contacts/{program.contact}",
        ):
            text = partner.get(path).text
            assert "***" in text, path
            assert f"{mark}a@email.com" not in text
            assert "+9876543210" not in text

    def test_cannot_guess_contacts_by_filter_or_order(self, partner: httpx.Client, program: Program) -> None:
        for path in (
            "/clicks?filter[profileContacts]=a",
            "/clicks?filter[profileContacts][starts]=a",
            "/profiles?filter[contacts]=a",
            f"/profiles/{program.client}/contacts?filter[value]=a",
            f"/profiles/{program.client}/contacts?sort_by=value",
        ):
            assert partner.get(path).status_code == 403, path

    def test_change_nothing(self, partner: httpx.Client, program: Program) -> None:
        click = {"ip": "8.8.8.8", "uri": "https://x.example/"}
        assert partner.post("/clicks", json=click).status_code == 403
        assert partner.patch(f"/clicks/{program.click}", json={"firstName": "x"}).status_code == 403
        assert partner.delete(f"/clicks/{program.click}").status_code == 403
        assert partner.patch(f"/profiles/{program.partner}", json={"firstName": "x"}).status_code == 403
        assert partner.get("/clients").status_code == 403

    def test_see_contacts_where_the_programme_allows_it(self, tmp_path: Path) -> None:
        with serving(tmp_path / "data", partner_sees_contacts="true") as server, server.client() as admin:
            partner = admin.post("/profiles", json={}).json()["profileId"]
            admin.post("/links", json={"code": "a", "profileId": partner})
            click = admin.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/?referral=a"}).json()[
                "clickId"
            ]
            admin.patch(f"/clicks/{click}", json={"contacts": [{"key": "email", "value": "c@email.com"}]})
            with server.client("partner", partner) as own:
                assert own.get("/clicks?filter[profileContacts]=c@&query[contacts]=1").json()[0]["contacts"][0][
                    "value"
                ] == ("c@email.com")


def grant(server: Serving, client_id: str, secret: str, **options: Any) -> httpx.Response:
    options = options or {"json": {"grant_type": "client_credentials"}}
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return httpx.post(f"{server.url}/tokens", headers={"Authorization": f"Basic {basic}"}, **options)


class TestClientCredentials:
    @pytest.fixture
    def made(self, api: httpx.Client) -> dict[str, Any]:
        client: dict[str, Any] = api.post("/clients", json={"scope": "write", "name": "site"}).json()
        return client

    def test_give_a_token_that_works(self, server: Serving, made: dict[str, Any]) -> None:
        for options in (
            {"json": {"grant_type": "client_credentials"}},
            {"data": {"grant_type": "client_credentials"}},
            {"data": {"grant_type": "client_credentials", "scope": "write"}},
        ):
            answer = grant(server, made["clientId"], made["clientSecret"], **options)
            assert answer.status_code == 200, answer.text
            assert answer.json().items() >= {"token_type": "Bearer", "expires_in": 600}.items()
            assert answer.headers["Cache-Control"] == "no-store"
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            click = {"ip": "8.8.8.8", "uri": "https://x.example/"}
            assert httpx.post(f"{server.url}/clicks", json=click, headers=headers).status_code == 201
            assert httpx.get(f"{server.url}/clicks", headers=headers).status_code == 403

    def test_refuse_what_is_wrong(self, server: Serving, made: dict[str, Any]) -> None:
        assert grant(server, made["clientId"], "wrong").status_code == 401
        assert grant(server, "nobody", made["clientSecret"]).status_code == 401
        secret = made["clientSecret"]
        assert grant(server, made["clientId"], secret, json={"grant_type": "password"}).status_code == 400
        assert grant(server, made["clientId"], secret, json={}).status_code == 400
        wider = {"grant_type": "client_credentials", "scope": "admin"}
        assert grant(server, made["clientId"], secret, json=wider).status_code == 400
        assert httpx.post(f"{server.url}/tokens", json={"grant_type": "client_credentials"}).status_code == 401

    def test_rotation_and_revocation_end_what_was(
        self, server: Serving, api: httpx.Client, made: dict[str, Any]
    ) -> None:
        token = grant(server, made["clientId"], made["clientSecret"]).json()["access_token"]
        fresh = api.post(f"/clients/{made['clientId']}/secret").json()["clientSecret"]
        assert grant(server, made["clientId"], made["clientSecret"]).status_code == 401
        assert grant(server, made["clientId"], fresh).status_code == 200
        assert api.delete(f"/clients/{made['clientId']}").status_code == 204
        assert grant(server, made["clientId"], fresh).status_code == 401
        click = {"ip": "8.8.8.8", "uri": "https://x.example/"}
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.post(f"{server.url}/clicks", json=click, headers=headers).status_code == 401

    def test_secrets_are_shown_once_and_stored_as_hashes(
        self, server: Serving, api: httpx.Client, made: dict[str, Any]
    ) -> None:
        assert made["clientSecret"] not in api.get("/clients?limit=1000").text
        for file in server.data.iterdir():
            assert made["clientSecret"].encode() not in file.read_bytes()

    def test_repeated_failures_lock_an_address_out(self, tmp_path: Path) -> None:
        with serving(tmp_path / "data", lockout_failures="3", lockout_s="60") as server, server.client() as admin:
            made = admin.post("/clients", json={"scope": "read"}).json()
            in_body = {"grant_type": "client_credentials", "client_id": made["clientId"], "client_secret": "no"}
            assert grant(server, made["clientId"], "no").status_code == 401
            asked = [httpx.post(f"{server.url}/tokens", data=in_body) for _ in range(3)]
            assert [answer.status_code for answer in asked] == [401, 401, 429]
            assert asked[-1].json()["error"] == "temporarily_unavailable"
            locked = grant(server, made["clientId"], made["clientSecret"])
            assert locked.status_code == 429
            assert int(locked.headers["Retry-After"]) > 0


def test_a_partner_client_needs_its_partner(api: httpx.Client, program: Program) -> None:
    assert api.post("/clients", json={"scope": "partner"}).status_code == 422
    assert api.post("/clients", json={"scope": "read", "partnerId": program.partner}).status_code == 422
    assert api.post("/clients", json={"scope": "partner", "partnerId": program.partner}).status_code == 201


def test_a_revoked_token_ends(server: Serving, api: httpx.Client) -> None:
    done = run("token", "create", "--data", str(server.data), **server.store)
    token, token_id = done.stdout.splitlines()[-1], done.stderr.split()[1]
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{server.url}/clicks", headers=headers).status_code == 200
    assert api.post("/tokens/revocations", json={"tokenId": token_id}).status_code == 204
    assert httpx.get(f"{server.url}/clicks", headers=headers).status_code == 401


def test_what_is_stored_is_for_its_owner(server: Serving) -> None:
    for file in server.data.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    if not server.store:  # nodes on one database keep their keys there
        assert stat.S_IMODE((server.data / "signing.key").stat().st_mode) == 0o600


def test_logs_and_metrics_tell_of_requests_and_not_of_people(
    server: Serving, api: httpx.Client, program: Program, mark: str
) -> None:
    api.get(f"/clicks?filter[profileContacts]={mark}a@email.com")
    api.get(f"/nothing/{mark}")
    server_log = server.log.read_text()
    assert mark not in server_log
    assert api.headers["Authorization"].split()[1] not in server_log
    routes = {line["route"] for line in server.log_lines() if line.get("event") == "request"}
    assert {"/clicks", "/clicks/{clickId}", "/profiles"} <= routes
    metrics = api.get("/metrics").text
    assert 'clicktrail_requests_total{method="POST",route="/clicks",status="201"}' in metrics
    assert 'clicktrail_clicks_total{outcome="recorded"}' in metrics
    assert mark not in metrics
    assert program.click not in metrics
