"""Every answer names its request, and the log does too."""

import re

import httpx
import pytest

from tests.serving import Serving
from tests.waiting import until

CLICK = {"ip": "8.8.8.8", "uri": "https://x.example/"}


def test_an_id_comes_back_on_every_answer(server: Serving, api: httpx.Client, mark: str) -> None:
    api.post("/links", json={"code": mark, "uri": "https://shop.example.org/"})
    asked = [
        ("GET", "/clicks", 200),
        ("POST", "/clicks", 201),
        ("GET", f"/r/{mark}", 302),
        ("GET", "/r/no-such-link", 404),
        ("GET", "/nothing", 404),
        ("GET", "/clicks?x=1", 400),
        ("TRACE", "/clicks", 405),
        ("GET", "/p.gif", 200),
        ("OPTIONS", "/collect", 403),
        ("GET", "/clicks/export", 200),
        ("DELETE", "/clicks/6006dda272f002519c3eb505", 404),
    ]
    made = set()
    for number, (method, path, status) in enumerate(asked):
        body = CLICK if method == "POST" else None
        own = f"{mark}-{number}:a/b"
        given = api.request(method, path, json=body, headers={"X-Request-Id": own})
        assert (given.status_code, given.headers["X-Request-Id"]) == (status, own), path
        made.add(api.request(method, path, json=body).headers["X-Request-Id"])
    assert len(made) == len(asked)
    assert all(re.fullmatch("[0-9a-f]{20}", each) for each in made)
    refused = httpx.get(f"{server.url}/clicks")
    assert (refused.status_code, len(refused.headers["X-Request-Id"])) == (401, 20)


@pytest.mark.parametrize("bad", ["", "a b", 'a"b', "a\tb", "é", "x" * 129, "{}", "a,b"])
def test_what_is_not_well_formed_is_replaced(api: httpx.Client, bad: str) -> None:
    answer = api.get("/health", headers={b"X-Request-Id": bad.encode()})
    assert re.fullmatch("[0-9a-f]{20}", answer.headers["X-Request-Id"])


def test_it_is_in_the_log(server: Serving, api: httpx.Client, mark: str) -> None:
    for path in ("/clicks", "/r/no-such-link"):
        api.get(path, headers={"X-Request-Id": f"{mark}{path}"})
    own = api.post("/clicks", json=CLICK).headers["X-Request-Id"]
    wanted = {f"{mark}/clicks": "/clicks", f"{mark}/r/no-such-link": "/r/{code}", own: "/clicks"}

    def found() -> dict[str, str]:
        lines = [line for line in server.log_lines() if line["event"] == "request"]
        return {line["request_id"]: line["route"] for line in lines if line["request_id"] in wanted}

    until(lambda: found() == wanted, "the log has them")


def test_a_page_of_a_site_may_read_it(server: Serving, api: httpx.Client, mark: str) -> None:
    origin = f"https://{mark}.example"
    key = api.post("/sites", json={"origins": [origin]}).json()["key"]
    body = {"key": key, "uri": f"{origin}/"}
    answer = httpx.post(f"{server.url}/collect", json=body, headers={"Origin": origin})
    assert answer.status_code == 201
    assert answer.headers["Access-Control-Expose-Headers"] == "X-Request-Id"
