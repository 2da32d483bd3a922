"""GET /clicks/export: the same clicks as the list, in three kinds of file."""

import csv
import io
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from tests.serving import Serving


@pytest.fixture
def clicks(api: httpx.Client, mark: str) -> list[dict[str, Any]]:
    banner = api.post("/banners", json={"bannerName": mark, "cdnFileUrl": "https://c.example/b.png"}).json()["bannerId"]
    bodies = [
        {"ip": "8.8.8.8", "uri": f"https://x.example/?utm_source={mark}&banner={banner}", "referrer": 'a "b", c\n;d'},
        {"ip": "2a00:1450:4001:81b::200e", "uri": f"https://x.example/?utm_source={mark}", "userAgent": "ä 日本 𝄞"},
        {"ip": "::1", "uri": f"https://x.example/?utm_source={mark}", "time": "1969-12-31T23:59:59.25+00:00"},
        {"ip": "10.0.0.1", "uri": f"https://x.example/?utm_source={mark}", "uuid": mark},
    ]
    return [api.post("/clicks", json=body).json() for body in bodies]


def export(api: httpx.Client, mark: str, kind: str, **headers: str) -> httpx.Response:
    answer = api.get(f"/clicks/export?format={kind}&filter[utmSource]={mark}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def test_ndjson_is_the_list(api: httpx.Client, mark: str, clicks: list[dict[str, Any]]) -> None:
    lines = [httpx.Response(200, text=line).json() for line in export(api, mark, "ndjson").text.splitlines()]
    assert sorted(lines, key=itemgetter("clickId")) == clicks
    assert [list(line) for line in lines] == [list(click) for click in clicks]


def test_csv_is_the_list(api: httpx.Client, mark: str, clicks: list[dict[str, Any]]) -> None:
    rows = list(csv.DictReader(io.StringIO(export(api, mark, "csv").text, newline="")))
    assert sorted(rows, key=itemgetter("clickId")) == [
        {key: value or "" for key, value in click.items()} for click in clicks
    ]


def test_parquet_is_the_list(api: httpx.Client, mark: str, clicks: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(export(api, mark, "parquet").content)
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT * FROM '{tmp_path / 'x.parquet'}'").fetchall()
    assert sorted(rows) == [tuple(click.values()) for click in clicks]


def test_names_are_in_the_language_that_is_asked_for(
    api: httpx.Client, mark: str, clicks: list[dict[str, Any]]
) -> None:
    assert len(clicks) == 4
    assert "Vereinigte Staaten" in export(api, mark, "csv", **{"Accept-Language": "de"}).text


@pytest.mark.parametrize("accept", ["text/csv", "*/*", "application/json"])
def test_the_kind_of_file_is_chosen_by_the_query(api: httpx.Client, mark: str, accept: str) -> None:
    assert export(api, mark, "csv", Accept=accept).headers["Content-Type"].startswith("text/csv")


def test_nothing_is_a_file_too(api: httpx.Client, mark: str) -> None:
    assert export(api, mark, "csv").text.splitlines()[0].startswith("clickId,time,referrer")
    assert export(api, mark, "ndjson").text == ""


def test_partners_export_their_own_clicks_alone(server: Serving, api: httpx.Client, mark: str) -> None:
    partner = api.post("/profiles", json={}).json()["profileId"]
    api.post("/links", json={"code": mark, "profileId": partner})
    own = api.post("/clicks", json={"ip": "8.8.8.8", "uri": f"https://x.example/?referral={mark}"}).json()["clickId"]
    with server.client("partner", partner) as client:
        assert [line[:36] for line in client.get("/clicks/export?format=ndjson").text.splitlines()] == [
            f'{{"clickId":"{own}'
        ]
        assert client.get("/clicks/export?filter[profileContacts]=a").status_code == 403


@pytest.mark.parametrize("query", ["format=xml", "limit=1", "offset=1", "sort_by=uri", "query[link]=1", "filter[x]=1"])
def test_other_parameters_are_refused(api: httpx.Client, query: str) -> None:
    assert api.get(f"/clicks/export?{query}").status_code == 400


def test_a_reader_that_goes_away_harms_nobody(api: httpx.Client) -> None:
    for _ in range(5):
        with api.stream("GET", "/clicks/export?format=ndjson"):
            pass
    assert api.get("/health").status_code == 200
    assert api.get("/clicks/export?format=csv").status_code == 200
