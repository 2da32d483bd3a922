"""`clicktrail import` and its options, in this process: what it takes, what it refuses, and how it says so."""

import gzip
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from clicktrail.cli import main
from tests.serving import COMMAND, environment
from tests.waiting import until

IDS = [f"5f5e1000aaaaaaaaaa00000{number}" for number in range(6)]
HISTORY: dict[str, list[dict[str, Any]]] = {
    "clicks": [
        {
            "clickId": IDS[0],
            "time": "2020-09-13T12:26:40+00:00",
            "ip": "8.8.8.8",
            "uri": "https://x.example/?referral=one",
            "profileId": IDS[2],
            "linkId": IDS[3],
        }
    ],
    "links": [{"linkId": IDS[3], "code": "one", "profileId": IDS[1]}],
    "profiles": [{"profileId": IDS[1], "firstName": "Ada"}, {"profileId": IDS[2], "firstName": "Mary"}],
}


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command on a store of its own."""
    monkeypatch.setattr("os.umask", lambda _: 0)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--data", "data"])

    return run


def stored(invoke: Any) -> list[dict[str, Any]]:
    done = invoke("export", "--force", "out.ndjson")
    assert done.exit_code == 0, done.output
    return sorted(map(json.loads, Path("out.ndjson").read_text().splitlines()), key=lambda click: str(click["time"]))


@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        ((("v-1", "a"), ("v-1", "b"), ("v-2", "a")), (2, 0, 1)),
        ((("v-1", "a"), ("v-1", "a"), ("v-1", "b")), (1, 1, 1)),
        ((("", "a"), ("", "a"), ("", "b")), (3, 0, 0)),
    ],
)
def test_the_first_of_several_rows_of_one_click_is_imported(
    invoke: Any, rows: tuple[tuple[str, str], ...], counts: tuple[int, ...]
) -> None:
    lines = (f"{uuid},8.8.8.8,https://x.example/{page},2021-12-31T23:30:00Z" for uuid, page in rows)
    Path("clicks.csv").write_text("\n".join(("uuid,ip,uri,time", *lines)))
    for imported in (counts[0], 0):
        done = invoke("import", "clicks.csv")
        found = {words: int(number) for number, words in re.findall(r"^ *(\d+) (\w.*)$", done.output, re.MULTILINE)}
        there = counts[0] + counts[1] - imported
        assert list(found.values())[:3] == [imported, there, counts[2]], done.output
    assert len(stored(invoke)) == counts[0]


def test_clicks_whose_code_no_link_has_are_counted(invoke: Any) -> None:
    Path("clicks.csv").write_text(
        "ip,uri,time,code\n"
        "8.8.8.8,https://x.example/,2021-12-31T23:30:00Z,one\n"
        "8.8.8.8,https://x.example/?referral=two,2021-12-31T23:31:00Z,\n"
        "8.8.8.8,https://x.example/,2021-12-31T23:32:00Z,two\n"
        "8.8.8.8,https://x.example/,2021-12-31T23:33:00Z,\n"
    )
    Path("links.ndjson").write_text("\n".join(json.dumps(each) for each in HISTORY["profiles"] + HISTORY["links"]))
    assert invoke("import", "links.ndjson").exit_code == 0
    done = invoke("import", "clicks.csv")
    assert "notes:\n           2 a click has a code that no link has" in done.output, done.output
    assert "notes:" not in invoke("import", "clicks.csv").output
    assert [click["linkId"] for click in stored(invoke)] == [IDS[3], None, None, None]


def test_a_file_of_somebody_else(invoke: Any) -> None:
    Path("clicks.csv").write_text(
        "IP Address;Landing;Date;User-Agent;Referral_Code;Spend\n"
        "8.8.8.8;https://x.example/?a=1#top;31.12.2021 23:30;curl/8;spring sale;1\n"
        "8.8.8.8;https://x.example/?referral=own;31.12.2021 23:31;curl/8;spring sale;1\n"
        "oops\n"
        "999.8.8.8;https://x.example/;31.12.2021 23:32;curl/8;;1\n"
    )
    options = ("--map", "uri=Landing", "--zone", "Europe/Berlin", "--dates", "de", "--rejects", "refused.ndjson")
    done = invoke("import", *options, "clicks.csv")
    assert done.exit_code == 1, done.output
    for text in (
        "clicks.csv: columns that are not imported: Spend",
        "clicks.csv, line 4: has 1 cells, and the header has 6",
        "2 imported",
        "2 not valid",
        "1 /ip is not an IPv4 or IPv6 address",
    ):
        assert text in done.output
    clicks = stored(invoke)
    assert [click["uri"] for click in clicks] == [
        "https://x.example/?a=1&referral=spring%20sale#top",
        "https://x.example/?referral=own",
    ]
    assert [click["time"] for click in clicks] == ["2021-12-31T22:30:00+00:00", "2021-12-31T22:31:00+00:00"]
    assert [click["createTime"] for click in clicks] == [click["time"] for click in clicks]
    refused = [json.loads(line) for line in Path("refused.ndjson").read_text().splitlines()]
    assert [(row["file"], row["line"], row["content"]) for row in refused[:1]] == [("clicks.csv", 4, "oops")]
    again = invoke("import", "--rejects", "again.ndjson", "refused.ndjson")
    assert "1 must be an object of column and value" in again.output
    assert [json.loads(line)["content"] for line in Path("again.ndjson").read_text().splitlines()][:1] == ["oops"]
    refused[0]["content"] = {"ip": "8.8.8.8", "uri": "https://x.example/mended", "time": "2021-12-31T22:29:00Z"}
    Path("row.ndjson").write_text(json.dumps(refused[0]))
    for text in ("1 imported", "1 there already"):
        assert text in invoke("import", "row.ndjson").output
    refused[1]["content"]["ip"] = "9.9.9.9"
    Path("mended.ndjson").write_text(json.dumps(refused[1]))
    for text in ("1 imported", "1 there already"):
        assert text in invoke("import", "mended.ndjson").output
    assert len(stored(invoke)) == 4


def test_refused_rows_come_in_the_order_of_the_file_and_without_an_id_of_a_wrong_time(invoke: Any) -> None:
    good = {"ip": "8.8.8.8", "uri": "https://x.example/", "time": "2021-01-01T00:00:00Z"}
    rows = [good | {"foo": 1}, good | {"ip": "9"}, good | {"time": "x"}, good | {"time": "2099-01-01T00:00:00Z"}, 7]
    Path("clicks.ndjson").write_text("\n".join(map(json.dumps, rows)))
    done = invoke("import", "--rejects", "refused.ndjson", "clicks.ndjson")
    refused = [json.loads(line) for line in Path("refused.ndjson").read_text().splitlines()]
    assert [row["line"] for row in refused] == [2, 3, 4, 5]
    assert ["clickId" in row["content"] for row in refused[:3]] == [True, False, False]
    shown = done.stderr.splitlines()[1:]  # the first names the new store
    assert shown[0] == "clicks.ndjson: keys that are not imported: foo"
    assert [line.split(":")[0] for line in shown[1:]] == [f"clicks.ndjson, line {row['line']}" for row in refused]
    refused[2]["content"]["time"] = "2021-02-01T00:00:00Z"
    Path("mended.ndjson").write_text(json.dumps(refused[2]))
    assert "1 imported" in invoke("import", "mended.ndjson").output
    assert {click["createTime"] for click in stored(invoke)} == {
        good["time"][:-1] + "+00:00",
        "2021-02-01T00:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.tsv.gz", "ip\turi\ttime\n8.8.8.8\thttps://x.example/\t2021-01-01T00:00:00Z\n"),
        ("c.json", '[{"ip": "8.8.8.8", "url": "https://x.example/", "timestamp": 1609459200}]'),
        ("c.ndjson.gz", '{"ip": "8.8.8.8", "uri": "https://x.example/", "time": "2021-01-01T00:00:00Z"}\n'),
        ("access.log", '8.8.8.8 - - [01/Jan/2021:00:00:00 +0000] "GET / HTTP/1.1" 200 1\n'),
        ("c.parquet", ""),
    ],
)
def test_every_kind_of_file_brings_the_same_and_again_nothing(invoke: Any, name: str, content: str) -> None:
    if name.endswith(".gz"):
        Path(name).write_bytes(gzip.compress(content.encode()))
    elif content:
        Path(name).write_text(content)
    else:
        row = "SELECT '8.8.8.8' AS ip, 'https://x.example/' AS uri, TIMESTAMPTZ '2021-01-01 00:00:00+00' AS time"
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({row}) TO '{name}'")
    for wanted in ("1 imported", "1 there already"):
        done = invoke("import", "--base-url", "https://x.example", name)
        assert (done.exit_code, wanted in done.output) == (0, True), done.output
    [click] = stored(invoke)
    assert (click["ip"], click["uri"], click["time"], click["createTime"]) == (
        "8.8.8.8",
        "https://x.example/",
        "2021-01-01T00:00:00+00:00",
        "2021-01-01T00:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("a,b\n1,2\n", (), "c.csv has no column ip and uri; it has: a, b"),
        ("ip,uri\n8.8.8.8,u\n", (), "pass --time now"),
        ("ip,uri,time\n", ("--map", "uri=nowhere"), "there is no such column; it has: ip, uri, time"),
        ("ip,uri,time\n", ("--map", "wat=uri"), "--map wat=…: there is no such name; allowed: clickId, time"),
        ("ip,uri,time\n", ("--map", "uri"), "must be NAME=COLUMN"),
        ("ip,uri,time\n", ("--zone", "Mars"), "is not a time zone"),
        ("ip,uri,time\n", ("--encoding", "klingon"), "there is no encoding"),
        ("ip,uri,time\n", ("--format", "log"), "pass --base-url"),
        ("ip,uri,time\n", ("--base-url", "shop"), "must be a scheme and a host"),
        ("\udcff\udcfe", (), "pass --encoding utf-16"),
    ],
)
def test_what_cannot_be_imported_is_refused_before_anything_is(
    invoke: Any, content: str, options: tuple[str, ...], words: str
) -> None:
    Path("good.csv").write_text("ip,uri,time\n8.8.8.8,https://x.example/,2021-01-01T00:00:00Z\n")
    Path("c.csv").write_bytes(content.encode(errors="surrogateescape"))
    done = invoke("import", *options, "good.csv", "c.csv")
    assert done.exit_code in (1, 2)
    assert words in done.output
    assert not Path("data").exists()


def test_history_moves_in_whatever_the_order_of_its_files(invoke: Any) -> None:
    for kind, rows in HISTORY.items():
        Path(f"{kind}.json").write_text(json.dumps(rows))
    done = invoke("import", "clicks.json")
    assert done.exit_code == 1
    assert "/profileId points to a profile that is not there; /linkId points to a link that is not there" in done.output
    assert "--missing null" in done.output
    for wanted in (
        ("2 imported (profiles)", "1 imported (links)", "1 imported (clicks)"),
        ("2 there already (profiles)",),
    ):
        done = invoke("import", *(f"{kind}.json" for kind in HISTORY))
        assert (done.exit_code, [text for text in wanted if text not in done.output]) == (0, []), done.output
    [click] = stored(invoke)
    assert (click["clickId"], click["profileId"], click["linkId"]) == (IDS[0], IDS[2], IDS[3])


def test_a_pointer_to_nothing_may_be_left_out(invoke: Any) -> None:
    Path("clicks.json").write_text(json.dumps(HISTORY["clicks"]))
    done = invoke("import", "--missing", "null", "clicks.json")
    assert (done.exit_code, "1 imported" in done.output) == (0, True), done.output
    [click] = stored(invoke)
    assert (click["profileId"], click["linkId"]) == (None, None)


def test_a_click_without_a_time_is_dated_when_told(invoke: Any) -> None:
    Path("c.csv").write_text(
        "ip,uri,time\n8.8.8.8,https://x.example/,\n8.8.8.8,https://x.example/,2021-01-01T00:00:00Z\n"
    )
    done = invoke("import", "c.csv")
    assert (done.exit_code, "c.csv, line 2: /time is not given; pass --time now" in done.output) == (1, True)
    for wanted in ("1 imported", "2 there already"):
        assert wanted in invoke("import", "--time", "now", "c.csv").output
    years = [(click["time"][:4], click["createTime"][:4]) for click in stored(invoke)]
    assert years[0] == ("2021", "2021")
    assert all(time == created > "2024" for time, created in years[1:])


def test_log_lines_that_are_no_clicks_are_counted(invoke: Any) -> None:
    line = '8.8.8.8 - - [01/Jan/2021:00:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0"\n'
    Path("access.log").write_text(line + line.replace("GET /", "GET /a.css") + line.replace("200", "500"))
    done = invoke("import", "--base-url", "https://x.example", "access.log")
    assert done.exit_code == 0
    for text in ("1 imported", "1 not a page but a file", "1 not answered with 2xx or 3xx"):
        assert text in done.output


def test_an_import_that_is_killed_goes_on_when_it_is_run_again(invoke: Any) -> None:
    count = 24_000
    rows = (
        f"2021-01-01T00:00:{n % 60:02}Z,8.8.{n % 200}.{n % 250},https://x.example/?n={n},{n - n % 8 // 7}"
        for n in range(count)
    )
    Path("clicks.csv").write_text("time,ip,uri,uuid\n" + "\n".join(rows) + "\n")
    command = [*COMMAND, "import", "--data", "data", "clicks.csv"]
    importing = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
    log = Path("data/clicktrail.duckdb.wal")
    try:
        until(lambda: log.exists() and log.stat().st_size > 500_000, "clicks in the log of the store")
        begun = log.stat().st_size  # maybe of a transaction that is not yet committed
        until(lambda: not log.exists() or log.stat().st_size > begun + 500_000, "more clicks in the log")
    finally:
        importing.kill()
        importing.wait()
    done = invoke("import", "clicks.csv")
    found = {words: int(number) for number, words in re.findall(r"^ *(\d+) (\w.*)$", done.output, re.MULTILINE)}
    assert 0 < found["there already"] < count
    assert found["differ from what is there"] == count // 8  # every eighth row has the uuid of the one before it
    assert found["imported"] + found["there already"] == count - count // 8
    assert "           0 imported" in invoke("import", "clicks.csv").output
    uuids = [click["uuid"] for click in stored(invoke)]
    assert len(uuids) == len(set(uuids)) == count - count // 8
