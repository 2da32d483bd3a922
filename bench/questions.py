"""The questions about clicks: pages, filters, sort keys, an export. Each is asked several times; medians count."""

import http.client
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote, urlsplit

from tests.serving import Serving

from bench import load
from clicktrail.query.fields import CLICK

REPEATS = 9
SLOW_MS = 3_000
"""What takes longer is asked once."""
_FULL = (
    *("uuid", "visitorId", "referrer", "utmCampaign", "utmContent", "utmMedium", "utmSource", "bannerId"),
    *("userAgent", "device", "browser", "os"),
)
"""The values that the click must have from which filters take theirs."""
Line = tuple[str, str]


def connect(server: Serving) -> http.client.HTTPConnection:
    host, _, port = server.url.removeprefix("http://").partition(":")
    return http.client.HTTPConnection(host, int(port), timeout=120)


class Asker:
    """Asks a server the same thing several times and remembers the middle."""

    def __init__(self, server: Serving) -> None:
        self.client, self.headers = connect(server), {"Authorization": f"Bearer {server.token()}"}

    def get(self, path: str, **headers: str) -> tuple[bytes, http.client.HTTPResponse]:
        self.client.request("GET", path, headers=self.headers | headers)
        answer = self.client.getresponse()
        content = answer.read()
        if answer.status == 503:
            raise TimeoutError
        assert answer.status == 200, content
        return content, answer

    def close(self) -> None:
        self.client.close()

    def time(self, path: str, **headers: str) -> str:
        times = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            try:
                self.get(path, **headers)
            except TimeoutError:
                return f"503 after {time.perf_counter() - started:.0f} s"
            times.append((time.perf_counter() - started) * 1000)
            if times[-1] > SLOW_MS:
                break
        return f"{statistics.median(times):.2f} ms, worst {max(times):.1f} ms"


def filter_values(asker: Asker, clicks: int) -> dict[str, str]:
    """A value for every filter, taken from a click in the middle."""
    full = "&".join(f"filter[{name}][null]=0" for name in _FULL)
    path = f"/clicks?limit=1&offset={clicks // 512}&{full}&query[visitor]=1"
    middle = json.loads(asker.get(path)[0])[0]
    middle |= middle["visitor"]
    special = {
        "isBot": "1",
        "botRule": "Googlebot\\/",
        "isDataCentre": "1",
        "isFirst": "1",
        "isPrefetch": "1",
        "duplicateOf": middle["clickId"],
        "referrerHost": urlsplit(middle["referrer"]).hostname,
        "clickStartTime": middle["time"],
        "clickEndTime": middle["time"],
        "registration": "1",
        "profileName": "Partner 7",
        "profileContacts": "client00000@",
        "profileCountryName": "United",
        "tag": "tag7",
        "bannerId": "0" * 24,
        "code": "matches-nothing",
        "profileId": "0" * 24,
        "partnerId": "0" * 24,
        "siteId": "0" * 24,
        "uri": "matches-nothing",
        "utmTerm": "nothing",
        "userAgent": "Model-299998",
    }
    names = (field.name for field in CLICK.fields if field.filterable)
    return {name: quote(special.get(name) or middle[name]) for name in names}


def measure_questions(server: Serving, clicks: int) -> Iterator[Line]:
    with closing(Asker(server)) as asker:
        asker.get(f"/links/{0:024x}/metrics")  # the figures of links have been read
        yield "newest page", asker.time("/clicks")
        deep = json.loads(asker.get(f"/clicks?limit=1&offset={clicks // 2}")[0])[0]
        yield "get by id, in the middle", asker.time(f"/clicks/{deep['clickId']}")
        yield "page behind a cursor, in the middle", asker.time(cursor_path(asker, clicks))
        yield "exact count", asker.time("/clicks?limit=1", Prefer="count=exact")
        yield "page of 100 with metrics", asker.time("/clicks?limit=100&query[metrics]=1")
        everything = "query[link]=1&query[profile]=1&query[contacts]=1&query[metrics]=1"
        yield "page of 1,000 with everything", asker.time(f"/clicks?limit=1000&{everything}")
        for name, value in filter_values(asker, clicks).items():
            yield f"filter {name}", asker.time(f"/clicks?filter[{name}]={value}")
        for name in CLICK.sorts:
            for order in ("asc", "desc"):
                yield f"sort {name} {order}", asker.time(f"/clicks?sort_by={name}&sort_order={order}")
        for name in ("uri", "userAgent", "tag", "ip"):
            yield f"one campaign, sort {name}", asker.time(f"/clicks?filter[utmCampaign]=campaign7&sort_by={name}")
        started = time.perf_counter()
        content, _ = asker.get("/clicks/export?format=csv&filter[utmCampaign]=campaign1")
        rows = content.count(b"\n")
        yield "CSV export of one campaign", f"{rows / (time.perf_counter() - started):,.0f} rows/s ({rows:,} rows)"


def cursor_path(asker: Asker, clicks: int) -> str:
    _, answer = asker.get(f"/clicks?limit=10&offset={clicks // 2}")
    url = answer.headers["Link"].partition("<")[2].partition(">")[0]
    return "/clicks" + url.partition("/clicks")[2]


def measure_concurrent(server: Serving) -> Iterator[Line]:
    port, token = int(server.url.rpartition(":")[2]), server.token()
    with closing(Asker(server)) as asker:
        old = json.loads(asker.get("/clicks?limit=1&sort_order=asc")[0])[0]["clickId"]
    for name, path in (("newest pages", "/clicks"), ("gets of an old click", f"/clicks/{old}")):
        got = load.run(port, load.request_bytes("GET", path, token), 32)
        yield f"{name}, 32 connections", f"{got.rate:,.0f}/s, p50 {got.p50_ms:.2f} ms, p99 {got.p99_ms:.1f} ms"
