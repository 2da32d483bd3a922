"""An erased person does not come back: not by an import, not by an older backup."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.api.test_attribution import click, make_link, register
from tests.api.test_persons import erase, held, make_person
from tests.conftest import NewStore
from tests.serving import run, serving
from tests.store.test_bytes_gone import find_bytes


def statuses(api: httpx.Client, rows: list[Any]) -> list[tuple[int, str]]:
    answer = api.post("/imports", json=rows)
    assert answer.status_code == 200, answer.text
    return [
        (each["status"], (each.get("errors") or [{"detail": ""}])[0]["detail"]) for each in answer.json()["results"]
    ]


def test_imported_rows_of_an_erased_person_are_refused(api: httpx.Client, mark: str) -> None:
    made = make_person(api, mark)
    profile = api.get(f"/profiles/{made['profile_id']}").json()
    rows = [api.get(f"/clicks/{each}").json() for each in made["clicks"]]
    own = {
        "time": "2024-05-05T00:00:00Z",
        "ip": "8.8.1.2",
        "uri": f"https://x.example/?referral={mark}",
        "uuid": f"{mark}-c",
    }
    assert api.post("/clicks", json={**own, "visitorId": f"{mark}-v1"}).status_code == 201
    erase(api, visitorId=f"{mark}-v1", clicks="delete")
    later = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    new = {"uri": "https://x.example/", "ip": "8.8.1.1", "visitorId": f"{mark}-v2", "time": later}
    found = statuses(api, [profile, *rows, own, new])
    assert found[:5] == [(422, "belongs to a person who was erased")] * 5
    assert found[5] == (201, "")  # it came after the erasure
    assert held(api, contact=f"{mark}@mail.example")["profiles"] == []


def test_an_older_backup_is_erased_again(engine_kind: str, tmp_path: Path, new_store: NewStore) -> None:
    """The list of the lost store is carried over to the restored one."""
    mark, older, listed = "markofperson", tmp_path / "older", tmp_path / "list.json"
    settings, restored = new_store(engine_kind), new_store(engine_kind)
    data = [tmp_path / "data", tmp_path / "restored"]
    with serving(data[0], **settings) as server, server.client() as api:
        make_person(api, mark)
        click(api, mark, 9, ip="8.8.2.2", visitorId="stranger")
        for name in ("ann", "bob"):
            register(api, visitorId="library", profile={"uuid": name, "firstName": name})
        assert server.stop() == 0
    assert run("export", "--all", str(older), data=str(data[0]), **settings).returncode == 0
    with serving(data[0], **settings) as server, server.client() as api:
        assert erase(api, contact=f"{mark}@mail.example")["clicks"] == 3
        assert erase(api, uuid="ann")["profiles"] == 1
        assert server.stop() == 0
    assert run("erasures", "export", str(listed), data=str(data[0]), **settings).stdout.endswith(": 2.\n")
    assert mark not in listed.read_text()
    assert json.loads(listed.read_bytes())["tables"]["erased_keys"]
    assert run("import", str(older), data=str(data[1]), **restored).returncode == 0
    applied = run("erasures", "apply", str(listed), data=str(data[1]), **restored)
    assert applied.returncode == 0, applied.stderr
    assert applied.stdout == "Erasures on the list: 2. Persons who were back and erased again: 2.\n"
    again = run("erasures", "apply", str(listed), data=str(data[1]), **restored)
    assert again.stdout == "Erasures on the list: 2. Persons who were back and erased again: 0.\n"
    if engine_kind == "duckdb":
        assert find_bytes(data[1], f"{mark}@mail.example", f"{mark}-v1", f"{mark}-u", f"agent {mark}") == []
    with serving(data[1], **restored) as server, server.client() as api:
        assert not any(held(api, uuid=f"{mark}-u").values())
        assert not any(held(api, visitorId=f"{mark}-v2").values())
        assert len(held(api, visitorId="stranger")["clicks"]) == 1
        assert held(api, uuid="ann")["profiles"] == []
        assert len(held(api, uuid="bob")["profiles"]) == 1  # who used the same browser
        assert api.post("/links", json={"code": "later"}).status_code == 201
        make_link(api, "z")
