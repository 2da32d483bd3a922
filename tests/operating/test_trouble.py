"""A visitor is led somewhere whatever happens, and the operator is told what happened."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.asking import metric
from tests.cluster import cluster
from tests.nodes.harness import wait_until_serving
from tests.serving import Serving, run, serving
from tests.waiting import until

LANDING = "https://shop.example.org/welcome"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
PERSON = {"User-Agent": BROWSER, "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PROGRAM = {"User-Agent": BROWSER, "Accept": "*/*"}


def follow(server: Serving, path: str, **headers: str) -> httpx.Response:
    return httpx.get(server.url + path, headers=PROGRAM | headers, timeout=20)


def click_id_of(answer: httpx.Response) -> str | None:
    assert answer.status_code == 302, answer.text
    target = urlsplit(answer.headers["Location"])
    assert (target.netloc, target.path) == ("shop.example.org", "/welcome")
    assert "referral" in parse_qs(target.query)
    return parse_qs(target.query).get("click_id", [None])[0]


def clicks(api: httpx.Client, outcome: str) -> float:
    return metric(api, f'clicktrail_clicks_total{{outcome="{outcome}"}}')


@contextmanager
def small_disk(folder: Path, size: str = "24m") -> Iterator[Path]:
    """A disk of its own, where the tests may mount one."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Writes until there is no byte left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 65_536)
        except OSError:
            pass
    return ballast


def test_a_full_disk_leads_visitors_on_and_is_told(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data") as disk, serving(disk) as server, server.client() as api:
        api.post("/links", json={"code": "a", "uri": LANDING})
        assert click_id_of(follow(server, "/r/a")) is not None
        assert api.get("/health").json() == {"status": "ok"}
        assert httpx.get(f"{server.url}/health/ready").json() == {"status": "ok"}
        ballast = fill(disk)
        until(lambda: click_id_of(follow(server, "/r/a")) is None, "the store takes nothing in")
        lost = clicks(api, "lost")
        assert click_id_of(follow(server, "/r/a")) is None
        assert clicks(api, "lost") == lost + 1 > 1
        health = httpx.get(f"{server.url}/health")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert "The disk of the store is full." in health.json()["reasons"]
        unready = httpx.get(f"{server.url}/health/ready")
        assert (unready.status_code, "full" in unready.json()["detail"]) == (503, True)
        assert int(unready.headers["Retry-After"]) > 0
        doctor = run("doctor", "--data", str(server.data))
        assert (doctor.returncode, "is degraded" in doctor.stdout) == (1, True)
        assert metric(api, "clicktrail_disk_free_bytes") < 1 << 20
        warned = [line for line in server.log_lines() if line["event"] == "visits without a click"]
        assert [(line["outcome"], line["level"]) for line in warned] == [("lost", "warning")]
        ballast.unlink()
        assert httpx.get(f"{server.url}/health/ready").status_code == 200
        assert click_id_of(follow(server, "/r/a")) is not None
        assert httpx.get(f"{server.url}/health").json() == {"status": "ok"}


def test_a_database_that_is_away_leads_visitors_on(tmp_path: Path) -> None:
    with (
        cluster() as database,
        serving(tmp_path / "data", database=(url := database.create("away"))) as node,
        serving(
            tmp_path / "hasty", database=url, redirect_first="true", buffer_clicks="1", buffer_wait_ms="0"
        ) as hasty,
        node.client() as api,
        hasty.client() as other,
    ):
        api.post("/links", json={"code": "a", "uri": LANDING})
        assert click_id_of(follow(node, "/r/a")) is not None
        assert click_id_of(follow(hasty, "/r/a")) is not None
        database.kill()
        assert click_id_of(follow(node, "/r/a")) is None
        started = time.monotonic()
        assert [click_id_of(follow(node, "/r/a")) for _ in range(4)] == [None] * 4
        assert time.monotonic() - started < 3, "nobody waits for what has just refused"
        health = httpx.get(f"{node.url}/health", timeout=20)
        assert (health.status_code, health.json()["reasons"]) == (200, ["The store does not answer."])
        assert httpx.get(f"{node.url}/health/ready", timeout=20).status_code == 503
        assert metric(api, "clicktrail_degraded") == 1
        assert follow(node, "/r/unknown").status_code == 503
        answers = [click_id_of(follow(hasty, "/r/a")) for _ in range(4)]
        assert None in answers, "its buffer holds one"
        assert clicks(other, "lost") == answers.count(None)
        database.start()
        wait_until_serving(node)
        assert click_id_of(follow(node, "/r/a")) is not None
        assert clicks(api, "lost") >= 1
        assert clicks(api, "recorded") + clicks(api, "lost") == 7


def test_a_limit_leads_on_without_a_click_and_guesses_no_code(tmp_path: Path) -> None:
    limits = {"visits_per_minute": "3", "trusted_proxies": "127.0.0.1"}
    with serving(tmp_path / "data", **limits) as server, server.client() as api:
        link = api.post("/links", json={"code": "busy", "uri": LANDING}).json()
        ids = [click_id_of(follow(server, "/r/busy", **{"X-Forwarded-For": "8.8.8.1"})) for _ in range(8)]
        assert [each is None for each in ids] == [False] * 3 + [True] * 5
        assert clicks(api, "limited") == 5
        assert len(api.get(f"/clicks?filter[linkId]={link['linkId']}").json()) == 3
        guesses = [follow(server, f"/r/x{n}", **{"X-Forwarded-For": "8.8.8.1"}).status_code for n in range(5)]
        assert guesses == [404] * 3 + [429] * 2
        assert follow(server, "/r/busy", **{"X-Forwarded-For": "8.8.8.1"}).status_code == 429
        assert click_id_of(follow(server, "/r/busy", **{"X-Forwarded-For": "8.8.8.2"})) is not None
        warned = [line for line in server.log_lines() if line["event"] == "visits without a click"]
        assert [line["outcome"] for line in warned] == ["limited"]
        assert "8.8.8.1" not in server.log.read_text()


def test_a_full_disk_refuses_visitors_where_the_operator_wants_it(tmp_path: Path) -> None:
    """The log is on that disk, too."""
    with (
        small_disk(tmp_path / "disk") as disk,
        serving(disk / "data", lead_anyway="false") as server,
        server.client() as api,
    ):
        api.post("/links", json={"code": "a", "uri": LANDING})
        fill(disk)
        answers = [follow(server, "/r/a") for _ in range(20)]
        assert answers[-1].status_code == 503
        assert answers[-1].headers["Content-Type"] == "application/problem+json"
        page = follow(server, "/r/a", **PERSON)
        assert (page.status_code, page.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
        assert int(page.headers["Retry-After"]) > 0
        assert clicks(api, "lost") == 0
        assert clicks(api, "refused") >= 2


class TestDeadEnds:
    @pytest.fixture
    def codes(self, api: httpx.Client, mark: str) -> dict[str, int]:
        api.post("/links", json={"code": f"{mark}-off", "uri": LANDING, "enabled": False})
        api.post("/links", json={"code": f"{mark}-over", "uri": LANDING, "expireTime": "2020-01-01T00:00:00Z"})
        api.post("/links", json={"code": f"{mark}-bare"})
        return {f"{mark}-off": 410, f"{mark}-over": 410, f"{mark}-bare": 410, f"{mark}-<b>none": 404}

    def test_a_person_sees_a_page_that_loads_nothing(self, server: Serving, codes: dict[str, int]) -> None:
        for code, status in codes.items():
            page = follow(server, f"/r/{code}", **PERSON)
            assert (page.status_code, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
            assert page.headers["X-Robots-Tag"] == "noindex"
            assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
            assert page.headers["Cache-Control"] == "no-store, private"
            assert page.headers["X-Content-Type-Options"] == "nosniff"
            assert '<html lang="en">' in page.text
            assert "prefers-color-scheme:dark" in page.text
            assert not re.search(r"https?:|src=|href=|url\(|<script|<b>", page.text)
            assert code not in page.text

    @pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html;q=0, */*", ""])
    def test_a_program_gets_the_problem(self, server: Serving, codes: dict[str, int], accept: str) -> None:
        for code, status in codes.items():
            answer = follow(server, f"/r/{code}", Accept=accept)
            assert answer.status_code == answer.json()["status"] == status
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert (answer.headers["Vary"], answer.headers["Cache-Control"]) == ("Accept", "no-store, private")

    def test_a_banner_leads_to_the_same_page(self, server: Serving, codes: dict[str, int]) -> None:
        for code, status in codes.items():
            page = follow(server, f"/b/{'0' * 24}/{code}", **PERSON)
            assert (page.status_code, page.text[:15]) == (status, "<!doctype html>")

    def test_head_has_the_headers_and_no_body(self, server: Serving, codes: dict[str, int]) -> None:
        code = next(iter(codes))
        answer = httpx.head(f"{server.url}/r/{code}", headers=PERSON)
        assert (answer.status_code, answer.content) == (410, b"")
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


def test_a_host_of_links_shows_people_a_page_everywhere(tmp_path: Path) -> None:
    with serving(tmp_path / "data", link_hosts="go.example.com") as server:
        for path in ("/", "/none", "/clicks/x", "/b/1/a"):
            page = follow(server, path, Host="go.example.com", **PERSON)
            assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8"), path
            assert follow(server, path, Host="go.example.com").json()["status"] == 404


def test_a_proxy_that_is_not_trusted_is_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, visits_per_minute="2") as server, server.client() as api:
        api.post("/links", json={"code": "a", "uri": LANDING})
        for number in range(4):
            follow(server, "/r/a", **{("X-Forwarded-For", "Forwarded")[number % 2]: "for=8.8.8.8"})
        assert metric(api, 'clicktrail_untrusted_forwards_total{peer="private"}') == 4
        assert clicks(api, "limited") == 2
        warned = [line for line in server.log_lines() if "CLICKTRAIL_TRUSTED_PROXIES" in line["event"]]
        assert [(line["level"], line["peer"]) for line in warned] == [("warning", "127.0.0.1")]
        assert "8.8.8.8" not in server.log.read_text()
        doctor = run("doctor", "--data", str(data))
        assert doctor.returncode == 1
        assert "4 visits came through an untrusted proxy" in doctor.stdout
        assert "CLICKTRAIL_TRUSTED_PROXIES" in doctor.stdout
    with serving(data, trusted_proxies="127.0.0.1") as server, server.client() as api:
        follow(server, "/r/a", **{"X-Forwarded-For": "8.8.8.8"})
        assert metric(api, 'clicktrail_untrusted_forwards_total{peer="private"}') == 0
        doctor = run("doctor", "--data", str(data))
        assert (doctor.returncode, "no visit came through a proxy" in doctor.stdout) == (0, True)


def test_limits_of_page_views_are_counted(tmp_path: Path) -> None:
    with serving(tmp_path / "data", visits_per_minute="2") as server, server.client() as api:
        site = api.post("/sites", json={"origins": ["https://shop.example.org"]}).json()
        for _ in range(5):
            httpx.get(
                f"{server.url}/p.gif", params={"key": site["key"], "uri": LANDING}, headers={"User-Agent": BROWSER}
            )
        assert [clicks(api, name) for name in ("recorded", "limited", "refused")] == [2, 3, 0]


WARM = """
import asyncio, sys, time
from clicktrail.app import running
from clicktrail.model.addresses import parse_ip
from clicktrail.model.click import Hit
from clicktrail.settings import load_settings

async def main():
    async with running(load_settings({"data": sys.argv[1]}, {})) as app:
        hit = Hit(ip=parse_ip("8.8.8.8"), uri="https://x.example/?a=b", user_agent="Mozilla/5.0 (X11) Edg/1")
        started = time.thread_time()
        app.services.recorder.make(hit)
        print(time.thread_time() - started)

asyncio.run(main())
"""


def test_what_the_first_visitor_needs_is_there_before_it_is_served(tmp_path: Path) -> None:
    """Processor time, so that a busy machine does no harm: the rules of user agents take 150 ms and more to read."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLICKTRAIL_")}
    done = subprocess.run(
        [sys.executable, "-c", WARM, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert float(done.stdout) < 0.03


def test_the_rules_hold(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    rules = Path(__file__).parents[2] / "deploy" / "prometheus-rules.yaml"
    cases = tmp_path / "cases.yaml"
    cases.write_text(Path(__file__).with_name("rules_test.yaml").read_text().replace("RULES", str(rules)))
    for arguments in (("check", "rules", str(rules)), ("test", "rules", str(cases))):
        done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_readiness_needs_no_token_and_is_quick(server: Serving) -> None:
    for path in ("/health", "/health/ready"):
        answer = httpx.get(server.url + path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert answer.headers["Cache-Control"] == "no-store"
