"""gzip both ways: answers where it is asked for, bodies within the size limit."""

import gzip
import json
import zlib
from pathlib import Path

import httpx
import pytest

from clicktrail.http.endpoint.compression import accepts_gzip
from tests.serving import Serving, serving

URI = "https://x.example/?utm_source="
GZIP = {"Content-Encoding": "gzip", "Content-Type": "application/json"}


@pytest.fixture
def page(api: httpx.Client, mark: str) -> str:
    """A page of 200 clicks: about 150 KB."""
    assert api.post("/clicks/batch", json=[{"ip": "8.8.8.8", "uri": URI + mark}] * 200).status_code == 201
    return f"/clicks?limit=200&filter[utmSource]={mark}"


def raw(api: httpx.Client, url: str, encoding: str, method: str = "GET") -> tuple[httpx.Response, bytes]:
    """An answer, and its body as it came."""
    with api.stream(method, url, headers={"Accept-Encoding": encoding}) as answer:
        return answer, b"".join(answer.iter_raw())


def test_answers_are_compressed_when_that_is_asked_for(api: httpx.Client, page: str) -> None:
    plain, whole = raw(api, page, "identity")
    packed, body = raw(api, page, "br, gzip;q=0.8")
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
    assert json.loads(gzip.decompress(body)) == json.loads(whole)
    assert len(body) == int(packed.headers["Content-Length"]) < len(whole) / 5
    for answer in (plain, packed):
        assert answer.headers["Vary"] == "Accept-Language, Accept-Encoding"
    head, nothing = raw(api, page, "gzip", "HEAD")
    assert (head.headers["Content-Encoding"], nothing) == ("gzip", b"")


def test_small_answers_and_pictures_stay_as_they_are(api: httpx.Client, mark: str) -> None:
    link = api.post("/links", json={"code": mark}).json()["linkId"]
    for url in ("/health", f"/links/{link}/qr?format=png", "/clicks/export?format=parquet&filter[utmSource]=nothing"):
        answer, _ = raw(api, url, "gzip")
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer.headers, url
    svg, body = raw(api, f"/links/{link}/qr", "gzip")
    assert svg.headers["Content-Encoding"] == "gzip"
    assert b"<svg" in gzip.decompress(body)


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_exports_are_compressed_as_they_go(api: httpx.Client, page: str, kind: str) -> None:
    url = page.replace("/clicks?limit=200&", f"/clicks/export?format={kind}&")
    plain, whole = raw(api, url, "identity")
    packed, body = raw(api, url, "gzip")
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
    assert sorted(gzip.decompress(body).splitlines()) == sorted(whole.splitlines())


def test_problems_are_compressed_too(api: httpx.Client) -> None:
    answer, body = raw(api, "/clicks?" + "&".join(f"none{n}=1" for n in range(50)), "gzip")
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (400, "gzip")
    assert len(json.loads(gzip.decompress(body))["errors"]) == 50


@pytest.mark.parametrize(
    ("header", "is_taken"),
    [
        ("", False),
        ("gzip", True),
        ("GZip", True),
        ("x-gzip", True),
        ("deflate, br", False),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*, gzip;q=0", False),
        ("gzip;q=0.5, identity;q=0.9", False),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip;q=2", False),
        ("gzip;q=", False),
        ("gzip;q=x, *", False),
        (",;q=1,,gzip", True),
    ],
)
def test_weights_are_read(header: str, is_taken: bool) -> None:
    assert accepts_gzip(header) is is_taken


def test_bodies_may_come_compressed(api: httpx.Client, mark: str) -> None:
    click = {"ip": "8.8.8.8", "uri": URI + mark}
    for coding in ("gzip", "x-gzip", "GZIP"):
        headers = GZIP | {"Content-Encoding": coding}
        answer = api.post("/clicks", content=gzip.compress(json.dumps(click).encode()), headers=headers)
        assert answer.status_code == 201, answer.text
    assert api.post("/clicks", json=click, headers={"Content-Encoding": "identity"}).status_code == 201
    lines = [gzip.compress(json.dumps(click).encode() + b"\n") for _ in range(3)]
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"}
    assert api.post("/clicks/batch", content=b"".join(lines), headers=headers).json()["created"] == 3
    assert len(api.get(f"/clicks?limit=100&filter[utmSource]={mark}").json()) == 7


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{}", 400),
        (gzip.compress(b"{}" * 999)[:-9], 400),
        (gzip.compress(b"{}") + b"more", 400),
        (gzip.compress(b"") * 101, 400),
        (zlib.compress(b"{}"), 400),
        (b"", 400),
        (gzip.compress(b"[]"), 422),
    ],
    ids=["plain", "ends early", "more behind", "many members", "zlib", "empty", "no click"],  # gzip holds the time
)
def test_what_is_no_gzip_is_refused(api: httpx.Client, content: bytes, status: int) -> None:
    assert api.post("/clicks", content=content, headers=GZIP).status_code == status


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_other_codings_are_refused(api: httpx.Client, coding: str) -> None:
    answer = api.post("/clicks", content=b"x", headers=GZIP | {"Content-Encoding": coding})
    assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "gzip, identity")


def test_the_limit_is_that_of_the_plain_body(tmp_path: Path) -> None:
    with serving(tmp_path / "data", max_body_bytes="4096") as server, server.client() as api:
        text = json.dumps({"ip": "8.8.8.8", "uri": URI}).encode()
        fits = text + b" " * (4096 - len(text))
        assert api.post("/clicks", content=gzip.compress(fits), headers=GZIP).status_code == 201
        assert api.post("/clicks", content=gzip.compress(fits + b" "), headers=GZIP).status_code == 413
        before, bomb = peak_kib(server), zlib_bomb(256 << 20)
        for _ in range(3):
            answer = api.post("/clicks/batch", content=bomb, headers=GZIP)
            assert answer.status_code == 413, answer.text
        assert peak_kib(server) - before < 300 * 1024  # a batch may have 64 MiB, and is made at most twice


def zlib_bomb(size: int) -> bytes:
    coder, piece = zlib.compressobj(1, wbits=31), bytes(1 << 20)
    return b"".join([*(coder.compress(piece) for _ in range(size >> 20)), coder.flush()])


def peak_kib(server: Serving) -> int:
    """The most memory that a server ever had."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
