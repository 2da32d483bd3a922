"""Import, export, backup and restore from the command line, with and without a running server."""

import csv
import gzip
import json
import shlex
import subprocess
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from clicktrail.cli import main
from tests.serving import COMMAND, Serving, environment, run, serving
from tests.waiting import until

UNI = "uri[eq]=https://x.example/?n=7"

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
    done = run("export", "--data", str(data), "--format", "ndjson", "--force", *options, str(target))
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


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


class TestExport:
    """Which file an export writes, and as what."""

    @pytest.fixture
    def store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The folder to be in; its store is in `data`."""
        monkeypatch.chdir(tmp_path)
        done = call("import", str(write(tmp_path, "ndjson")))
        assert f"a new one is made at {tmp_path}/data/clicktrail.duckdb" in done.output
        assert "a new one" not in call("import", "clicks.ndjson").output
        return tmp_path

    def test_the_ending_says_the_format(self, store: Path) -> None:
        for name in ("a.csv", "a.ndjson", "a.jsonl", "a.parquet", "a.csv.gz", "a.NDJSON.gz", "a.jsonl.gz"):
            done = call("export", name)
            assert done.output == f"{name}: {(store / name).stat().st_size} bytes\n"
            imported = call("import", "--data", f"of {name}", *(["--format", "ndjson"] if "NDJ" in name else []), name)
            assert "300 imported" in imported.output, imported.output
        assert (store / "a.csv.gz").read_bytes()[:2] == b"\x1f\x8b"
        assert gzip.decompress((store / "a.csv.gz").read_bytes()) == (store / "a.csv").read_bytes()
        assert (store / "a.csv").stat().st_mode & 0o077 == 0

    def test_unknown_endings_are_refused_and_a_format_may_be_named(self, store: Path) -> None:
        for name in ("a.txt", "a", "a.xlsx", "a.gz", "a.json", ".csv"):
            done = call("export", name)
            assert (done.exit_code, "has none of the endings .csv, .ndjson, .jsonl, .parquet" in done.output) == (
                2,
                True,
            )
            assert call("export", "--format", "csv", name).exit_code == 0
            assert (store / name).exists()
        done = call("export", "a.parquet.gz")
        assert (done.exit_code, "leave out .gz" in done.output) == (2, True)
        done = call("export", "-")
        assert (done.exit_code, "--format csv, ndjson or parquet says what" in done.output) == (2, True)

    def test_a_file_is_replaced_by_force_alone_and_by_a_whole_one(self, store: Path) -> None:
        (store / "a.csv").write_text("mine")
        done = call("export", "a.csv")
        assert (done.exit_code, "pass --force to replace it" in done.output) == (1, True)
        assert call("export", "--force", "--columns", "nonsense", "a.csv").exit_code == 1
        assert (store / "a.csv").read_text() == "mine"
        assert call("export", "--force", "a.csv").exit_code == 0
        assert (store / "a.csv").read_text().startswith("clickId,")
        assert {path.name for path in store.iterdir()} == {"clicks.ndjson", "data", "a.csv"}

    @pytest.mark.parametrize("is_online", [False, True])
    def test_columns_and_standard_output(self, store: Path, is_online: bool) -> None:
        with serving(store / "data") if is_online else nullcontext():
            done = run(
                "export", "--data", "data", "--format", "csv", "--columns", "uri,link.code", "--filter", UNI, "-"
            )
            assert (done.returncode, done.stdout) == (0, "uri,link.code\nhttps://x.example/?n=7,\n")
            done = run("export", "--data", "data", "--columns", "uri,nonsense", "b.csv")
            assert (done.returncode, "columns has no nonsense; allowed: clickId, " in done.stderr) == (1, True)
            assert not (store / "b.csv").exists()
            script = f"{shlex.join(COMMAND)} export --data data --format ndjson --force /dev/stdout | head -c 10"
            piped = subprocess.run(["sh", "-c", script], capture_output=True, env=environment(), check=False)
            assert piped.stdout == b'{"clickId"'
            assert b"Traceback" not in piped.stderr

    def test_where_no_store_is_none_is_exported(self, tmp_path: Path) -> None:
        done = call("export", "--data", str(tmp_path / "wrong"), str(tmp_path / "a.csv"))
        assert (done.exit_code, "There is no store at" in done.output) == (1, True)
        assert list(tmp_path.iterdir()) == []


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
            until(lambda: counts["sent"] >= 50, "clicks come")
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
