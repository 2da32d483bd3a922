"""The same on a Citus cluster, when one is given: the store is spread, and answers as it does on one machine."""

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.serving import run, serving

URL = os.environ.get("CLICKTRAIL_TEST_CITUS_URL")
pytestmark = pytest.mark.skipif(URL is None, reason="CLICKTRAIL_TEST_CITUS_URL names no Citus coordinator")


def exercise(client: httpx.Client) -> dict[str, object]:
    """A day in the life of a store; what is left of it, without ids."""
    code = client.post("/links", json={}).json()["code"]
    ids = [
        client.post(
            "/clicks", json={"ip": f"8.8.8.{n % 3}", "uri": f"https://x.example/?referral={code}&utm_term=t{n % 4}"}
        ).json()["clickId"]
        for n in range(24)
    ]
    client.patch(f"/clicks/{ids[3]}", json={"firstName": "Mary", "contacts": [{"key": "email", "value": "a@b.com"}]})
    client.delete(f"/clicks/{ids[5]}")
    link = client.get(f"/clicks/{ids[0]}").json()["linkId"]
    metrics = client.get(f"/links/{link}/metrics").json()
    terms = [c["utmTerm"] for c in client.get(f"/clicks?limit=50&sort_by=utmTerm&filter[linkId]={link}").json()]
    return {
        "metrics": [metrics[name] for name in ("clicks", "uniqueClicks", "registrations")],
        "terms": terms,
        "contacts": len(client.get(f"/clicks?filter[profileContacts]=a@b&filter[linkId]={link}").json()),
    }


def test_a_spread_store_answers_as_any_other(new_database: Callable[[], str], tmp_path: Path) -> None:
    assert URL is not None
    spread = run("migrate", "--citus", database=URL)
    assert spread.returncode == 0, spread.stderr
    with serving(tmp_path / "plain", database=new_database()) as server, server.client() as client:
        expected = exercise(client)
    with serving(tmp_path / "spread", database=URL) as server, server.client() as client:
        assert exercise(client) == expected
