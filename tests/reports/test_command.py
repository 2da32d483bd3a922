"""`clicktrail report` shows what GET /reports answers."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import run, serving

HOSTILE = "<script>alert(1)</script>"
FORMULA = "=1+1"
QUERY = (
    "--group-by",
    "utmSource",
    "--metrics",
    "clicks,conversionRate",
    "--compare",
    "year",
    "--other",
    "--limit",
    "2",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Clicks of three sources; the server runs during the tests."""
    folder: Path = tmp_path_factory.mktemp("command") / "data"
    with serving(folder) as server, server.client() as api:
        for source, count in ((HOSTILE, 3), (FORMULA, 2), ("mail", 1)):
            rows = [{"ip": "8.8.8.8", "uri": "https://x.example/"}] * count
            for row in rows:
                uri = str(api.build_request("GET", row["uri"], params={"utm_source": source}).url)
                assert api.post("/clicks", json={**row, "uri": uri}).status_code == 201
        old = {"ip": "8.8.8.8", "uri": "https://x.example/", "time": "1700-01-01T00:00:00Z"}
        assert api.post("/clicks", json=old).status_code == 201
        yield folder


def report(data: Path, kind: str, *more: str) -> str:
    done = run("report", "--data", str(data), *QUERY, "--format", kind, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_json_is_the_answer_of_the_api(data: Path) -> None:
    found = json.loads(report(data, "json"))
    assert [(row["utmSource"], row["clicks"]) for row in found["rows"]] == [(HOSTILE, 3), (FORMULA, 2)]
    assert (found["other"]["groups"], found["other"]["clicks"], found["totals"]["clicks"]) == (1, 1, 6)
    filtered = json.loads(report(data, "json", "--filter", "utmSource=mail"))
    assert filtered["totals"]["clicks"] == 1


def test_csv_runs_no_formula(data: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(report(data, "csv"))))
    assert [(row["utmSource"], row["clicks"], row["previous.clicks"]) for row in rows] == [
        (HOSTILE, "3", "0"),
        (f"'{FORMULA}", "2", "0"),
    ]


def test_what_a_report_leaves_out_is_said(data: Path) -> None:
    def errors(by: str) -> str:
        done = run("report", "--data", str(data), "--period", "all", "--group-by", by, "--format", "csv")
        assert done.returncode == 0, done.stderr
        return done.stderr

    assert "of another century: 1 clicks." in errors("time")
    assert "Left out" not in errors("device")


def test_a_table_has_the_rows_the_rest_and_the_total(data: Path) -> None:
    lines = report(data, "table").splitlines()
    assert lines[2].split() == ["utmSource", "clicks", "conversionRate", "change.clicks", "change.conversionRate"]
    assert [line.split()[0] for line in lines[3:]] == [HOSTILE, FORMULA, "1", "total"]
    assert lines[-1].split()[1] == "6"


def test_a_page_runs_nothing_and_needs_nothing(data: Path) -> None:
    page = report(data, "html")
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<svg" in page
    assert "http" not in page.replace("https://x.example/", "")


def test_mistakes_are_named_before_the_store_is_opened(data: Path) -> None:
    done = run("report", "--data", str(data), "--group-by", "colour", "--limit", "0")
    assert done.returncode == 1
    assert "group_by has no colour" in done.stderr
    assert "limit must be a whole number" in done.stderr
