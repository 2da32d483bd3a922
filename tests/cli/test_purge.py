"""`clicktrail purge`: counts, deletes, and says what is kept."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from clicktrail.cli.main import main
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


def test_a_purge_of_nothing_makes_no_store(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["purge", "--dry-run", "--data", str(tmp_path / "nowhere")])
    assert (done.exit_code, "There is no store at" in done.output) == (1, True)
    assert not (tmp_path / "nowhere").exists()
