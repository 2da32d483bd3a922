"""GET /clicks/export: the same clicks as the list, in three kinds of file."""

import csv
import io
import json
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


@pytest.mark.parametrize(
    "texts", [("a\r\nb", "c\rd"), ("a\rb", "c\r\nd"), ("\r", "\r\n"), ("a\nb", "\r\n"), ("\ufeffa", "\ufeff\r\n")]
)
def test_texts_keep_the_ends_of_their_lines(api: httpx.Client, mark: str, texts: tuple[str, str]) -> None:
    bodies = [{"ip": "8.8.8.8", "uri": f"https://x.example/?utm_source={mark}", "referrer": each} for each in texts]
    assert [api.post("/clicks", json=body).json()["referrer"] for body in bodies] == list(texts)
    file = api.get(f"/clicks/export?format=ndjson&columns=referrer&filter[utmSource]={mark}").text
    assert sorted(json.loads(line)["referrer"] for line in file.split("\n")[:-1]) == sorted(texts)


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


@pytest.mark.parametrize(
    "query",
    ["format=xml", "limit=-1", "offset=1", "sort_by=tags", "query[metrics]=1", "filter[x]=1", "cursor=x", "raw=yes"],
)
def test_other_parameters_are_refused(api: httpx.Client, query: str) -> None:
    assert api.get(f"/clicks/export?{query}").status_code == 400


def test_a_reader_that_goes_away_harms_nobody(api: httpx.Client) -> None:
    for _ in range(5):
        with api.stream("GET", "/clicks/export?format=ndjson"):
            pass
    assert api.get("/health").status_code == 200
    assert api.get("/clicks/export?format=csv").status_code == 200


@pytest.fixture
def registered(api: httpx.Client, mark: str) -> dict[str, str]:
    """A click with all that can surround it: partner, link, client."""
    partner = api.post("/profiles", json={"firstName": "=Mary"}).json()["profileId"]
    link = api.post("/links", json={"code": mark, "profileId": partner, "name": "Spring"}).json()["linkId"]
    click = api.post("/clicks", json={"ip": "8.8.8.8", "uri": f"https://x.example/?referral={mark}"}).json()["clickId"]
    contacts = [{"key": "email", "value": "client@email.com"}, {"key": "phone", "value": "+41791234567"}]
    client = {"firstName": "Anna", "lastName": "Ott", "contacts": contacts, "uuid": f"{mark}-client"}
    profile = api.patch(f"/clicks/{click}", json=client).json()["profileId"]
    api.patch(f"/profiles/{profile}", json={"tags": ["a", 'b "c"'], "countryNumericCode": "756"})
    return {"partner": partner, "link": link, "click": click, "profile": profile}


def test_expansions_are_those_of_the_list(api: httpx.Client, mark: str, registered: dict[str, str]) -> None:
    bare = api.post("/clicks", json={"ip": "::1", "uri": f"https://x.example/?utm_term={mark}"}).json()["clickId"]
    wanted = f"filter[uri]={mark}&sort_by=clickId&query[visitor]=1&query[origin]=1&query[link]=1&query[profile]=1"
    lines = api.get(f"/clicks/export?format=ndjson&{wanted}").text.splitlines()
    assert [httpx.Response(200, text=line).json() for line in lines] == api.get(f"/clicks?{wanted}").json()
    assert len(lines) == 2
    assert bare in lines[0]
    assert registered["click"] in lines[1]


def test_columns_are_chosen(api: httpx.Client, mark: str, registered: dict[str, str], tmp_path: Path) -> None:
    asked = f"filter[code]={mark}&columns=uri,link.code,profile.contacts,visitor.isBot,clickId"
    [row] = csv.DictReader(io.StringIO(api.get(f"/clicks/export?{asked}").text, newline=""))
    assert list(row) == ["uri", "link.code", "profile.contacts", "visitor.isBot", "clickId"]
    assert (row["link.code"], row["clickId"]) == (mark, registered["click"])
    assert '"value":"client@email.com"' in row["profile.contacts"]
    [line] = api.get(f"/clicks/export?format=ndjson&{asked}").text.splitlines()
    document = httpx.Response(200, text=line).json()
    assert list(document) == ["uri", "link", "profile", "visitor", "clickId"]
    assert document["link"] == {"code": mark}
    (tmp_path / "x.parquet").write_bytes(api.get(f"/clicks/export?format=parquet&{asked}").content)
    with duckdb.connect() as connection:
        assert [column[0] for column in connection.execute(f"FROM '{tmp_path / 'x.parquet'}'").description] == list(row)


def test_an_expansion_adds_its_keys(api: httpx.Client, mark: str) -> None:
    def header(query: str) -> list[str]:
        return api.get(f"/clicks/export?filter[uri]={mark}&{query}").text.splitlines()[0].split(",")

    assert header("columns=clickId&query[visitor]=1")[:3] == ["clickId", "visitor.device", "visitor.browser"]
    assert header("columns=clickId,visitor.os&query[visitor]=1") == ["clickId", "visitor.os"]
    assert header("columns=link,clickId")[-2:] == ["link.uuid", "clickId"]
    assert header("query[link]=1")[-11:-9] == ["uuid", "link.linkId"]
    assert header("columns=") == header("") == header("query[link]=0")


def test_unknown_columns_are_named_with_those_that_there_are(api: httpx.Client) -> None:
    answer = api.get("/clicks/export?columns=clickId,link.secret,nothing")
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["parameter"] == "columns"
    assert error["detail"].startswith("has no link.secret, nothing; allowed: clickId, time")
    assert "visitor.device" in error["detail"]


def test_the_order_is_that_of_the_list(api: httpx.Client, mark: str, clicks: list[dict[str, Any]]) -> None:
    assert len(clicks) == 4
    for order in ("", "&sort_by=ip", "&sort_by=time&sort_order=asc", "&sort_by=tag", "&sort_by=referrer"):
        query = f"filter[utmSource]={mark}&limit=3{order}"
        exported = api.get(f"/clicks/export?columns=clickId,bannerName&{query}").text.splitlines()[1:]
        assert [line.split(",")[0] for line in exported] == [
            click["clickId"] for click in api.get(f"/clicks?{query}").json()
        ]
    assert len(api.get(f"/clicks/export?filter[utmSource]={mark}&limit=0").text.splitlines()) == 1


def test_a_long_order_is_kept(api: httpx.Client, mark: str) -> None:
    rows = [
        {"ip": "8.8.8.8", "uri": f"https://x.example/?utm_medium={mark}", "referrer": f"{n * 7919 % 5000:05}"}
        for n in range(5000)
    ]
    assert api.post("/clicks/batch", json=rows).status_code == 201
    query = (
        f"columns=referrer,bannerName,countryName,link.code&filter[utmMedium]={mark}&sort_by=referrer&sort_order=asc"
    )
    lines = api.get(f"/clicks/export?{query}").text.splitlines()[1:]
    assert [line[:5] for line in lines] == [f"{n:05}" for n in range(5000)]


def test_formulas_are_neutralised_in_csv_alone(api: httpx.Client, mark: str, registered: dict[str, str]) -> None:
    evil = "=HYPERLINK(A1)"
    body = {"ip": "8.8.8.8", "uri": f"https://x.example/?utm_campaign={mark}", "referrer": evil, "userAgent": "-5"}
    assert api.post("/clicks", json=body).status_code == 201
    query = f"filter[utmCampaign]={mark}&columns=referrer,userAgent,longitude"
    assert api.get(f"/clicks/export?{query}").text.splitlines()[1] == f"'{evil},-5,-97.822"
    assert api.get(f"/clicks/export?raw=1&{query}").text.splitlines()[1] == f"{evil},-5,-97.822"
    assert f'"referrer":"{evil}"' in api.get(f"/clicks/export?format=ndjson&{query}").text
    assert registered


def test_partners_see_masked_contacts_and_their_own_alone(
    server: Serving, api: httpx.Client, mark: str, registered: dict[str, str]
) -> None:
    other = api.post("/profiles", json={}).json()["profileId"]
    query = "format=ndjson&query[profile]=1&query[link]=1"
    with server.client("partner", registered["partner"]) as own, server.client("partner", other) as stranger:
        [line] = own.get(f"/clicks/export?{query}&filter[profileId]={registered['profile']}").text.splitlines()
        document = httpx.Response(200, text=line).json()
        assert [contact["value"] for contact in document["profile"]["contacts"]] == ["c***@***", "***67"]
        assert document == own.get("/clicks?query[profile]=1&query[link]=1").json()[0]
        for asked in (f"profileId]={registered['profile']}", f"clickId]={registered['click']}", f"code]={mark}"):
            assert own.get(f"/clicks/export?format=ndjson&filter[{asked}").text.count("\n") == 1
            assert stranger.get(f"/clicks/export?format=ndjson&filter[{asked}").text == ""
            assert stranger.get(f"/clicks?filter[{asked}").json() == []
            assert [click["clickId"] for click in api.get(f"/clicks?filter[{asked}").json()] == [registered["click"]]


def test_head_exports_nothing(api: httpx.Client) -> None:
    for _ in range(10):
        answer = api.head("/clicks/export?format=csv")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Type"].startswith("text/csv")
        assert "Content-Length" not in answer.headers
    assert api.get("/clicks/export?limit=1").status_code == 200
