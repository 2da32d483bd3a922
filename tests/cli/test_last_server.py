"""Commands beside the settings of the last server, which the shell that runs them may not know."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clicktrail.cli.main import main
from tests.conftest import ENGINES, NewStore
from tests.serving import serving


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize("kind", ENGINES)
def test_no_command_uses_other_settings_unasked(tmp_path: Path, new_store: NewStore, kind: str) -> None:
    data, store, rows = tmp_path / "data", new_store(kind), tmp_path / "rows.csv"
    rows.write_text("ip,uri,time\n81.2.69.142,https://x.example/,2026-01-01T00:00:00Z\n")
    place = ["--data", str(data), *(part for name, url in store.items() for part in (f"--{name}", url))]
    addresses = "--ip (CLICKTRAIL_IP): truncated there, full here"
    assert "(no server has used this store yet)" in call("doctor", "--data", str(tmp_path / "new")).output
    with serving(data, ip="truncated", delivery_days="90", **store) as server:
        told = call("doctor", *place)
        assert f"not those of this shell are in force, but those of the last server: {addresses}" in told.output
        assert server.stop() == 0
    refused = call("import", *place, str(rows))
    assert (refused.exit_code, addresses in refused.output) == (1, True), refused.output
    assert "0 imported" not in refused.output
    refused = call("purge", *place)
    assert (refused.exit_code, "--delivery-days (CLICKTRAIL_DELIVERY_DAYS): 90 there, 30 here" in refused.output) == (
        1,
        True,
    )
    assert addresses not in refused.output
    told = call("doctor", *place, "--ip", "truncated")
    assert "ok       privacy     stored of a click: addresses truncated" in told.output
    assert "(as the last server recorded)" in told.output
    for arguments in (("import", *place, "--ip", "truncated", str(rows)), ("purge", *place, "--delivery-days", "90")):
        done = call(*arguments)
        assert done.exit_code == 0, done.output
    assert call("export", *place, str(tmp_path / "out.csv")).exit_code == 0
    assert "81.2.69.0" in (tmp_path / "out.csv").read_text()
