"""One line for each event, whatever stands in it and whatever becomes of the disk."""

import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from clicktrail.observe.counts import Observer
from clicktrail.observe.gauges import Gauges
from clicktrail.observe.log import Log
from tests.clock import SetClock

HOSTILE = "/x\n2026-01-01T00:00:00+00:00 error forged \x1b[2J\x9b level=info"


def fail() -> ValueError:
    """An error with a cause, as they are caught."""
    try:
        try:
            raise OSError("+49 171 1234567")
        except OSError as cause:
            raise ValueError("mary@example.org") from cause
    except ValueError as error:
        return error


def test_json_lines_have_one_form() -> None:
    out, before = io.StringIO(), datetime.now(UTC) - timedelta(seconds=1)
    log = Log("json", out)
    log.warning("geo file not readable", reason=HOSTILE)
    log.error("failed", route="/clicks", exc_info=fail())
    log.request("GET", "/r/{code}", 302, 0.001234, "id-1")
    log.flush()
    log.flush()
    warning, error, request = map(json.loads, out.getvalue().splitlines())
    for line in (warning, error, request):
        assert before <= datetime.fromisoformat(line.pop("timestamp")) <= datetime.now(UTC)
    assert warning == {"reason": HOSTILE, "event": "geo file not readable", "level": "warning"}
    assert [each["type"] for each in error["exceptions"]] == ["ValueError", "OSError"]
    assert all(re.search(r"test_log\.py:\d+$", each["at"][-1]) for each in error["exceptions"])
    assert "mary" not in out.getvalue()
    assert "49 171" not in out.getvalue()
    told = {"method": "GET", "route": "/r/{code}", "status": 302, "ms": 1.23, "request_id": "id-1"}
    assert request == {**told, "event": "request", "level": "info"}


def test_text_lines_cannot_be_forged() -> None:
    out = io.StringIO()
    log = Log("text", out)
    log.info("serving", version="1.0", database=HOSTILE)
    log.error("failed", exc_info=fail())
    log.request("GET", "/r/{code}", 302, 0.001234, "id-1")
    log.flush()
    serving, failed, request, rest = out.getvalue().split("\n")
    assert rest == ""
    assert re.match(r"\S+\+00:00 info serving version=1\.0 database='/x\\n2026", serving)
    assert serving.isprintable()
    assert "ValueError" in failed
    assert "mary" not in failed
    assert request.endswith(" info request method=GET route=/r/{code} status=302 ms=1.23 request_id=id-1")


def test_off_writes_and_keeps_no_line() -> None:
    out = io.StringIO()
    log = Log("off", out)
    log.error("failed", exc_info=fail())
    log.request("GET", "/", 200, 0.1, "id")
    assert not log._requests
    log.flush()
    assert out.getvalue() == ""


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        del text
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("style", ["json", "text"])
def test_a_full_disk_keeps_nobody_from_working(style: str) -> None:
    log = Log(style, FullDisk())
    log.info("serving")
    log.request("GET", "/", 200, 0.1, "id")
    log.flush()
    assert not log._requests


def test_losses_are_logged_at_once_and_then_by_the_minute(capsys: pytest.CaptureFixture[str]) -> None:
    clock = SetClock()
    observer = Observer("json", Gauges(lambda: 0, 1, dict, {}), clock)
    observer.click("lost")
    observer.click("lost", 2)
    clock.ahead_s = 61
    observer.click("lost")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["count"] for line in lines] == [1, 3]
    first, second = (datetime.fromisoformat(line["timestamp"]) for line in lines)
    assert 60 < (second - first).total_seconds() < 65
