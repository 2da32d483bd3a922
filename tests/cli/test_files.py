"""Import, export, backup and restore from the command line, with and without a running server."""

import csv
import json
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.serving import Serving, run, serving

ROWS: list[dict[str, Any]] = [
    {
        "ip": f"8.8.8.{n % 200}",
        "uri": f"https://x.example/?n={n}",
        "time": "2021-01-01T00:00:00+00:00",
        "userAgent": "ä" if n % 2 else None,
    }
    for n in range(300)
]


def write(folder: Path, kind: str) -> Path:
    path = folder / f"clicks.{kind}"
    if kind == "ndjson":
        path.write_text("\n".join(map(json.dumps, ROWS)) + "\n")
    elif kind == "csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*ROWS[0], "more"])
            writer.writeheader()
            writer.writerows(ROWS)
    else:
        (folder / "source.json").write_text(json.dumps(ROWS))
        with duckdb.connect() as connection:
            connection.execute(
                f"COPY (SELECT ip, uri, time::VARCHAR AS time, userAgent FROM read_json('{folder / 'source.json'}', "
                f"columns={{ip: 'VARCHAR', uri: 'VARCHAR', time: 'VARCHAR', userAgent: 'VARCHAR'}})) TO '{path}'"
            )
    return path


def export(data: Path, target: Path, *options: str) -> list[dict[str, Any]]:
    done = run("export", "--data", str(data), "--format", "ndjson", *options, str(target))
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    return sorted(rows, key=lambda row: str(row["clickId"]))


@pytest.mark.parametrize("kind", ["ndjson", "csv", "parquet"])
@pytest.mark.parametrize("is_online", [False, True])
def test_what_is_imported_is_exported_and_again_brings_nothing(tmp_path: Path, kind: str, is_online: bool) -> None:
    data, source = tmp_path / "data", write(tmp_path, kind)

    def check() -> None:
        first = run("import", "--data", str(data), str(source))
        assert (first.returncode, "300 imported" in first.stdout) == (0, True), first.stdout + first.stderr
        again = run("import", "--data", str(data), str(source))
        assert "300 there already" in again.stdout
        rows = export(data, tmp_path / "out.ndjson")
        assert {(row["ip"], row["uri"], row["userAgent"]) for row in rows} == {
            (row["ip"], row["uri"], row["userAgent"]) for row in ROWS
        }
        assert {row["countryCode"] for row in rows} == {"US"}
        assert len(export(data, tmp_path / "one.ndjson", "--filter", "uri[eq]=https://x.example/?n=7")) == 1

    if is_online:
        with serving(data):
            check()
    else:
        check()


def test_an_export_is_imported_whole(tmp_path: Path) -> None:
    run("import", "--data", str(tmp_path / "a"), str(write(tmp_path, "csv")))
    before = export(tmp_path / "a", tmp_path / "a.ndjson")
    run("import", "--data", str(tmp_path / "b"), str(tmp_path / "a.ndjson"))
    assert export(tmp_path / "b", tmp_path / "b.ndjson") == before


def test_rows_that_are_not_valid_are_named_and_the_others_come(tmp_path: Path) -> None:
    source = tmp_path / "x.ndjson"
    source.write_text('{"ip":"8.8.8.8","uri":"https://x.example/"}\n{"ip":"x"}\nno json\n[]\n')
    done = run("import", "--data", str(tmp_path / "data"), "--time", "now", str(source))
    assert done.returncode == 1
    assert "1 imported" in done.stdout
    assert "3 not valid" in done.stdout
    assert "x.ndjson, line 2: /uri is required; /ip is not an IPv4 or IPv6 address" in done.stderr


@pytest.mark.parametrize("name", ["x.txt", "x.parquet"])
def test_a_file_of_no_known_kind_is_refused_in_words(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("nothing")
    done = run("import", "--data", str(tmp_path / "data"), str(tmp_path / name))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


class TestBackup:
    def test_of_a_running_server_under_load_restores_to_a_consistent_store(self, tmp_path: Path) -> None:
        with serving(tmp_path / "data") as server:
            stop, counts = threading.Event(), {"sent": 0}

            def load() -> None:
                with server.client() as client:
                    while not stop.is_set():
                        click = client.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/"}).json()
                        client.patch(f"/clicks/{click['clickId']}", json={"firstName": "Mary"})
                        counts["sent"] += 1

            threads = [threading.Thread(target=load) for _ in range(4)]
            for thread in threads:
                thread.start()
            while counts["sent"] < 50:
                pass
            least = counts["sent"]
            done = run("backup", "--data", str(server.data), str(tmp_path / "copy.duckdb"))
            stop.set()
            for thread in threads:
                thread.join()
            assert done.returncode == 0, done.stderr
            assert not list(server.data.glob("clicktrail-backup-*"))
        restored = run("restore", "--data", str(tmp_path / "new"), str(tmp_path / "copy.duckdb"))
        assert restored.returncode == 0, restored.stderr
        kept = export(tmp_path / "new", tmp_path / "new.ndjson")
        assert len(kept) >= least
        with serving(tmp_path / "new") as again, again.client() as client:
            for click in kept[:: max(len(kept) // 50, 1)]:
                shown = client.get(f"/clicks/{click['clickId']}?query[profile]=1").json()
                assert (shown["profile"] is None) == (click["profileId"] is None)

    def test_restores_to_the_same_clicks(self, tmp_path: Path) -> None:
        run("import", "--data", str(tmp_path / "a"), str(write(tmp_path, "csv")))
        assert run("backup", "--data", str(tmp_path / "a"), str(tmp_path / "copy")).returncode == 0
        assert run("backup", "--data", str(tmp_path / "a"), str(tmp_path / "copy")).returncode == 1
        assert run("restore", "--data", str(tmp_path / "b"), str(tmp_path / "copy")).returncode == 0
        assert run("restore", "--data", str(tmp_path / "b"), str(tmp_path / "copy")).returncode == 1
        assert export(tmp_path / "a", tmp_path / "a.out") == export(tmp_path / "b", tmp_path / "b.out")

    def test_a_torn_file_is_no_backup_and_doctor_says_so(self, tmp_path: Path) -> None:
        run("import", "--data", str(tmp_path / "a"), str(write(tmp_path, "csv")))
        store = tmp_path / "a" / "clicktrail.duckdb"
        content = store.read_bytes()
        (tmp_path / "torn").write_bytes(content[: len(content) // 2])
        done = run("restore", "--data", str(tmp_path / "b"), str(tmp_path / "torn"))
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        store.write_bytes(content[: len(content) // 2])
        told = run("doctor", "--data", str(tmp_path / "a"))
        assert told.returncode == 1
        assert "restore a backup" in told.stdout


def test_a_backup_needs_an_admin(server: Serving) -> None:
    for scope in ("read", "write"):
        with server.client(scope) as client:
            assert client.get("/backup").status_code == 403
