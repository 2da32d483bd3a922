"""POST /tokens as OAuth libraries use it: authlib, requests-oauthlib, and what RFC 6749 says of errors."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError, InvalidScopeError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from clicktrail.http.endpoint.problems import OAUTH_ERRORS
from tests.conftest import NewStore
from tests.serving import Serving, serving

Made = dict[str, Any]
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def server(engine_kind: str, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[Serving]:
    """A server of their own: failures would lock out the other tests."""
    with serving(
        tmp_path_factory.mktemp("oauth") / "data", lockout_failures="1000", **new_store(engine_kind)
    ) as running:
        yield running


@pytest.fixture(scope="module")
def api(server: Serving) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def made(api: httpx.Client) -> Made:
    client: Made = api.post("/clients", json={"scope": "admin", "name": "site"}).json()
    return client


def in_body(made: Made, **more: str) -> dict[str, str]:
    return {**GRANT, "client_id": made["clientId"], "client_secret": made["clientSecret"], **more}


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib(server: Serving, made: Made, method: str) -> None:
    url = f"{server.url}/tokens"
    options = {"token_endpoint_auth_method": method, "token_endpoint": url, "scope": "read"}
    with AuthlibSession(made["clientId"], made["clientSecret"], **options) as session:
        token = session.fetch_token(url)
        assert (token["scope"], token["token_type"]) == ("read", "Bearer")
        assert session.get(f"{server.url}/clicks").status_code == 200
        assert session.post(f"{server.url}/clicks", json={}).status_code == 403
        with pytest.raises(OAuthError) as refused:
            session.fetch_token(url, scope="partner")
        assert refused.value.error == "invalid_scope"
        assert "allowed: admin, read, write" in refused.value.description
    with AuthlibSession(made["clientId"], "wrong", **options) as session, pytest.raises(OAuthError) as refused:
        session.fetch_token(url)
    assert refused.value.error == "invalid_client"


@pytest.mark.parametrize("include_client_id", [None, True, False])
def test_requests_oauthlib(
    server: Serving, made: Made, include_client_id: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    url, own = f"{server.url}/tokens", made["clientId"]
    ways: list[dict[str, Any]] = [
        {"auth": HTTPBasicAuth(own, made["clientSecret"])},
        {"client_secret": made["clientSecret"], "include_client_id": include_client_id},
    ]
    for way in ways:
        with OAuth2Session(client=BackendApplicationClient(client_id=own)) as session:
            token = session.fetch_token(token_url=url, **way)
            assert token["scope"] == ["admin"]
            assert session.get(f"{server.url}/clicks").status_code == 200
    with OAuth2Session(client=BackendApplicationClient(client_id=own, scope="postback")) as session:
        with pytest.raises(InvalidScopeError):
            session.fetch_token(token_url=url, **ways[0])
        with pytest.raises(InvalidClientError):
            session.fetch_token(token_url=url, auth=HTTPBasicAuth(own, "wrong"))


def test_the_body_may_name_the_client_and_more_than_is_known(server: Serving, made: Made) -> None:
    for options in (
        {"data": in_body(made, resource="https://x.example", audience="y", scope="")},
        {"json": in_body(made, resource="https://x.example") | {"scope": None}},
        {"data": {**GRANT, "client_id": made["clientId"]}, "auth": (made["clientId"], made["clientSecret"])},
    ):
        answer = httpx.post(f"{server.url}/tokens", **options)
        assert (answer.status_code, answer.json()["scope"]) == (200, "admin"), answer.text


@pytest.mark.parametrize(
    ("body", "has_header", "status", "error"),
    [
        ("grant_type=password", True, 400, "unsupported_grant_type"),
        ("grant_type=", True, 400, "invalid_request"),
        ("", True, 400, "invalid_request"),
        ("grant_type=client_credentials&grant_type=client_credentials", True, 400, "invalid_request"),
        ("grant_type=client_credentials&scope=partner", True, 400, "invalid_scope"),
        ("grant_type=client_credentials&scope=read+write", True, 400, "invalid_scope"),
        ('{"grant_type": "client_credentials", "scope": 5}', True, 400, "invalid_request"),
        ("[]", True, 400, "invalid_request"),
        ("{", True, 400, "invalid_request"),
        ("grant_type=client_credentials&client_id=ID&client_secret=SECRET", True, 400, "invalid_request"),
        ("grant_type=client_credentials&client_id=other", True, 400, "invalid_request"),
        ("grant_type=client_credentials", False, 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=ID", False, 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=ID&client_secret=no", False, 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=%00&client_secret=no", False, 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=%ff%ed%a0%80&client_secret=%ed%a0%80", False, 401, "invalid_client"),
        ('{"grant_type": "client_credentials", "client_id": "\\ud800", "client_secret": "\\ud800"}', False, 400, ""),
    ],
)
def test_errors_are_those_of_the_rfc(
    server: Serving, made: Made, body: str, has_header: bool, status: int, error: str
) -> None:
    content = body.replace("ID", made["clientId"]).replace("SECRET", made["clientSecret"])
    kind = "application/json" if body[:1] in ("[", "{") else "application/x-www-form-urlencoded"
    auth = (made["clientId"], made["clientSecret"]) if has_header else None
    answer = httpx.post(f"{server.url}/tokens", content=content, headers={"Content-Type": kind}, auth=auth)
    told = answer.json()
    assert (answer.status_code, told["status"]) == (status, status), answer.text
    assert told["error"] == (error or "invalid_request")
    assert told["error_description"].isascii()
    assert '"' not in told["error_description"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_what_is_refused_before_the_body_is_read_says_so_too(server: Serving, made: Made) -> None:
    auth = (made["clientId"], made["clientSecret"])
    url = f"{server.url}/tokens"
    answers = [
        httpx.post(f"{url}?grant_type=client_credentials", data=GRANT, auth=auth),
        httpx.post(url, content=b"<x/>", headers={"Content-Type": "text/xml"}, auth=auth),
        httpx.post(url, data=GRANT, headers={"Accept": "text/html"}, auth=auth),
    ]
    assert [answer.status_code for answer in answers] == [400, 415, 406]
    assert {answer.json()["error"] for answer in answers} == {"invalid_request"}


def test_the_document_names_the_flow_and_the_errors(api: httpx.Client) -> None:
    document = api.get("/openapi.json").json()
    flow = document["components"]["securitySchemes"]["oauth"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == "/tokens"
    assert set(flow["scopes"]) == {"admin", "write", "read", "partner", "postback"}
    assert {"oauth": ["read"]} in document["paths"]["/clicks"]["get"]["security"]
    assert {"oauth": ["partner"]} not in document["paths"]["/clicks"]["post"]["security"]
    assert document["components"]["schemas"]["Problem"]["properties"]["error"]["enum"] == list(OAUTH_ERRORS)
