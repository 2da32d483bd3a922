"""Reports beside their limit: the same GROUP BY written by hand, on the same engine and rows, asked in turn."""

import json
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import psycopg
from tests.serving import Serving

from bench import data
from bench.questions import REPEATS, SLOW_MS, Asker, Line

DAY_US = 86_400_000_000
END_US = data.END_S * 1_000_000
MONTH_US, BEFORE_US, YEAR_US = END_US - 30 * DAY_US, END_US - 60 * DAY_US, data.START_S * 1_000_000
_HUMAN = "(bot = '' OR bot IS NULL)"
_LINK = f"{7:024x}"
_HEAVY = f"{0:024x}"
Raw = tuple[str, Callable[[str], list[tuple[Any, ...]]]]
"""The name of an engine, and a function that runs a statement on it."""
_DIALECTS = {
    "duckdb": {"{day}": f"time // {DAY_US}", "{sub}": "nullif(regexp_extract(uri, '[?&]sub=([^&#]*)', 1), '')"},
    "postgres": {"{day}": f"time / {DAY_US}", "{sub}": "substring(uri FROM '[?&]sub=([^&#]*)')"},
}
"""Engine -> the expressions in which statements by hand differ."""


class Question(NamedTuple):
    name: str
    query: str
    """The query string of GET /reports."""
    by_hand: str
    read: Callable[[dict[str, Any]], Any]
    """A number of the answer, which the statement by hand has as well: the answers are the same."""


def _span(start_us: int) -> str:
    """From a moment to the end, as dates; the last date is included."""
    first, last = (datetime.fromtimestamp(us / 1_000_000, UTC) for us in (start_us, END_US))
    return f"from={first:%Y-%m-%d}&to={last - timedelta(days=1):%Y-%m-%d}"


def _four(since: str = "TRUE") -> str:
    """The three counts from which the four default metrics are made."""
    counts = (f"count(*) FILTER (WHERE {_HUMAN} AND {since})", f"count(*) FILTER (WHERE is_first AND {since})")
    return f"{', '.join(counts)}, count(profile_id) FILTER (WHERE {since})"


def _grouped(name: str, key: str) -> Question:
    """The four default metrics of 30 days and of the 30 days before, in one statement by hand."""
    both = f"{_four(f'time >= {MONTH_US}')}, {_four(f'time < {MONTH_US}')}"
    order, query = "2 DESC LIMIT 100", f"group_by={name}&{_span(MONTH_US)}&compare=previous&sort_by=clicks"
    return Question(
        f"report by {name}, with the month before",
        query,
        f"SELECT {key}, {both} FROM clicks WHERE time >= {BEFORE_US} AND time < {END_US} GROUP BY 1 ORDER BY {order}",
        lambda answer: answer["rows"][0]["clicks"],
    )


def _of_a_link(name: str, link: str) -> Question:
    where = f"link_id = '{link}' AND time >= {MONTH_US} AND time < {END_US}"
    return Question(
        name,
        f"group_by=time&grain=day&{_span(MONTH_US)}&filter[linkId]={link}&sort_by=clicks&sort_order=desc",
        f"SELECT {{day}}, {_four()} FROM clicks WHERE {where} GROUP BY 1 ORDER BY 2 DESC",
        lambda answer: answer["rows"][0]["clicks"],
    )


def _of_a_month(name: str, group_by: str, key: str) -> Question:
    where = f"time >= {MONTH_US} AND time < {END_US}"
    return Question(
        name,
        f"group_by={group_by}&{_span(MONTH_US)}",
        f"SELECT {key}, {_four()} FROM clicks WHERE {where} GROUP BY 1 ORDER BY 2 DESC LIMIT 100",
        lambda answer: answer["rows"][0]["clicks"],
    )


_DISTINCT = ", ".join(f"count(DISTINCT {column}) FILTER (WHERE {_HUMAN})" for column in ("visitor", "visitor_id"))
QUESTIONS = (
    _grouped("link", "link_id"),
    _grouped("partner", "partner_id"),
    _grouped("utmCampaign", "utm_campaign"),
    _grouped("countryCode", "country_code"),
    _grouped("time", "{day}")._replace(
        query=f"group_by=time&grain=day&{_span(MONTH_US)}&compare=previous&sort_by=clicks&sort_order=desc"
    ),
    _of_a_link("report of one link by day", _LINK),
    _of_a_link("report of the greatest link by day", _HEAVY),
    Question(
        "visitors and browsers of a year",
        f"metrics=visitors,browsers&{_span(YEAR_US)}",
        f"SELECT 0, {_DISTINCT} FROM clicks WHERE time >= {YEAR_US} AND time < {END_US}",
        lambda answer: answer["totals"]["visitors"],
    ),
    _of_a_month("report by parameter[sub]", "parameter[sub]", "{sub}"),
    _of_a_month("report by referrer", "referrer", "referrer"),
)


@contextmanager
def raw_duckdb(store: Path, copy: Path) -> Iterator[Raw]:
    """A copy of a store that no server has open, with the server's memory."""
    shutil.copy(store, copy)
    with duckdb.connect(str(copy), read_only=True, config={"memory_limit": "512MB"}) as connection:
        yield "duckdb", lambda statement: connection.execute(statement).fetchall()
    copy.unlink()


@contextmanager
def raw_postgres(url: str) -> Iterator[Raw]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield "postgres", lambda statement: connection.execute(statement).fetchall()


def measure(server: Serving, raw: Raw) -> Iterator[Line]:
    """Each report and its statement by hand in turn."""
    engine, run = raw
    with closing(Asker(server)) as asker:
        for question in QUESTIONS:
            statement = question.by_hand
            for place, expression in _DIALECTS[engine].items():
                statement = statement.replace(place, expression)
            yield question.name, _measure(asker, question, partial(run, statement))


def _measure(asker: Asker, question: Question, by_hand: Callable[[], list[tuple[Any, ...]]]) -> str:
    ours, theirs = [], []
    for _ in range(REPEATS):
        started = time.perf_counter()
        content, _ = asker.get(f"/reports?{question.query}")
        asked = time.perf_counter()
        rows = by_hand()
        ended = time.perf_counter()
        ours.append((asked - started) * 1000)
        theirs.append((ended - asked) * 1000)
        shown = question.read(json.loads(content))
        assert shown == rows[0][1], f"{question.name}: {shown}, by hand {rows[0][1]}"
        if ours[-1] > SLOW_MS:
            break
    mine, limit = statistics.median(ours), statistics.median(theirs)
    return f"{mine:.0f} ms, worst {max(ours):.0f} ms; by hand {limit:.0f} ms, ratio {mine / limit:.1f}"
