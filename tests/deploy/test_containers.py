"""The image, built and started. Collected only where a container engine runs (tests/conftest.py)."""

from pathlib import Path

from tests.containers import docker

ROOT = Path(__file__).parent.parent.parent
IMAGE = "clicktrail-test"
WAIT = """
import time, urllib.request
for _ in range(200):
    try:
        print(urllib.request.urlopen("http://127.0.0.1:8000/health").status)
        break
    except OSError:
        time.sleep(0.1)
"""


def test_the_image_serves_and_stores() -> None:
    built = docker("build", "-q", "-f", str(ROOT / "deploy" / "Dockerfile"), "-t", IMAGE, str(ROOT))
    assert built.returncode == 0, built.stderr
    started = docker("run", "--detach", "--rm", "--read-only", "--tmpfs", "/tmp", IMAGE)
    name = started.stdout.strip()
    try:
        assert docker("exec", name, "python", "-c", WAIT).stdout.strip() == "200"
        made = docker("exec", name, "clicktrail", "token", "create")
        assert made.returncode == 0, made.stderr
    finally:
        assert docker("stop", "--time", "30", name).returncode == 0
