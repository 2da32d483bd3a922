"""Going back to a backup, by the steps of docs/operating/upgrading.md: what came since is taken along."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from clicktrail.cli import main
from tests.serving import serving


def run(*arguments: str) -> str:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def add(api: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
    made: dict[str, Any] = answer.json()
    return made


def add_client(api: httpx.Client, word: str) -> None:
    """A partner with a link, a click on it, and the client that it earned."""
    partner = add(api, "/profiles", {"firstName": f"partner {word}"})["profileId"]
    link = {"code": word, "profileId": partner, "uri": "https://shop.example/"}
    add(api, "/links", link)
    click = {"ip": "8.8.8.8", "uri": f"https://shop.example/?referral={word}"}
    client = {"firstName": word, "contacts": [{"key": "email", "value": f"{word}@mail.example"}]}
    add(api, "/registrations", {"clickId": add(api, "/clicks", click)["clickId"], "profile": client})


def fetch(api: httpx.Client, folder: Path) -> None:
    for name in ("banners", "profiles", "links"):
        (folder / f"{name}.json").write_text(api.get(f"/{name}?limit=1000").text)


def test_clients_links_and_erasures_since_the_backup_come_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("since").mkdir()
    with serving(tmp_path / "new") as server, server.client() as api:
        add_client(api, "old")
        run("backup", "before.duckdb", "--data", "new")
        add_client(api, "young")
        assert add(api, "/persons/erasures", {"contact": "old@mail.example"})["profiles"] == 1
        fetch(api, Path("since"))
        run("export", "since/clicks.ndjson", "--data", "new")
        assert server.stop() == 0
    run("erasures", "export", "list.json", "--data", "new")
    run("restore", "before.duckdb", "--data", "back")
    run("erasures", "apply", "list.json", "--data", "back")
    files = map(str, sorted(Path("since").iterdir()))
    done = CliRunner().invoke(main, ["import", "--rejects", "rejected", "--data", "back", *files])
    refused = [json.loads(line) for line in Path("rejected").read_text().splitlines()]
    assert [(row["file"], row["content"]["uri"]) for row in refused] == [("clicks.ndjson", "https://shop.example/")]
    assert done.exit_code == 1, done.output
    with serving(tmp_path / "back") as server, server.client() as api:
        found = api.get("/persons?contact=young@mail.example").json()
        assert [len(found[kind]) for kind in ("profiles", "registrations", "clicks")] == [1, 1, 1]
        assert api.get("/persons?contact=old@mail.example").json()["profiles"] == []
        assert {row["code"]: row["profileId"] is not None for row in api.get("/links").json()} == {
            "old": True,
            "young": True,
        }
        report = api.get("/reports?group_by=partner&metrics=registrations&period=all").json()["rows"]
        assert sorted((row["partnerName"], row["registrations"]) for row in report) == [
            ("partner old", 1),
            ("partner young", 1),
        ]
