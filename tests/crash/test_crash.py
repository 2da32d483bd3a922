"""Nothing that was promised is lost to SIGKILL, a full disk, or a clock that steps back."""

import resource
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.asking import count_clicks
from tests.crash.harness import run_rounds
from tests.serving import serving, start
from tests.waiting import until

ROUNDS, FAULTY_ROUNDS = 20, 5
MOMENT_S = 1.0
"""Twenty times what is promised (docs/operating.md): this machine may be doing something else."""
CLICK = {"ip": "8.8.8.8", "uri": "https://x.example/" + "a" * 2000}


@pytest.mark.slow
def test_sigkill_loses_nothing(tmp_path: Path) -> None:
    assert run_rounds(tmp_path, ROUNDS) > 0


@pytest.mark.slow
@pytest.mark.parametrize("faults", ["disk", "clock"])
def test_sigkill_after_faults_loses_nothing(tmp_path: Path, faults: str) -> None:
    assert run_rounds(tmp_path, FAULTY_ROUNDS, faults=faults) > 0


def test_a_full_disk_is_503_and_recovers_when_room_returns(tmp_path: Path) -> None:
    """The limit on file sizes stands for the disk: writes fail in the same places, room returns when it is lifted."""
    with serving(tmp_path / "data") as server, server.client() as client:
        promised = [client.post("/clicks", json=CLICK).json()["clickId"] for _ in range(3)]
        room = (server.data / "clicktrail.duckdb.wal").stat().st_size + 3000
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        answers = [client.post("/clicks", json=CLICK) for _ in range(6)]
        promised += [answer.json()["clickId"] for answer in answers if answer.status_code == 201]
        refused = [answer for answer in answers if answer.status_code != 201]
        assert refused
        assert {answer.status_code for answer in refused} == {503}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
        assert client.patch(f"/clicks/{promised[0]}", json={"firstName": "x" * 255}).status_code in (200, 503)
        assert client.get("/clicks?filter[uri]=aaa").status_code == 200
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        promised.append(client.post("/clicks", json=CLICK).json()["clickId"])
        server.kill()
    with serving(tmp_path / "data") as server, server.client() as client:
        assert sorted(click["clickId"] for click in client.get("/clicks?limit=100").json()) == sorted(promised)


def test_a_checkpoint_on_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """DuckDB gives up when a checkpoint fails; the engine is then opened anew from the log."""
    with serving(tmp_path / "data") as server, server.client() as client:
        stored, refused, random = 0, 0, Random(1)
        for number in range(400):
            rows = [{"ip": "8.8.8.8", "uri": f"https://x.example/{random.randbytes(250).hex()}"} for _ in range(200)]
            answer = client.post("/clicks/batch", json=rows)
            stored += answer.json()["created"] if answer.status_code == 201 else 0
            refused += answer.status_code == 503
            assert answer.status_code in (201, 503), answer.text
            if number == 20:  # room for the log to be written, none for the file to grow
                room = 18 * 1024 * 1024
                resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
            if refused > 3:
                break
        assert refused
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert client.post("/clicks", json=CLICK).status_code == 201
        assert count_clicks(client) == stored + 1


@pytest.mark.slow
def test_who_is_led_on_first_may_be_lost_for_a_moment_and_no_longer(tmp_path: Path) -> None:
    """`--redirect-first` promises less. What it does promise: whoever came more than a moment before is there."""
    settings = {"redirect_first": "true", "visits_per_minute": "0"}
    led: dict[str, float] = {}
    server = start(tmp_path / "data", settings=settings)
    with server.client() as client:
        client.post("/links", json={"code": "a", "uri": "https://shop.example.org/"})

    def visit(worker: int) -> None:
        with httpx.Client(base_url=server.url) as visitor:
            for number in range(10_000):
                try:
                    answer = visitor.get(f"/r/a?n={worker}-{number}")
                except httpx.TransportError:
                    return
                assert answer.status_code == 302
                led[f"n={worker}-{number}&"] = time.monotonic()

    with ThreadPoolExecutor(8) as pool:
        visits = [pool.submit(visit, worker) for worker in range(8)]
        started = time.monotonic()
        until(lambda: len(led) > 100 and time.monotonic() - started > 2 * MOMENT_S, "visitors are led on")
        killed = time.monotonic()
        server.kill()
        for each in visits:
            each.result()
    with serving(tmp_path / "data", **settings) as again, again.client() as client:
        stored = client.get("/clicks/export?format=csv").text
    lost = [killed - moment for mark, moment in led.items() if mark not in stored]
    assert len(led) > 100
    assert max(lost, default=0.0) < MOMENT_S, f"{len(lost)} of {len(led)} were lost"
