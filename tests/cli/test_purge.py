"""`clicktrail purge`: counts, deletes, and says what is kept."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from clicktrail.cli.main import main
from clicktrail.retention import purge
from clicktrail.store.migrations.shared import migrate
from clicktrail.store.privacy.persons import find_names as find
from clicktrail.store.privacy.retention import Days
from clicktrail.store.session.protocol import Session
from clicktrail.store.session.sql import sql
from clicktrail.store.store import Store
from tests.conftest import AnyEngine
from tests.serving import serving


def test_a_purge_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    with serving(data) as server, server.client() as api:
        for days in (500, 400, 1):
            time = (datetime.now(UTC) - timedelta(days=days)).isoformat()
            click = {"ip": "8.8.8.8", "uri": "https://x.example/", "time": time}
            assert api.post("/clicks", json=click).status_code == 201
        period = f"from={(datetime.now(UTC) - timedelta(days=600)).date()}&to={datetime.now(UTC).date()}&metrics=clicks"
        before = api.get(f"/reports?{period}").json()["totals"]
        assert server.stop() == 0
    monkeypatch.setenv("CLICKTRAIL_DATA", str(data))
    arguments = ["purge", "--keep-clicks-days", "365"]
    dry = CliRunner().invoke(main, [*arguments, "--dry-run"])
    assert (dry.exit_code, dry.output.split()[:3]) == (0, ["clicks", "2", "due,"]), dry.output
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.output.split()[:3]) == (0, ["clicks", "2", "deleted,"]), done.output
    assert CliRunner().invoke(main, ["audit", "export", str(tmp_path / "log")]).exit_code == 0
    lines = map(json.loads, (tmp_path / "log").read_text().splitlines())
    begun, ended = (line["detail"] for line in lines if line["action"] == "purge")
    assert begun == {"clicksDays": 365, "deliveriesDays": 30}
    assert ended == {**begun, "clicks": 2, "deliveries": 0}
    kept = (datetime.now(UTC) - timedelta(days=399)).date()  # no click is that old
    refused = CliRunner().invoke(main, ["report", "--period", "all", "--metrics", "visitors"])
    assert refused.output.splitlines()[-1] == (
        f"Error: Clicks are kept since {kept}T00:00:00+00:00; older ones were dropped by the retention. "
        f"period begins earlier; ask with --from {kept} or later, and its end"
    )
    short = CliRunner().invoke(main, ["purge", "--keep-clicks-days", "5"])
    assert (short.exit_code, "attribution-window-days, which is 30" in short.output) == (1, True)
    one = CliRunner().invoke(main, ["purge", "--dry-run", "--keep-audit-days", "1"])
    assert (one.exit_code, one.output.splitlines()[-1][-19:]) == (0, "due, kept for 1 day"), one.output
    with serving(data) as server, server.client() as api:
        assert len(api.get("/clicks").json()) == 1
        answer = api.get(f"/reports?{period}").json()
        assert (answer["totals"], answer["meta"]["rawFrom"] is not None) == (before, True)
        assert api.get(f"/reports?{period},visitors").status_code == 409
        assert api.get("/privacy").json()["lastPurgeTime"] is not None


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ('{"tables": {}}', "There is no store at"),
        ('{"x": ' + "[" * 100_000, "is not a list of erasures"),
        ('{"tables": {"erasures": ' + "[" * 100_000, "is not a list of erasures"),
    ],
)
def test_a_list_of_erasures_without_a_store_or_a_list_makes_none(tmp_path: Path, listed: str, said: str) -> None:
    (tmp_path / "list").write_text(listed)
    done = CliRunner().invoke(main, ["erasures", "apply", str(tmp_path / "list"), "--data", str(tmp_path / "nowhere")])
    assert (done.exit_code, said in done.output) == (1, True), done.output
    assert isinstance(done.exception, SystemExit)
    assert not (tmp_path / "nowhere").exists()


def test_commands_on_a_stopped_store_are_in_the_audit_log(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server, server.client() as api:
        assert api.post("/clicks", json={"ip": "8.8.8.8", "uri": "https://x.example/"}).status_code == 201
        assert server.stop() == 0
    here, there, copy = str(tmp_path / "data"), str(tmp_path / "new"), str(tmp_path / "copy")
    for words in (
        ["compact", "--data", here],
        ["erasures", "export", str(tmp_path / "list"), "--data", here],
        ["backup", copy, "--data", here],
        ["restore", copy, "--data", there],
        ["audit", "export", str(tmp_path / "log"), "--data", there],
        ["audit", "verify", "--data", there],
    ):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
        assert words[0] != "backup" or f"a copy of {here}" in done.output
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    found = {line["action"]: line["detail"] for line in lines if line["actorKind"] == "command"}
    assert found["erasures export"] == {}
    assert found["restore"] == {"clicks": 1}
    assert found["compact"].keys() == {"bytesBefore", "bytesAfter", "rows"}


def test_a_run_looks_once_at_a_client_who_has_another_profile(
    embedded: AnyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.migrate(migrate)
    embedded.run(lambda session: [session.rows(sql(each)) for each in _CLIENTS])
    asked: list[str] = []

    def find_names(session: Session, profile_ids: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
        asked.extend(profile_ids)
        return find(session, profile_ids)

    monkeypatch.setattr("clicktrail.store.privacy.retention.find_names", find_names)
    done = asyncio.run(purge(Store(embedded), Days(clients=1)))
    assert done.clients == 45
    assert len(asked) == len(set(asked)) == 46


_CLIENTS = (
    "INSERT INTO profiles (profile_id, enabled, first_name, last_name, middle_name, name, update_time) "
    "SELECT printf('%024x', i), true, 'a', 'b', '', 'a b', 1 FROM range(46) t(i)",
    "INSERT INTO attributions (attribution_id, profile_id, time, rule) "
    "SELECT printf('%024x', i), printf('%024x', i), 1, 'none' FROM range(46) t(i)",
    "INSERT INTO profiles (profile_id, enabled, first_name, last_name, middle_name, name, update_time, uuid) "
    "VALUES (printf('%024x', 99), true, 'a', 'b', '', 'a b', 1, 'same')",
    "UPDATE profiles SET uuid = 'same' WHERE profile_id = printf('%024x', 0)",
)
