"""What Prometheus reads stays small and whole, whatever is sent."""

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families as parse_metrics

from clicktrail import __version__
from tests.asking import metric
from tests.serving import Serving, run, serving

ROOT = Path(__file__).parents[2]
EMBEDDED = {
    *("clicktrail_journal_bytes", "clicktrail_journal_waiting_rows", "clicktrail_journal_lag_seconds"),
    *("clicktrail_log_bytes", "clicktrail_last_backup_timestamp_seconds"),
}
"""What only the embedded store has."""


def send(server: Serving, method: str, path: str) -> int:
    """A request of any method; the status of its answer."""
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10) as client:
        client.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return int(client.recv(65536).split()[1])


def test_unknown_methods_and_paths_are_no_labels(server: Serving, api: httpx.Client) -> None:
    for number in range(40):
        for path in ("/clicks", "/links/0123456789abcdef01234567", "/r/nothing"):
            assert send(server, f"METHOD{number}", path) in (401, 404, 405)
        assert send(server, "GET", f"/nothing/{number}") == 404
        assert send(server, "GET", f"/r/nothing{number}") == 404
    text = api.get("/metrics").text
    methods = set(re.findall(r'method="([^"]*)"', text))
    assert "OTHER" in methods
    assert methods <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "OTHER"}
    assert "nothing" not in text
    assert "METHOD" not in server.log.read_text()


def test_metrics_are_whole_while_requests_are_counted(api: httpx.Client) -> None:
    def read(_: int) -> None:
        text = api.get("/metrics").text
        total = sum(
            float(line.split()[1]) for line in text.splitlines() if line.startswith("clicktrail_requests_total")
        )
        timed = sum(
            float(line.split()[1]) for line in text.splitlines() if line.startswith("clicktrail_request_seconds_count")
        )
        assert total == timed > 0

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read, range(40)))


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\bclicktrail_[a-z_]+", text))


def shown(api: httpx.Client) -> set[str]:
    """Names as rules write them."""
    return {sample.name for family in parse_metrics(api.get("/metrics").text) for sample in family.samples}


def test_rules_name_what_there_is_and_docs_name_all_of_it(api: httpx.Client, engine_kind: str) -> None:
    names = shown(api)
    rules = names_in((ROOT / "deploy" / "prometheus-rules.yaml").read_text())
    assert rules - names <= (EMBEDDED if engine_kind != "duckdb" else set())
    documented = names_in((ROOT / "docs" / "operating" / "alerts.md").read_text())
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in names if not name.endswith("_created")}
    assert families <= documented
    assert documented - families <= (EMBEDDED if engine_kind != "duckdb" else set())


def test_every_alert_is_documented() -> None:
    alerts = re.findall(r"alert: (\w+)", (ROOT / "deploy" / "prometheus-rules.yaml").read_text())
    documented = re.findall(
        r"^\| `(Clicktrail\w+)`", (ROOT / "docs" / "operating" / "alerts.md").read_text(), re.MULTILINE
    )
    assert alerts == documented


def test_the_process_and_the_store_are_measured(api: httpx.Client, engine_kind: str) -> None:
    values = {sample.name: sample for family in parse_metrics(api.get("/metrics").text) for sample in family.samples}
    engine = "duckdb" if engine_kind == "duckdb" else "postgresql"
    assert values["clicktrail_build_info"].labels.items() >= {("version", __version__), ("engine", engine)}
    assert 20 << 20 < values["clicktrail_memory_bytes"].value < 8 << 30
    assert values["clicktrail_store_bytes"].value > 10_000
    assert values["clicktrail_disk_free_bytes"].value > 1 << 20
    assert values["clicktrail_degraded"].value == 0
    assert values["clicktrail_oldest_waiting_postback_seconds"].value >= 0
    assert values["clicktrail_buffer_capacity_clicks"].value == 10_000
    assert (engine_kind == "duckdb") is ("clicktrail_log_bytes" in values)


def test_open_metrics_are_spoken_where_asked_for(api: httpx.Client) -> None:
    prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
    for accept in (prometheus, "application/openmetrics-text"):
        answer = api.get("/metrics", headers={"Accept": accept})
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        families = parse_open_metrics(answer.text)  # type: ignore[no-untyped-call]
        assert {"clicktrail_clicks", "clicktrail_build"} <= {each.name for each in families}
    for accept in ("text/plain", "*/*", "application/openmetrics-text;q=0, text/plain"):
        answer = api.get("/metrics", headers={"Accept": accept})
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert api.get("/metrics", headers={"Accept": "application/json"}).status_code == 406


def test_backups_and_what_waits_are_told(tmp_path: Path) -> None:
    backup, started = "clicktrail_last_backup_timestamp_seconds", int(time.time())
    data = tmp_path / "data"
    run("migrate", "--data", str(data))
    assert run("backup", "--data", str(data), str(tmp_path / "copy")).returncode == 0
    with serving(data, send_postbacks="false") as server, server.client() as api:
        assert started <= metric(api, backup) <= time.time()
        (data / "clicktrail.duckdb.backup.json").unlink()
        assert metric(api, backup) == 0
        assert api.get("/backup").status_code == 200
        assert started <= metric(api, backup) <= time.time()
    with serving(data, send_postbacks="false") as server, server.client() as api:
        partner = api.post("/profiles", json={"firstName": "Mary"}).json()["profileId"]
        api.post("/links", json={"code": "a", "profileId": partner})
        told = {"profileId": partner, "uri": "https://partner.example/", "events": ["click"]}
        assert api.post("/postbacks", json=told).status_code == 201
        api.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/?referral=a"})
        assert len(api.get("/deliveries?filter[status]=waiting").json()) == 1
        for name in ("oldest_waiting_postback_seconds", "postback_delay_seconds"):
            assert 0 < metric(api, f"clicktrail_{name}") < 60
