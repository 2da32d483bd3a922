"""The systemd units: valid, and closed to everything that the process does not need."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
SERVICES = ("clicktrail.service", "clicktrail-backup.service")
MOST_EXPOSED = 1.5
"""systemd's own score: 0 is closed, 10 open; services as Debian ships them have 8 to 9."""
pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


def analyze(*arguments: str) -> str:
    done = subprocess.run(
        ["systemd-analyze", *arguments, "--no-pager"], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


def test_units_are_valid(tmp_path: Path) -> None:
    """With the program's path replaced by one that is there: verify looks for it."""
    for unit in (*SERVICES, "clicktrail-backup.timer"):
        text = (DEPLOY / unit).read_text().replace("/opt/clicktrail/bin/clicktrail", "/bin/true")
        (tmp_path / unit).write_text(text)
    complaints = analyze("verify", *(str(path) for path in sorted(tmp_path.iterdir())))
    assert str(tmp_path) not in complaints
    assert "clicktrail" not in complaints


@pytest.mark.parametrize("unit", SERVICES)
def test_services_are_hardened(unit: str) -> None:
    report = analyze("security", "--offline=true", str(DEPLOY / unit))
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d)", report)
    assert found is not None, report
    assert float(found[1]) <= MOST_EXPOSED


def test_a_verify_that_finds_something_says_so(tmp_path: Path) -> None:
    """The tests above can fail."""
    wrong = tmp_path / "clicktrail.service"
    wrong.write_text((DEPLOY / "clicktrail.service").read_text().replace("Type=exec", "Type=wrong"))
    assert "clicktrail" in analyze("verify", str(wrong))
