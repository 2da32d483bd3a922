"""POST /clicks/batch: many clicks, one transaction."""

import json
from typing import Any

import httpx
import pytest

from clicktrail.ingest.hits import MOST_MISTAKES
from tests.asking import count_clicks


def rows(mark: str, count: int = 3, **fields: Any) -> list[dict[str, Any]]:
    return [{"ip": "8.8.8.8", "uri": f"https://x.example/?utm_source={mark}&n={n}"} | fields for n in range(count)]


def count(api: httpx.Client, mark: str) -> int:
    return count_clicks(api, f"&filter[utmSource]={mark}")


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
def test_a_batch_is_stored_in_order(api: httpx.Client, mark: str, kind: str) -> None:
    sent = rows(mark, 500)
    content = json.dumps(sent) if kind.endswith("/json") else "\n".join(map(json.dumps, sent)) + "\n\n"
    answer = api.post("/clicks/batch", content=content, headers={"Content-Type": kind})
    assert answer.status_code == 201, answer.text
    assert answer.json()["created"] == 500
    found = api.get(f"/clicks?filter[utmSource]={mark}&limit=1000&sort_order=asc").json()
    assert [click["clickId"] for click in found] == answer.json()["clickIds"]
    assert [click["uri"] for click in found] == [row["uri"] for row in sent]
    assert found[0]["countryCode"] == "US"


def test_one_mistake_refuses_all(api: httpx.Client, mark: str) -> None:
    sent = [*rows(mark), {"ip": "x", "uri": "y", "z": 1}, *rows(mark)]
    answer = api.post("/clicks/batch", json=sent)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/3/ip", "/3/uri", "/3/z"}
    assert count(api, mark) == 0


def test_lenient_says_what_became_of_each_row(api: httpx.Client, mark: str) -> None:
    api.post("/clicks", json=rows(mark, 1, uuid=f"{mark}a")[0])
    sent = [
        *rows(mark, 1),
        {"ip": "x"},
        *rows(mark, 1, uuid=f"{mark}a"),
        *rows(mark, 1, uuid=f"{mark}a", ip="1.1.1.1"),
        *rows(mark, 1, uuid=f"{mark}b"),
        *rows(mark, 1, uuid=f"{mark}b"),
    ]
    answer = api.post("/clicks/batch", json=sent, headers={"Prefer": "handling=lenient"})
    assert answer.status_code == 200
    assert answer.headers["Preference-Applied"] == "handling=lenient"
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 422, 200, 409, 201, 200]
    assert results[4]["clickId"] == results[5]["clickId"]
    assert count(api, mark) == 3


def test_a_conflict_refuses_all(api: httpx.Client, mark: str) -> None:
    api.post("/clicks", json=rows(mark, 1, uuid=mark)[0])
    answer = api.post("/clicks/batch", json=[*rows(mark), *rows(mark, 1, uuid=mark, ip="1.1.1.1")])
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["pointer"] == "/3/ip"
    assert count(api, mark) == 1


def test_a_batch_may_be_sent_again(api: httpx.Client, mark: str) -> None:
    sent = [row | {"uuid": f"{mark}{n}"} for n, row in enumerate(rows(mark))]
    first, again = (api.post("/clicks/batch", json=sent).json() for _ in range(2))
    assert (first["created"], again["created"], again["repeated"]) == (3, 0, 3)
    assert first["clickIds"] == again["clickIds"]


def test_given_ids_are_kept_and_known_again(api: httpx.Client, mark: str) -> None:
    sent = rows(mark, 1, clickId="5f5e1000aaaaaaaaaa000001", time="2020-09-13T12:26:40+00:00")
    sent[0]["clickId"] = f"5f5e1000{mark[1:13]}0000"[:24]
    for created in (1, 0):
        answer = api.post("/clicks/batch", json=sent)
        assert (answer.json()["created"], answer.json()["clickIds"]) == (created, [sent[0]["clickId"]])
    assert api.get(f"/clicks/{sent[0]['clickId']}").json()["createTime"] == "2020-09-13T12:26:40+00:00"
    assert api.post("/clicks/batch", json=[sent[0] | {"ip": "1.1.1.1"}]).status_code == 409


@pytest.mark.parametrize("content", [b"{}", b"[]", b"[1]", b"[", b"", b"null", b"[{]", b"[[[]]]"])
def test_what_is_no_batch_is_refused(api: httpx.Client, content: bytes) -> None:
    answer = api.post("/clicks/batch", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_too_many_are_refused(api: httpx.Client, mark: str) -> None:
    assert api.post("/clicks/batch", json=rows(mark, 10_001)).status_code == 422
    assert api.post("/clicks/batch", json=rows(mark, 10_000)).status_code == 201
    assert count(api, mark) == 10_000


def test_a_row_names_some_of_very_many_mistakes(api: httpx.Client, mark: str) -> None:
    """All those of 10,000 rows would take hundreds of megabytes."""
    sent = [*rows(mark, 1), *rows(mark, 1, **{f"x{number}": 1 for number in range(90)})]
    refused = api.post("/clicks/batch", json=sent).json()
    assert refused["detail"] == f"{MOST_MISTAKES + 1} mistakes; nothing was stored."
    named = [(mistake["pointer"], mistake["detail"][:14]) for mistake in refused["errors"]]
    assert named == [
        *((f"/1/x{number}", "is not a field") for number in range(MOST_MISTAKES)),
        ("/1", "has more mista"),
    ]
