"""What no good client sends: bodies that never end, odd Host headers, guessed codes. Each gets its answer, and ends."""

import asyncio
import base64
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import NewStore
from tests.serving import Serving, serving

BODY_S, HEADER_S = 1, 2
PATIENCE_S = 8
"""Longer than anything is waited for on a machine that is busy."""
POST = "POST {path} HTTP/1.1\r\nHost: x\r\n{more}"


@pytest.fixture(scope="module")
def strict(engine_kind: str, tmp_path_factory: pytest.TempPathFactory, new_store: NewStore) -> Iterator[Serving]:
    """A server with small limits, which believes X-Forwarded-For."""
    limits = {
        "body_timeout_s": str(BODY_S),
        "header_timeout_s": str(HEADER_S),
        "visits_per_minute": "5",
        "lockout_failures": "3",
        "trusted_proxies": "127.0.0.0/8",
    }
    with serving(tmp_path_factory.mktemp("strict") / "data", **limits, **new_store(engine_kind)) as running:
        yield running


@dataclass
class Ended:
    """How a connection ended: what was answered, and after how long it was closed."""

    answer: bytes
    seconds: float

    @property
    def status(self) -> int:
        return int(self.answer.split()[1]) if self.answer else 0


def place_of(server: Serving) -> tuple[str, int]:
    host, port = server.url.removeprefix("http://").split(":")
    return host, int(port)


async def hold(server: Serving, head: str, drip: bytes = b"") -> Ended:
    """Sends a part of a request, then nothing, or `drip` again and again, until the server closes the connection."""
    reader, writer = await asyncio.open_connection(*place_of(server))
    started = time.monotonic()
    writer.write(head.encode())

    async def drop() -> None:
        while drip:
            writer.write(drip)
            await writer.drain()
            await asyncio.sleep(0.1)

    dropping = asyncio.create_task(drop())
    try:
        async with asyncio.timeout(PATIENCE_S):
            try:
                answer = await reader.read(-1)
            except ConnectionError:  # it is closed while there is more of the body under way
                answer = b""
        return Ended(answer, time.monotonic() - started)
    finally:
        dropping.cancel()
        writer.close()


def test_bodies_that_do_not_come_are_ended_while_others_are_served(strict: Serving) -> None:
    token = f"Authorization: Bearer {strict.token('write')}\r\n"
    begun, chunked = "Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
    half_sent = [
        *[POST.format(path="/tokens", more=begun)] * 100,
        *[POST.format(path=path, more=rest) for path in ("/tokens", "/collect") for rest in (begun, chunked)],
        *[
            POST.format(path=path, more=token + rest)
            for path in ("/clicks", "/clicks/batch")
            for rest in (begun, chunked)
        ],
    ]
    dripping = [POST.format(path="/tokens", more=begun), POST.format(path="/clicks", more=token + begun)]

    async def run() -> tuple[list[Ended], list[Ended], Ended, Ended, float]:
        holding = asyncio.gather(*(hold(strict, head) for head in half_sent))
        dropping = asyncio.gather(*(hold(strict, head, b" ") for head in dripping))
        headers = asyncio.create_task(hold(strict, "GET /health HTTP/1.1\r\nHost: x\r\n", b"A: b\r\n"))
        large = POST.format(path="/clicks", more=token + "Content-Length: 200000000\r\n\r\n") + " " * 2_000_000
        draining = asyncio.create_task(hold(strict, large))
        async with httpx.AsyncClient(base_url=strict.url, timeout=PATIENCE_S) as client:
            await asyncio.sleep(BODY_S / 4)
            asked = time.monotonic()
            assert (await client.get("/health")).status_code == 200
            waited = time.monotonic() - asked
        return await holding, await dropping, await headers, await draining, waited

    held, dripped, headers, large, waited = asyncio.run(run())
    assert {each.status for each in held} == {408}
    assert all(b'"urn:clicktrail:problem:slow-body"' in each.answer for each in held)
    assert min(each.seconds for each in held) >= BODY_S * 0.9
    assert {each.status for each in dripped} <= {408, 0}
    assert headers.status == 0
    assert large.status == 413
    assert waited < PATIENCE_S / 2
    assert max(each.seconds for each in (*held, *dripped, headers, large)) < PATIENCE_S / 2


def test_large_bodies_are_refused_where_none_is_needed(strict: Serving) -> None:
    for path, size in (("/tokens", 4 * 1024), ("/collect", 32 * 1024)):
        kind = {"Content-Type": "application/json"}
        assert httpx.post(strict.url + path, content=b" " * (size + 1), headers=kind).status_code == 413
        assert httpx.post(strict.url + path, content=b" " * size, headers=kind).status_code in (400, 401)


def send(server: Serving, text: bytes, answers: int = 1) -> bytes:
    """All that is answered, until there are so many answers or the connection is closed."""
    with socket.create_connection(place_of(server), timeout=PATIENCE_S) as connection:
        connection.sendall(text)
        got = b""
        while got.count(b"HTTP/1.") < answers or not got.endswith((b"}", b"\r\n\r\n")):
            piece = connection.recv(65_536)
            if not piece:
                break
            got += piece
        return got


GET = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        (GET + b"\r\n", 1),
        (b"\r\n" + GET, 1),
        (GET + b"\r\n" + GET, 2),
        (GET + b"GET /hea", 1),
        (b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}\r\n", 1),
    ],
)
def test_what_follows_a_request_delays_no_answer(server: Serving, text: bytes, answers: int) -> None:
    got = send(server, text, answers)
    assert got.count(b"HTTP/1.1 ") == answers
    assert b"HTTP/1.1 200" in got or b"HTTP/1.1 405" in got


def test_what_is_too_long_for_a_head_is_answered(server: Serving) -> None:
    long = b"a" * 80_000
    assert send(server, b"GET /" + long + b" HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 414 ")
    assert send(server, b"GET /?a=" + long + b" HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 414 ")
    assert send(server, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n").startswith(b"HTTP/1.1 431 ")
    assert send(server, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Host:\r\n",
        b"Host: a\r\nHost: b\r\n",
        b"Host: a\r\nHost: a\r\n",
        b'Host: a>; rel="next", <http://evil.example\r\n',
        b"Host: a/b\r\n",
        b"Host: a b\r\n",
        b"Host: user@a\r\n",
        b"Host: a..b\r\n",
        b"Host: a:port\r\n",
        b"Host: a:65536\r\n",
        b"Host: %61\r\n",
        b"Host: [::1\r\n",
        b"Host: [fe80::1%25eth0]\r\n",
        b"Host: \xc3\xa4.example\r\n",
        b"Host: " + b"a" * 64 + b"\r\n",
    ],
)
def test_a_host_header_that_names_no_host_is_refused(server: Serving, head: bytes) -> None:
    answer = send(server, b"GET /health HTTP/1.1\r\n" + head + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer
    assert b"Host header" in answer


@pytest.mark.parametrize("host", ["x", "EXAMPLE.com", "a_b.example.", "x:8000", "x:", "127.0.0.1:80", "[::1]:8000"])
def test_links_name_the_host_that_was_asked(api: httpx.Client, mark: str, host: str) -> None:
    ids = [api.post("/banners", json={"bannerName": mark}).json()["bannerId"] for _ in range(2)]
    answer = api.get(f"/banners?filter[bannerName]={mark}&limit=1", headers={"Host": host})
    assert answer.headers["Link"].startswith(f"<http://{host}/banners?")
    made = api.post("/banners", json={"bannerName": mark}, headers={"Host": host})
    assert urlsplit(made.headers["Location"])[:2] == ("http", host)
    assert ids


def test_without_a_host_links_name_the_address_that_was_asked(server: Serving, api: httpx.Client, mark: str) -> None:
    body = b'{"bannerName": "%s"}' % mark.encode()
    authorization = api.headers["Authorization"].encode()
    head = b"POST /banners HTTP/1.0\r\nContent-Length: %d\r\nAuthorization: %s\r\n\r\n" % (len(body), authorization)
    answer = send(server, head + body)
    assert f"location: {server.url}/banners/".encode() in answer


def ask(server: Serving, path: str, address: str, method: str = "GET", **more: str) -> int:
    headers = {"X-Forwarded-For": address, "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0", **more}
    return httpx.request(method, server.url + path, headers=headers).status_code


def test_codes_cannot_be_guessed_without_limit(strict: Serving) -> None:
    with strict.client() as api:
        api.post("/links", json={"code": "known", "uri": "https://shop.example/"})
    assert [ask(strict, f"/r/guess-{number}", "8.8.8.1") for number in range(7)] == [404] * 5 + [429] * 2
    assert [ask(strict, f"/r/guess-{number}", "8.8.8.2", "HEAD") for number in range(7)] == [404] * 5 + [429] * 2
    for address in ("8.8.8.1", "8.8.8.2"):  # whether there is such a link is not said by any method or agent
        assert ask(strict, "/r/known", address, "HEAD") == 429
        assert ask(strict, "/r/known", address, **{"User-Agent": "WhatsApp/2.23.20.0"}) == 429
    assert [ask(strict, "/r/known", "8.8.8.3", "HEAD") for _ in range(9)] == [302] * 9


def test_limits_count_networks_not_spellings(strict: Serving) -> None:
    six = [f"2a00:1450:4001:801::{number:x}" for number in range(1, 8)]
    assert [ask(strict, "/r/none", address) for address in six] == [404] * 5 + [429] * 2
    assert ask(strict, "/r/none", "2a00:1450:4001:802::1") == 404
    four = ["9.9.9.9", "::ffff:9.9.9.9", "::ffff:909:909"] * 2
    assert [ask(strict, "/r/none", address) for address in four] == [404] * 5 + [429]
    assert ask(strict, "/r/none", "9.9.9.8") == 404


def authenticate(server: Serving, credentials: str, address: str) -> int:
    basic = base64.b64encode(credentials.encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "X-Forwarded-For": address}
    grant = {"grant_type": "client_credentials"}
    return httpx.post(f"{server.url}/tokens", json=grant, headers=headers).status_code


@pytest.mark.parametrize("credentials", ["%00:secret", "a%00b:c", "id:%00", "a\0:b", "none:wrong", "no colon"])
def test_credentials_that_are_none_are_failures(strict: Serving, credentials: str) -> None:
    network = f"2a00:1450:{sum(credentials.encode()):x}:1"
    answers = [authenticate(strict, credentials, f"{network}::{number}") for number in range(5)]
    assert answers == [401, 401, 401, 429, 429]
    assert authenticate(strict, credentials, f"{network[:-1]}2::1") == 401


@pytest.mark.parametrize("path", ["/health", "/nothing", "/clicks", "/docs", "/openapi.json", "/p.gif", "/r/none"])
def test_no_answer_may_be_taken_for_another_type(server: Serving, path: str) -> None:
    assert httpx.get(server.url + path).headers.get_list("X-Content-Type-Options") == ["nosniff"]


def test_the_docs_are_in_no_frame_and_keep_no_token(server: Serving) -> None:
    assert "frame-ancestors 'none'" in httpx.get(f"{server.url}/docs").headers["Content-Security-Policy"]
    assert "persistAuthorization: false" in httpx.get(f"{server.url}/docs/start.js").text


REFUSED_CODES = [
    *(".", "..", "a/b", "/", "a\\b", " a", "a ", "a  b", " ", "a\tb", "a\r\nb", "a\x7fb"),
    *("abc\u202edef", "\u2066a", "a\u200bb", "a\u200db", "\u00ada", "\ufeffa", "a\u2028b", "a\u00a0b", "a\u3164"),
    *("a\ufe0fb", "a\u034fb", "\U000e0041", "\ue000", "\u0378", "e\u0301", "caf\u0065\u0301", "\u1100\u1161", "\u212b"),
]


@pytest.mark.parametrize("code", REFUSED_CODES, ids=ascii)
def test_codes_that_cannot_be_followed_or_told_apart_are_refused(api: httpx.Client, code: str) -> None:
    refused = api.post("/links", json={"code": code})
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/code"]
    link_id = api.post("/links", json={}).json()["linkId"]
    assert api.patch(f"/links/{link_id}", json={"code": code}).status_code == 422


@pytest.mark.parametrize("code", ["a b", "...", "a.b", "é", "가", "100%", "a+b", "a?b#c", "ñandú", "日本語", "مرحبا"])
def test_every_code_that_is_taken_can_be_followed(server: Serving, api: httpx.Client, code: str, mark: str) -> None:
    made = api.post("/links", json={"code": code + mark, "uri": "https://shop.example/"})
    assert made.status_code == 201
    answer = httpx.get(httpx.URL(server.url, raw_path=b"/r/" + quoted(code + mark)))
    assert answer.status_code == 302
    [click] = api.get(f"/clicks?filter[linkId]={made.json()['linkId']}").json()
    uri = f"https://shop.example/?referral={quoted(code + mark).decode()}"
    again = api.post("/clicks", json={"ip": "8.8.8.8", "uri": uri}).json()
    assert again["linkId"] == click["linkId"] == made.json()["linkId"]


def quoted(text: str) -> bytes:
    return "".join(f"%{byte:02X}" for byte in text.encode()).encode()


def test_a_code_that_is_not_given_is_made(api: httpx.Client) -> None:
    for body in ({}, {"code": None}, {"code": ""}):
        made = api.post("/links", json=body)
        assert made.status_code == 201
        assert len(made.json()["code"]) == 11


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://a.example\\@evil.example/", "https://a.example/@evil.example/"),
        ("HTTPS://A.Example:443", "https://a.example/"),
        ("https://@a.example/x/../y", "https://a.example/y"),
        ("https://a.example/\r\nSet-Cookie: a=b", "https://a.example/Set-Cookie:%20a=b"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("https://bücher.example/ä?ö#ü", "https://xn--bcher-kva.example/%C3%A4?%C3%B6#%C3%BC"),
    ],
)
def test_landing_pages_are_shown_as_visitors_are_led(
    server: Serving, api: httpx.Client, mark: str, written: str, shown: str
) -> None:
    link = {"code": mark, "uri": written, "fallbackUri": written, "uuid": mark}
    made = api.post("/links", json=link)
    assert made.json()["uri"] == shown
    assert api.post("/links", json=link).status_code == 200  # the same link, not another one
    path = f"/links/{made.json()['linkId']}"
    assert api.get(f"{path}?query[redirect]=1").json()["redirect"]["fallbackUri"] == shown
    led = httpx.get(f"{server.url}/r/{mark}").headers["Location"]
    assert urlsplit(led)[:3] == urlsplit(shown)[:3]
    api.patch(path, json={"enabled": False})
    assert httpx.get(f"{server.url}/r/{mark}").headers["Location"] == shown


@pytest.mark.parametrize(
    "uri", ["https://a.example@evil.example/", "https://user:password@a.example/", "https://:p@a/"]
)
def test_landing_pages_have_no_user(api: httpx.Client, uri: str) -> None:
    refused = api.post("/links", json={"uri": uri, "fallbackUri": uri})
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == {"/uri", "/fallbackUri"}
    assert api.post("/clicks", json={"ip": "8.8.8.8", "uri": uri}).json()["uri"] == uri


def test_connections_are_bounded_and_idle_ones_make_room(tmp_path: Path) -> None:
    with serving(tmp_path / "data", max_connections="16", header_timeout_s="1") as server:
        idle = [socket.create_connection(place_of(server)) for _ in range(20)]
        started = time.monotonic()
        assert httpx.get(f"{server.url}/health", timeout=4 * PATIENCE_S).status_code == 200
        assert time.monotonic() - started > 0.5
        for each in idle:
            each.close()


def test_guesses_that_are_sent_at_once_pass_no_lock(strict: Serving) -> None:
    """As many are answered as would be one after the other, whether the secret was right or wrong."""

    async def guess_all() -> list[int]:
        basic = base64.b64encode(b"none:wrong").decode()
        headers = {"Authorization": f"Basic {basic}", "X-Forwarded-For": "2a00:1450:beef::1"}
        async with httpx.AsyncClient(base_url=strict.url, headers=headers, timeout=30) as client:
            asked = [client.post("/tokens", json={"grant_type": "client_credentials"}) for _ in range(40)]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    statuses = asyncio.run(guess_all())
    assert (statuses.count(401), statuses.count(429)) == (3, 37)


@pytest.mark.parametrize(("method", "path"), [("POST", "/clicks"), ("PUT", "/clicks"), ("POST", "/nothing")])
def test_an_answer_before_the_body_says_that_the_connection_ends(server: Serving, method: str, path: str) -> None:
    """Otherwise a client sends its next request on a connection that is closed."""
    with socket.create_connection(place_of(server), timeout=PATIENCE_S) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n".encode())
        head = connection.recv(65_536).partition(b"\r\n\r\n")[0].lower()
    assert b"connection: close" in head
