"""Input that no client should send: the right 4xx, a problem document, nothing stored, never a 500."""

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.asking import count_clicks
from tests.serving import Serving, serving
from tests.waiting import until

GOOD = b'{"ip":"8.8.8.8","uri":"https://x.example/"}'


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"nul", 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400),
        (b'{"ip":"\xff"}', 400),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/\xc3\x28"}', 400),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/","uuid":"\\ud800"}', 400),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/","uuid":"a\\udc00b"}', 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b"{}", 422),
        (b'{"ip":8,"uri":"https://x.example/"}', 422),
        (b'{"ip":"8.8.8.8","uri":null}', 422),
        (b'{"ip":"8.8.8.256","uri":"https://x.example/"}', 422),
        (b'{"ip":"fe80::1%eth0","uri":"https://x.example/"}', 422),
        (b'{"ip":"8.8.8.8","uri":"/register"}', 422),
        (b'{"ip":"8.8.8.8","uri":"javascript:alert(1)"}', 422),
        (b'{"ip":"8.8.8.8","uri":"x.example:8080/register"}', 422),
        (b'{"ip":"8.8.8.8","uri":"c:\\\\register"}', 422),
        (b'{"ip":"8.8.8.8","uri":"myapp:"}', 422),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/","clickId":"ffffffffffffffffffffffff"}', 422),
        (b'{"ip":"8.8.8.8","uri":"https:x.example"}', 422),
        (b'{"ip":"8.8.8.8","uri":"https://"}', 422),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/","foo":1}', 422),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/","uuid":"a\\u0000b"}', 422),
        (b'{"ip":"8.8.8.8\\u0000","uri":"https://x.example/"}', 422),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/","time":"2021-01-01T00:00:00"}', 422),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/","time":16094592}', 422),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/","time":"0001-01-01T00:00:00+14:00"}', 422),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/' + b"a" * 9216 + b'"}', 422),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/' + "ä".encode() * 4200 + b'"}', 422),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/","locale":"' + b"a" * 2049 + b'"}', 422),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/","uuid":"' + b"a" * 256 + b'"}', 422),
        (b'{"ip":"8.8.8.8","uri":"https://x.example/","x":"' + b"a" * 3_000_000 + b'"}', 413),
    ],
)
def test_bad_bodies(api: httpx.Client, content: bytes, status: int) -> None:
    before = count_clicks(api)
    answer = api.post("/clicks", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert count_clicks(api) == before


def test_every_mistake_of_a_body_is_named_at_once(api: httpx.Client) -> None:
    bad = {"ip": "x", "time": "y", "uuid": True, "bar": 2, "locale": "a" * 3000}
    errors = api.post("/clicks", json=bad).json()["errors"]
    assert {error["pointer"] for error in errors} == {"/ip", "/uri", "/time", "/uuid", "/bar", "/locale"}
    allowed = next(error for error in errors if error["pointer"] == "/bar")
    assert "userAgent" in allowed["detail"]


def test_every_mistake_of_a_registration_is_named_at_once(api: httpx.Client) -> None:
    """Also those inside `profile` when there are others next to it, and all of one contact."""
    click = api.post("/clicks", content=GOOD).json()["clickId"]
    contacts = [{"key": "phone", "value": "1", "x": 2}, {"key": "fax", "value": "1", "uuid": []}]
    client = {"firstName": 5, "bar": 1, "contacts": contacts}
    inside = {"/firstName", "/bar", "/contacts/0/x", "/contacts/0/value", "/contacts/1/key", "/contacts/1/uuid"}
    bodies: list[tuple[dict[str, Any], set[str]]] = [
        ({"profile": client, "a/b": 2, "ip": "1.1.1.1"}, {"/a~1b", "/ip", *(f"/profile{each}" for each in inside)}),
        ({**client, "ip": "1.1.1.1"}, {"/ip", *inside}),
        ({"profile": {}, "foo": 1, "ip": "1.1.1.1"}, {"/foo", "/ip"}),
    ]
    for body, pointers in bodies:
        answer = api.patch(f"/clicks/{click}", json=body)
        assert answer.status_code == 422
        assert {error["pointer"] for error in answer.json()["errors"]} == pointers
    many = {f"x{number}": 1 for number in range(300)}
    answer = api.patch(f"/clicks/{click}", json={"profile": {}, **many})
    assert len(answer.json()["errors"]) == 100
    assert "300 mistakes" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/xml", "json"])
def test_other_content_types_are_415(api: httpx.Client, kind: str) -> None:
    assert api.post("/clicks", content=GOOD, headers={"Content-Type": kind}).status_code == 415


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/vnd.api+json", "application/x-www-form-urlencoded", None]
)
def test_what_is_taken_as_json(api: httpx.Client, kind: str | None) -> None:
    assert api.post("/clicks", content=GOOD, headers={"Content-Type": kind} if kind else {}).status_code == 201


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml;q=1", "application/json;q=0", "application/json;q=0, */*", "json", ",,"]
)
def test_what_cannot_be_sent_is_406(api: httpx.Client, accept: str) -> None:
    assert api.get("/clicks", headers={"Accept": accept}).status_code == 406


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*",
        "application/*;q=0.1",
        "application/problem+json",
        "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    ],
)
def test_what_can_be_sent_is_sent(api: httpx.Client, accept: str) -> None:
    assert api.get("/clicks", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=1.5",
        "limit=ten",
        "limit=٣",
        "limit=1&limit=2",
        "offset=-1",
        "offset=99999999999999999999",
        "sort_by=profileId",
        "sort_order=up",
        "cursor=abc",
        "cursor=%00",
        "offset=1&cursor=abc",
        "filter=x",
        "filter[]=x",
        "filter[x]=1",
        "filter[uri][eq][eq]=x",
        "filter[uri][like]=x",
        "filter[uri=x",
        "filteruri]=x",
        "filter[[uri]]=x",
        "filter[uri]x=x",
        "filter[linkId][contains]=ab",
        "filter[linkId]=x",
        "filter[ip]=1.2.3",
        "filter[ip][in]=1.2.3.4/33",
        "filter[latitude]=north",
        "filter[latitude]=nan",
        "filter[registration]=2",
        "filter[uri][null]=maybe",
        "filter[clickStartTime]=2021-02-30",
        "filter[clickStartTime]=2021-01-01T00:00:00",
        "filter[uri]=%00",
        "filter[uri]=%zz",
        "filter[uri]=%C3%28",
        "filter[uri]=%ED%A0%80",
        "%FF=1",
        "query[foo]=1",
        "query[link]=2",
        "query[link][x]=1",
        "unknown=1",
        "=1",
        "&".join(["filter[uri]=a"] * 501),
        "filter[utmSource][in]=" + ",".join(["a"] * 1001),
    ],
)
def test_bad_queries_are_400_and_say_where(api: httpx.Client, query: str) -> None:
    answer = api.get(f"/clicks?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_query_where_none_is_taken_is_400(api: httpx.Client, method: str) -> None:
    path = "/clicks" if method == "POST" else "/clicks/000000000000000000000000"
    answer = api.request(method, f"{path}?dry=1", content=GOOD)
    assert answer.status_code == 400
    assert "allowed" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/clicks", "/profiles"])
def test_an_answer_to_thousands_of_mistakes_is_short(api: httpx.Client, path: str) -> None:
    """Each named mistake is longer than the key that it is about: 32 KB once had an answer of 377 KB."""
    answer = api.post(path, json={f"k{number}": 1 for number in range(3_000)})
    assert answer.status_code == 422
    assert len(answer.content) < 32_000
    assert len(answer.json()["errors"]) == 100
    assert "mistakes" in answer.json()["detail"]
    many = {"contacts": [{f"k{number}": 1 for number in range(50)}] * 50, "firstName": 1}
    assert len(api.post("/profiles", json=many).json()["errors"]) == 100


def test_every_mistake_of_a_query_is_named_at_once(api: httpx.Client) -> None:
    errors = api.get("/clicks?limit=x&filter[foo]=1&sort_by=bar&query[baz]=1&qux=1").json()["errors"]
    assert {error["parameter"] for error in errors} == {"limit", "filter[foo]", "sort_by", "query[baz]", "qux"}
    assert all("allowed" in error["detail"] or "must be" in error["detail"] for error in errors)


@pytest.mark.parametrize(
    "path", ["/clicks/x", "/clicks/%00", "/clicks/6006DDA272F002519C3EB505", "/clicks/..%2f..%2fetc"]
)
def test_ids_that_are_none_are_404(api: httpx.Client, path: str) -> None:
    assert api.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/nothing", "/clicks//", "/clicks//x", "/docs/../x"])
def test_unknown_paths_are_404_with_a_problem(api: httpx.Client, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("base", ["", "/ct"])
def test_the_root_leads_browsers_to_a_page(tmp_path: Path, base: str) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"  # of Firefox
    settings = {"base_path": base} if base else {}
    with serving(tmp_path / "data", link_hosts="go.example.org", **settings) as server:
        for path in {f"{base}/", base or "/"}:
            led = httpx.get(server.url + path, headers={"Accept": accept})
            assert (led.status_code, led.headers["Location"]) == (302, f"{base}/dashboard")
            assert httpx.get(server.url + led.headers["Location"], headers={"Accept": accept}).status_code == 200
            for program in ("*/*", "application/json", "text/html;q=0, */*", ""):
                assert httpx.get(server.url + path, headers={"Accept": program}).status_code == 404
            assert httpx.post(server.url + path, headers={"Accept": accept}).status_code == 404
            link_host = {"Accept": accept, "Host": "go.example.org"}
            assert httpx.get(server.url + path, headers=link_host).status_code == 404
        assert httpx.get(f"{server.url}{base}/nothing", headers={"Accept": accept}).status_code == 404


def test_other_methods_are_405_and_the_right_ones_are_named(api: httpx.Client) -> None:
    answer = api.delete("/profiles")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    "request_line",
    [b"GET /clicks?a=\x00 HTTP/1.1", b"GET /clicks?filter[uri]=a b HTTP/1.1", b"GET /%ff%fe HTTP/1.1", b"\x16\x03\x01"],
)
def test_broken_http_harms_nobody(server: Serving, api: httpx.Client, request_line: bytes) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 4") or not answer
    assert api.get("/health").status_code == 200


def test_head_is_get_without_a_body(api: httpx.Client) -> None:
    got, head = api.get("/clicks?limit=1"), api.head("/clicks?limit=1")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]


def test_half_a_batch_is_not_a_batch(server: Serving, api: httpx.Client, mark: str) -> None:
    before = count_clicks(api)
    host, port = server.url.removeprefix("http://").split(":")
    head = (
        b"POST /clicks/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        b"Transfer-Encoding: chunked\r\nX-Request-Id: %s\r\nAuthorization: %s\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head % (mark.encode(), api.headers["Authorization"].encode()))
        connection.sendall(b"%x\r\n%s\n\r\n" % (len(GOOD) + 1, GOOD))
    until(lambda: mark in server.log.read_text(), "the request has ended")
    assert count_clicks(api) == before
