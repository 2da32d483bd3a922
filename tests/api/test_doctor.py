"""GET /doctor: what a running server knows of its own problems."""

from pathlib import Path

import httpx

from tests.conftest import NewStore
from tests.serving import Serving, serving


def test_a_server_without_problems_says_what_was_checked(server: Serving, api: httpx.Client, engine_kind: str) -> None:
    answer = api.get("/doctor")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    found = {each["subject"]: each for each in answer.json()}
    subjects = {"store", "environment", "data", "space", "postbacks", "privacy", "proxies", "geo"}
    assert set(found) == subjects | ({"key"} if engine_kind == "duckdb" else set())
    for name in subjects - {"proxies"}:  # other tests send what proxies send
        assert (found[name]["status"], found[name]["solution"]) == ("ok", ""), found[name]
    for scope in ("read", "write"):
        with server.client(scope) as other:
            assert other.get("/doctor").status_code == 403


def test_problems_have_a_solution_and_no_secret(engine_kind: str, tmp_path: Path, new_store: NewStore) -> None:
    settings = {"partner_links": "3", "prot": "sesame", **new_store(engine_kind)}
    with serving(tmp_path / "data", **settings) as server, server.client() as api:
        (tmp_path / "data" / "clicktrail.duckdb.wal.damaged-20260101T000000Z").touch()
        for key in (tmp_path / "data").glob("*.key*"):
            key.chmod(0o644)
        httpx.get(f"{server.url}/r/unknown", headers={"X-Forwarded-For": "8.8.8.8"})
        text = api.get("/doctor").text
        found = [each for each in api.get("/doctor").json() if each["status"] == "wrong"]
        assert "sesame" not in text
        assert "postgresql://" not in text
    by_subject = {each["subject"]: each for each in found}
    own = {"log", "key"} if engine_kind == "duckdb" else set()
    assert set(by_subject) == {"environment", "settings", "proxies"} | own
    assert all(each["solution"] for each in found)
    assert "CLICKTRAIL_PROT is not a setting" in by_subject["environment"]["state"]
    assert "CLICKTRAIL_PARTNER_LINKS" in by_subject["settings"]["state"]
